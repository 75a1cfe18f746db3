"""The section on the nipple: how far from the true place it was put, in mm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammo_node.evaluate.detection import Pair
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.settings import Section


def nipple(pairs: Sequence[Pair]) -> Section | None:
    """Median and 90th percentile of the error, or None where nothing is told or known."""
    errors = [error for r, p in pairs if (error := error_mm(r, p)) is not None]
    if not errors:
        return None
    median, ninetieth = np.percentile(errors, [50, 90])
    return {
        "images": len(errors),
        "median_mm": float(median),
        "ninetieth_percentile_mm": float(ninetieth),
        "errors_mm": sorted(errors),
    }


def error_mm(record: ImageRecord, prediction: Prediction) -> float | None:
    """Return the distance of the nipple found from the true one, None where one is unknown."""
    if record.nipple_px is None or prediction.nipple_px is None or prediction.spacing_mm is None:
        return None
    (x, y), (found_x, found_y) = record.nipple_px, prediction.nipple_px
    row_mm, column_mm = prediction.spacing_mm
    return float(np.hypot((found_x - x) * column_mm, (found_y - y) * row_mm))
