"""A window classifier on one image: windows, heatmaps, and the regions that are findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.analyse.regions import regions_of
from mammo_node.analyse.sliding_frame import Floats
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.examination.examined import Examined, Heatmap
from mammo_node.examination.subject import Subject
from mammo_node.findings import findings_from
from mammo_node.image.geometry import ViewTransform
from mammo_node.vocabulary import Detections, Finding, MammoImage, Spacing

#: Regions are drawn on finer pixels than cells, which alone are coarse steps.
_PIXELS_PER_CELL = 8
_INSIDE = 0.5
#: Corners as (column, row).
_Points = npt.NDArray[np.float64]


def slide(subject: Subject, classifier: WindowClassifier) -> Examined:
    """Run one window classifier on one image; regions of its heatmaps become findings."""
    prepared = subject.prepared(classifier.package.input_spec)
    scored = classifier.run(prepared.tensor, prepared.mask)
    frame, maps = scored.frame, scored.heatmaps()
    transform = _framed(prepared.transform, frame.margin)
    breast = frame.filled(prepared.mask.astype(np.float32), 0.0)
    heats = {index: _drawn(maps[index], breast) for index in classifier.package.labels}
    found = [
        finding
        for index, heat in heats.items()
        for finding in _findings(subject.image, transform, classifier, index, heat)
    ]
    highest = np.maximum.reduce(list(heats.values()))
    return Examined(
        findings=tuple(sorted(found, key=lambda finding: -finding.score)),
        heatmap=Heatmap(highest, transform, frame.shape),
    )


def _framed(transform: ViewTransform, margin: int) -> ViewTransform:
    """Return the way to the frame: the margin is padding before the image."""
    return replace(
        transform, pad_left=transform.pad_left + margin, pad_top=transform.pad_top + margin
    )


def _drawn(heat: Floats, breast: Floats) -> Floats:
    """Draw a map of cells on finer pixels, linear between cells, and 0 off the breast."""
    rows, columns = (_PIXELS_PER_CELL * cells for cells in heat.shape)
    fine = cv2.resize(heat, (columns, rows), interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(breast, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(np.where(share >= _INSIDE, fine, np.float32(0)), dtype=np.float32)


def _findings(
    image: MammoImage,
    transform: ViewTransform,
    classifier: WindowClassifier,
    index: int,
    heat: Floats,
) -> Iterator[Finding]:
    """Yield the regions of one label's map, in the stored image's coordinates."""
    package, table = classifier.package, classifier.manifest.regions
    window = classifier.manifest.window
    pixel = math.gcd(window.size_px, window.stride_px) / _PIXELS_PER_CELL
    across, down = transform.scale
    pixel_mm2 = pixel**2 / (across * down) * image.spacing.column_mm * image.spacing.row_mm
    for region in regions_of(
        heat,
        classifier.thresholds[package.labels[index]],
        share_of_peak=table.share_of_peak,
        min_area=table.min_area_mm2 / pixel_mm2,
        most=table.most,
    ):
        outline = _within(transform.to_original(region.outline * pixel), image.shape)
        found = Detections(
            np.array([region.box], dtype=np.float32) * np.float32(pixel),
            np.array([region.score], dtype=np.float32),
            np.array([index], dtype=np.int64),
        )
        for finding in findings_from(found, transform, package, image.spacing, image.shape):
            corners = tuple((float(x), float(y)) for x, y in outline)
            extent_mm = _extent_mm(outline, image.spacing)
            yield replace(finding, outline_px=corners, long_axis_mm=extent_mm)


def _within(outline: _Points, shape: tuple[int, int]) -> _Points:
    rows, columns = shape
    return np.asarray(np.clip(outline, 0.0, (columns, rows)), dtype=np.float64)


def _extent_mm(outline: _Points, spacing: Spacing) -> float:
    """Return the greatest distance between two corners of an outline."""
    corners = outline * (spacing.column_mm, spacing.row_mm)
    between = corners[:, np.newaxis] - corners
    return float(np.hypot(between[..., 0], between[..., 1]).max())
