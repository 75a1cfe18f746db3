"""The bar that a mass detector must clear: difference-of-Gaussians blobs, no training."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

FloatImage = npt.NDArray[np.float32]

RADII_MM = (4.0, 5.5, 7.5, 10.0, 14.0)
WIDTH_RATIO = 2.2
_FLOOR = 0.02


def find_blobs(
    level: FloatImage, mask: npt.NDArray[np.bool_], mm_per_pixel: float, top: int = 60
) -> tuple[FloatImage, FloatImage]:
    """Bright blobs of an image, strongest first: boxes (N, 4) in pixels and scores (N,).

    `level` is the "global" channel, (rows, columns) float32; works on a copy decimated to 1 mm. The
    score is the difference of Gaussians over the deviation of its surroundings, the best of the
    variants that were tried.
    """
    factor = 1.0 / mm_per_pixel
    size = (max(8, int(level.shape[1] / factor)), max(8, int(level.shape[0] / factor)))
    small = np.asarray(cv2.resize(level, size, interpolation=cv2.INTER_AREA), np.float32)
    inside = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    weight = inside.astype(np.float32)

    def blur(image: FloatImage, sigma: float) -> FloatImage:
        cover = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 0.1)
        return np.asarray(cv2.GaussianBlur(image * weight, (0, 0), sigma) / cover, np.float32)

    stack = []
    for radius in RADII_MM:
        sigma = radius / 1.6
        difference = blur(small, sigma) - blur(small, WIDTH_RATIO * sigma)
        deviation = np.sqrt(blur((small - blur(small, 1.6 * radius)) ** 2, 1.6 * radius))
        stack.append(difference / (deviation + _FLOOR))
    response = np.stack(stack)
    peak = np.stack([cv2.dilate(r, np.ones((5, 5), np.uint8)) for r in response]).max(axis=0)
    scale, rows, columns = np.nonzero((response >= peak) & inside & (response > 0))
    scores = response[scale, rows, columns]
    order = np.argsort(-scores)[:top]
    reach = np.asarray(RADII_MM)[scale[order]] * 1.1
    x, y = columns[order] + 0.5, rows[order] + 0.5
    boxes = np.stack([x - reach, y - reach, x + reach, y + reach], axis=1) * factor
    return boxes.astype(np.float32), scores[order].astype(np.float32)
