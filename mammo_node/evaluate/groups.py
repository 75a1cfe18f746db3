"""The section that tells how figures of whole images differ by vendor and by density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mammo_node.evaluate.decisions import decisions
from mammo_node.evaluate.density import density
from mammo_node.evaluate.detection import Pair, grouped
from mammo_node.evaluate.discrimination import MALIGNANT, discrimination
from mammo_node.evaluate.nipple import nipple
from mammo_node.evaluate.settings import Section, Settings


def groups(pairs: Sequence[Pair], labels: Sequence[str], settings: Settings) -> Section:
    """Tell each group's figures, without intervals; boxes have their own breakdowns."""
    # One round: nothing here shows an interval.
    quick = replace(settings, rounds=1)
    by_vendor = grouped(pairs, lambda record: record.vendor)
    by_density = grouped(pairs, lambda record: record.density)
    return {
        "vendor": {name: _figures(part, labels, quick) for name, part in by_vendor.items()},
        "density": {name: _figures(part, labels, quick) for name, part in by_density.items()},
    }


def _figures(pairs: Sequence[Pair], labels: Sequence[str], settings: Settings) -> Section:
    scores = {n: discrimination(pairs, n, settings) for n in (*labels, MALIGNANT)}
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
