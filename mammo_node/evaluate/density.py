"""The section on breast density: categories told against categories true, by breast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammo_node.evaluate.classes import confusion, quadratic_kappa
from mammo_node.evaluate.detection import Pair
from mammo_node.evaluate.records import Density
from mammo_node.evaluate.settings import Section, Settings

CATEGORIES = tuple(Density)


def density(pairs: Sequence[Pair], settings: Settings) -> Section | None:
    """Confusion and agreement of density, or None where nothing is told or known.

    The category is the one that the model reports of a breast; where it reports none, the most
    probable by the mean of the probabilities of the breast's images.
    """
    told: dict[object, list[tuple[float, float, float, float]]] = {}
    reported: dict[object, int] = {}
    known: dict[object, tuple[int, str]] = {}
    for record, prediction in pairs:
        if record.density is not None and prediction.density is not None:
            told.setdefault(record.breast, []).append(prediction.density)
            known[record.breast] = CATEGORIES.index(record.density), record.patient
            if prediction.density_category is not None:
                reported[record.breast] = CATEGORIES.index(Density(prediction.density_category))
    if not told:
        return None
    probable = {breast: int(np.mean(shares, axis=0).argmax()) for breast, shares in told.items()}
    decided = np.asarray([reported.get(breast, probable[breast]) for breast in known])
    true = np.asarray([category for category, _ in known.values()])
    count = len(CATEGORIES)
    counts = confusion(true, decided, count)
    low, high = settings.interval(
        lambda w: np.asarray([quadratic_kappa(confusion(true, decided, count, w))]),
        [patient for _, patient in known.values()],
    )
    return {
        "breasts": len(known),
        "categories": [category.value for category in CATEGORIES],
        "confusion": counts.tolist(),
        "accuracy": float((true == decided).mean()),
        "quadratic_kappa": quadratic_kappa(counts),
        "low": float(low[0]),
        "high": float(high[0]),
    }
