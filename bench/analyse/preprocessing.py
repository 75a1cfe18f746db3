"""From stored pixels to a tensor with two scales of CLAHE: the node against plain scikit-image.

    .venv/bin/python -m bench.analyse.preprocessing [FILE.dcm] [--rounds 5]

Both render the stored values, find the breast, crop to it, and make three channels at 0.2 mm a
pixel: the image, and its equalisation in tiles of 12 and of 36 mm. Plain scikit-image is Otsu's
threshold, its largest part, equalize_adapthist at both scales and an antialiased resize, all in
floating point, in two orders: equalised at full resolution, as is usual, or resized before. Without
a file it is a phantom. Decoding the file is not counted. Printed are medians, their ratios, how far
the crops agree (intersection over union), and the values within the breast: correlation, and the
mean absolute difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pydicom
from skimage.exposure import equalize_adapthist, rescale_intensity
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops
from skimage.transform import resize

from bench.analyse.rounds import machine, measure, timed
from mammo_node.evaluate.images import reference
from mammo_node.examination import Subject
from mammo_node.image.breast import find_breast
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.vocabulary import InputSpec, MammoImage, Refusal, VoiKind

MM = 0.2
FINE_MM, COARSE_MM, CLIP = 12.0, 36.0, 2.0
SPEC = InputSpec(
    name="image",
    channels=("global", "clahe-fine", "clahe-coarse"),
    mm_per_pixel=MM,
    mirror="none",
    pad_multiple=1,
)
NODE, FULL, FIRST = "node", "scikit-image", "scikit-image, resized first"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    image = read(arguments.file) if arguments.file else phantom()
    # scikit-image has one thread.
    cv2.setNumThreads(1)
    print(f"{image.shape[0]} x {image.shape[1]} pixels, one thread each, {machine()}")
    ways = {NODE: node, FULL: full_resolution, FIRST: resized_first}
    contenders = {name: timed(lambda way=way: way(image)) for name, way in ways.items()}
    times = measure(contenders, arguments.rounds)
    print(times.table((FULL, FIRST)))
    for name in (FULL, FIRST):
        compare(image, name, ways[name](image))


def node(image: MammoImage) -> np.ndarray:
    """Return (channels, rows, columns)."""
    return Subject(image).prepared(SPEC).tensor[0]


def full_resolution(image: MammoImage) -> np.ndarray:
    """Equalise at the stored resolution, then resize: as published pipelines do."""
    crop = otsu_crop(plain(image))
    shape = target(crop.shape, image)
    return np.stack([resize(c, shape, anti_aliasing=True) for c in channels(crop, spacing(image))])


def resized_first(image: MammoImage) -> np.ndarray:
    """Resize, then equalise what is left: less work."""
    crop = otsu_crop(plain(image))
    small = resize(crop, target(crop.shape, image), anti_aliasing=True)
    return np.stack(channels(small, MM))


def plain(image: MammoImage) -> np.ndarray:
    """Return stored values with dark air and bright tissue, floating point."""
    stored = image.stored.astype(np.float64)
    return stored.max() - stored if image.presentation.inverse else stored


def otsu_crop(pixels: np.ndarray) -> np.ndarray:
    """Crop to the largest part above Otsu's threshold."""
    top, left, bottom, right = otsu_box(pixels)
    return pixels[top:bottom, left:right]


def otsu_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    parts = regionprops(label(pixels > threshold_otsu(pixels)))
    return max(parts, key=lambda part: part.area).bbox


def channels(crop: np.ndarray, mm: float) -> list[np.ndarray]:
    """Return the image and its equalisation at both scales."""
    low, high = np.percentile(crop, [1.0, 99.5])
    level = rescale_intensity(crop, in_range=(low, high), out_range=(0.0, 1.0))
    return [
        level,
        *(equalize_adapthist(level, round(t / mm), CLIP / 256) for t in (FINE_MM, COARSE_MM)),
    ]


def spacing(image: MammoImage) -> float:
    return image.spacing.row_mm


def target(shape: tuple[int, int], image: MammoImage) -> tuple[int, int]:
    rows, columns = (round(side * spacing(image) / MM) for side in shape)
    return rows, columns


def compare(image: MammoImage, name: str, theirs: np.ndarray) -> None:
    """Print how far values agree where both cropped to and the breast is."""
    prepared = Subject(image).prepared(SPEC)
    top, left, bottom, right = otsu_box(plain(image))
    x0, y0, x1, y1 = find_breast(Subject(image).pixels(VoiKind.NONE), image.padding).box
    both = max(0, min(x1, right) - max(x0, left)) * max(0, min(y1, bottom) - max(y0, top))
    union = (x1 - x0) * (y1 - y0) + (right - left) * (bottom - top) - both
    # Their crop on our grid: same scale, other corner.
    shift = np.float32([[1, 0, (left - x0) * spacing(image) / MM]])
    shift = np.concatenate([shift, np.float32([[0, 1, (top - y0) * spacing(image) / MM]])])
    rows, columns = prepared.mask.shape
    laid = [
        cv2.warpAffine(c.astype(np.float32), shift, (columns, rows), borderValue=-1) for c in theirs
    ]
    inside = prepared.mask & (np.min(laid, axis=0) >= 0)
    words = []
    for channel, ours, other in zip(SPEC.channels, prepared.tensor[0], laid, strict=True):
        a, b = np.clip(ours[inside], 0, 1), other[inside]
        words.append(f"{channel} {np.corrcoef(a, b)[0, 1]:.4f} ({np.abs(a - b).mean():.3f})")
    print(f"{name}: crops overlap {both / union:.3f}; {', '.join(words)}")


def phantom() -> MammoImage:
    study = generate_study(11, pixel_spacing_mm=0.085, look="digital", views=(("L", "MLO"),))
    with TemporaryDirectory() as folder:
        return read(write_study(study, Path(folder))[0])


def read(path: Path) -> MammoImage:
    found = read_mammogram(path, reference(pydicom.dcmread(path)), Policy())
    if isinstance(found, Refusal):
        raise SystemExit(f"{path}: {found.detail}")
    return found


if __name__ == "__main__":
    main()
