"""A landmark model on one image: nipple, muscle and breast in the stored image's coordinates."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mammo_node.analyse.landmarks import FoundLandmarks, LandmarkFinder
from mammo_node.analyse.nipple_frame import MEDIOLATERAL
from mammo_node.examination.examined import Examined
from mammo_node.examination.subject import Subject
from mammo_node.image.preprocess import Prepared
from mammo_node.vocabulary import Landmarks, MammoImage

Floats = npt.NDArray[np.float32]
Polygon = tuple[tuple[float, float], ...]

#: Maps are drawn this much finer before they are outlined, so that an outline has no steps.
_FINER = 4
_INSIDE = 0.5
#: How far a polygon may be off its outline.
_TOLERANCE_MM = 0.5
#: A muscle is smoothed over this much, mm (deviation of a Gaussian).
_SMOOTH_MM = 2.0
_LEAST_POINTS = 3
#: So far outside of the image the middle of a nipple may lie that is partly in it.
_CUT_MM = 5.0


def point_out(subject: Subject, finder: LandmarkFinder) -> Examined:
    """Run one landmark model on one image.

    The nipple is left out below the manifest's ``least_score`` and where it lies outside of the
    image; a pectoral muscle is looked for in mediolateral views alone, and must lie at the chest
    wall.
    """
    image = subject.image
    prepared = subject.prepared(finder.package.input_spec)
    found = finder.run(prepared.tensor)
    nipple = _in_image(prepared.transform.to_original([found.nipple])[0], image)
    seen = found.score >= finder.manifest.least_score
    breast = prepared.mask.astype(np.float32)
    return Examined(
        landmarks=Landmarks(
            nipple_px=nipple if seen else None,
            nipple_score=found.score,
            in_profile=found.in_profile,
            pectoral_px=_muscle(image, prepared, found),
            breast_px=_polygon(breast, prepared, image),
            model=finder.package.ref,
            orientation=image.orientation,
        )
    )


def _in_image(point_px: npt.NDArray[np.float64], image: MammoImage) -> tuple[float, float] | None:
    """Move a nipple that is cut by the image's edge to it; None for one farther outside."""
    rows, columns = image.shape
    inside = np.clip(point_px, 0.0, (columns, rows))
    beyond_mm = (point_px - inside) * (image.spacing.column_mm, image.spacing.row_mm)
    if np.hypot(*beyond_mm) > _CUT_MM:
        return None
    return float(inside[0]), float(inside[1])


def _muscle(image: MammoImage, prepared: Prepared, found: FoundLandmarks) -> Polygon:
    if found.pectoral is None or image.view not in MEDIOLATERAL:
        return ()
    rows, columns = prepared.mask.shape
    likely = cv2.resize(found.pectoral, (columns, rows), interpolation=cv2.INTER_LINEAR)
    likely *= prepared.mask
    sigma_px = _SMOOTH_MM / image.spacing.column_mm * prepared.transform.scale[0]
    smooth = cv2.GaussianBlur(likely, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    polygon = _polygon(np.asarray(smooth, dtype=np.float32), prepared, image)
    return polygon if _at_chest_wall(polygon, prepared, image) else ()


def _at_chest_wall(polygon: Polygon, prepared: Prepared, image: MammoImage) -> bool:
    """Whether a polygon lies in the rear half of the breast."""
    if not polygon:
        return False
    rows, columns = np.nonzero(prepared.mask)
    breast = prepared.transform.to_original(np.stack([columns, rows], axis=1))[:, 0]
    middle = (float(breast.min()) + float(breast.max())) / 2
    rearward = float(np.mean([point[0] for point in polygon])) - middle
    return rearward > 0 if image.orientation.chest_wall_right else rearward < 0


def _polygon(share: Floats, prepared: Prepared, image: MammoImage) -> Polygon:
    """Outline the largest part of a map, on the model's pixels, above one half."""
    rows, columns = share.shape
    size = (_FINER * columns, _FINER * rows)
    fine = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR) > _INSIDE
    outlines, _ = cv2.findContours(fine.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return ()
    outline = max(outlines, key=cv2.contourArea)[:, 0, :]
    # Contours run through the centres of pixels.
    stored = prepared.transform.to_original((outline + 0.5) / _FINER)
    rows_mm, columns_mm = image.spacing.row_mm, image.spacing.column_mm
    in_mm = np.asarray(stored * (columns_mm, rows_mm), dtype=np.float32)
    simple = cv2.approxPolyDP(in_mm[:, None, :], _TOLERANCE_MM, True)[:, 0, :]
    if len(simple) < _LEAST_POINTS:
        return ()
    limits = (float(image.shape[1]), float(image.shape[0]))
    points = np.clip(simple / (columns_mm, rows_mm), 0.0, limits)
    return tuple((float(column), float(row)) for column, row in points)
