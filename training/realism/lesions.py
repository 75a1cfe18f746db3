"""How lesions of phantoms stand out, by the same rules as the published figures of real ones.

Masses: a disc (within 0.7 radii) against a ring (1.15 to 1.9 radii) around the box's centre, the
radius being half the box's longer side. Calcifications: the peak above a blurred copy of the
picture, its width, and the noise around.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from mammo_node.phantom import CLUSTER, MASS, PhantomView, TextureBank, generate_study
from mammo_node.phantom.contrast import (
    LEAST_RING,
    disc_and_ring,
    middle_and_radius,
    radial_distance,
    rise,
)
from training.realism.statistics import Figures
from training.realism.table import Row, spread

PITCH_MM = 0.2
#: Real lesions on film: median, 10th and 90th percentile where known.
TARGETS: dict[str, tuple[float, float | None, float | None]] = {
    "mass contrast": (0.14, 0.05, 0.28),
    "mass contrast / ring sd": (1.4, 0.3, 2.7),
    "mass steepest fall": (1.8, 1.3, 3.1),
    "mass core / normal fine sd": (1.08, None, None),
    "mass radius mm": (9.6, 4.7, 19.5),
    "calcification peak": (0.10, 0.06, 0.18),
    "calcification FWHM mm": (0.68, 0.44, 1.15),
    "noise MAD": (0.010, None, None),
}


def measure_lesions(
    seeds: Iterable[int], bank: TextureBank, look: str = "film"
) -> list[dict[str, float]]:
    """Figures of every mass and cluster in the views of some phantom studies."""
    found = []
    for seed in seeds:
        study = generate_study(
            seed,
            pixel_spacing_mm=PITCH_MM,
            look=look,
            masses=2,
            clusters=1,
            signs=(),
            implant="none",
            bank=bank,
        )
        for view in study.views:
            grey = _scaled(view)
            for lesion in view.lesions:
                if lesion.kind == MASS:
                    middle, radius = middle_and_radius(lesion.box_px)
                    found.append(mass_figures(grey, view.inside_mm > 0, middle, radius))
                elif lesion.kind == CLUSTER:
                    found.append(cluster_figures(grey, lesion.box_px))
    return found


def rows_of(found: list[Figures]) -> list[Row]:
    """Real figures against those of some lesions; where no spread was published, the median."""
    rows = []
    for name, (middle, low, high) in TARGETS.items():
        mine = spread(f[name] for f in found if name in f)
        if mine:
            real = (middle, middle if low is None else low, middle if high is None else high)
            rows.append(Row(name, real, mine))
    return rows


def mass_figures(
    grey: np.ndarray, breast: np.ndarray, middle: tuple[float, float], radius_px: float
) -> dict[str, float]:
    """Contrast, visibility, edge and texture of one mass."""
    distance = radial_distance(grey.shape, middle, radius_px)
    disc, ring = disc_and_ring(distance, breast)
    if ring.sum() < LEAST_RING:
        return {}
    contrast = rise(grey, disc, ring)
    edges = np.arange(0.0, 1.9, 0.1)
    bins = np.digitize(distance, edges)
    profile = np.array([grey[(bins == i) & breast].mean() for i in range(1, len(edges))])
    fall = float(-np.diff(cv2.blur(profile[:, None], (1, 3))[:, 0]).min() / 0.1)
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 2.0 / PITCH_MM)
    figures = {
        "mass contrast": contrast,
        "mass contrast / ring sd": contrast / max(float(grey[ring].std()), 1e-6),
        "mass core / normal fine sd": float(fine[distance < 0.6].std() / fine[ring].std()),
        "mass radius mm": radius_px * PITCH_MM,
    }
    if contrast > 0.03:
        figures["mass steepest fall"] = fall / contrast
    return figures


def cluster_figures(grey: np.ndarray, box: tuple[float, float, float, float]) -> dict[str, float]:
    """Height and width of the strongest speck of a cluster, and the noise of its surroundings."""
    x0, y0, x1, y1 = (round(c) for c in box)
    patch = grey[max(y0, 0) : y1, max(x0, 0) : x1]
    band = cv2.GaussianBlur(grey, (0, 0), 0.18 / PITCH_MM)
    band = (band - cv2.GaussianBlur(grey, (0, 0), 0.55 / PITCH_MM))[
        max(y0, 0) : y1, max(x0, 0) : x1
    ]
    if patch.size < 25:
        return {}
    above = patch - cv2.GaussianBlur(patch, (0, 0), 1.5 / PITCH_MM)
    row, column = np.unravel_index(int(np.argmax(above)), above.shape)
    peak = float(above[row, column])
    wide = int((above[row] > peak / 2).sum()), int((above[:, column] > peak / 2).sum())
    noise = float(np.median(np.abs(band - np.median(band))))
    figures = {"calcification peak": peak, "noise MAD": noise}
    if peak > 4 * noise:
        figures["calcification FWHM mm"] = float(np.mean(wide) * PITCH_MM)
    return figures


def _scaled(view: PhantomView) -> np.ndarray:
    grey = view.pixels.astype(np.float32)
    low, high = np.percentile(grey[view.inside_mm > 0], (1.0, 99.5))
    return np.asarray((grey - low) / (high - low), dtype=np.float32)
