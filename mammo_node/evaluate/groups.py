"""The section that tells how figures of whole images differ by vendor and by density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mammo_node.evaluate.decisions import decisions
from mammo_node.evaluate.density import density
from mammo_node.evaluate.detection import Pair, grouped
from mammo_node.evaluate.discrimination import discrimination
from mammo_node.evaluate.nipple import nipple
from mammo_node.evaluate.settings import Section, Settings


def groups(
    pairs: Sequence[Pair], labels: Sequence[str], scored: Sequence[str], settings: Settings
) -> Section:
    """Tell each group's figures, without intervals; boxes have their own breakdowns.

    Decisions are told of `labels`, curves of what is `scored`.
    """
    # One round: nothing here shows an interval.
    quick = replace(settings, rounds=1)
    by = {
        "vendor": grouped(pairs, lambda record: record.vendor),
        "density": grouped(pairs, lambda record: record.density),
    }
    return {
        key: {name: _figures(part, labels, scored, quick) for name, part in parts.items()}
        for key, parts in by.items()
    }


def _figures(
    pairs: Sequence[Pair], labels: Sequence[str], scored: Sequence[str], settings: Settings
) -> Section:
    scores = {name: discrimination(pairs, name, settings) for name in scored}
    decided = decisions(pairs, labels, settings) if labels else None
    category, place = density(pairs, settings), nipple(pairs)
    return {
        "images": len(pairs),
        "auc": {n: _of(s["image"], "auc") for n, s in scores.items()},
        "breast_auc": {n: _of(s["breast"], "auc") for n, s in scores.items()},
        "image_ece": {n: _of(s["calibration"], "ece") for n, s in scores.items()},
        "weighted_f1": _of(decided, "weighted_f1"),
        "quadratic_kappa": _of(category, "quadratic_kappa"),
        "nipple_median_mm": _of(place, "median_mm"),
    }


def _of(section: Section | None, key: str) -> float | None:
    return section[key] if section else None
