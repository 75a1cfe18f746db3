"""All figures of one evaluation as one document of plain values: what the JSON file holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from mammo_node.evaluate.decisions import decisions
from mammo_node.evaluate.density import density
from mammo_node.evaluate.detection import Pair, detection
from mammo_node.evaluate.discrimination import MALIGNANT, discrimination, tells_malignancy
from mammo_node.evaluate.groups import groups
from mammo_node.evaluate.labels import FINDINGS, MASS, OTHER
from mammo_node.evaluate.nipple import nipple
from mammo_node.evaluate.run import Judged
from mammo_node.evaluate.settings import Section, Settings
from mammo_node.evaluate.suspicion import suspicion

FORMAT = 1
STATEMENT = (
    "Research software, not a medical device. These figures hold for these images and this truth;"
    " they are no clinical validation."
)
DIGITS = 4


def figures(
    judged: Sequence[Judged], labels: Iterable[str], about: Section, settings: Settings
) -> Section:
    """Compute every figure that truth and answers allow.

    Parameters
    ----------
    judged
        Truth and answers, image by image.
    labels
        What the model looks for.
    about
        What was evaluated on what; goes into the document as it is.
    settings
        Intervals and thresholds.
    """
    pairs = [(one.record, one.prediction) for one in judged]
    bars = [(one.record, one.bar) for one in judged if one.bar is not None]
    wanted = _worth_telling(labels, pairs)
    scored = [*wanted, MALIGNANT] if tells_malignancy(pairs) else wanted
    document: Section = {
        "format": FORMAT,
        "statement": STATEMENT,
        "about": about,
        "settings": asdict(settings),
        "data": data(pairs, wanted),
        "detection": {name: detection(pairs, name, settings) for name in wanted},
        "bar": _bar(bars, settings) if bars and MASS in wanted else None,
        "discrimination": {name: discrimination(pairs, name, settings) for name in scored},
        "suspicion": {name: suspicion(pairs, name, settings) for name in wanted},
        "decisions": decisions(pairs, wanted, settings) if wanted else None,
        "density": density(pairs, settings),
        "nipple": nipple(pairs),
        "by": groups(pairs, wanted, scored, settings),
    }
    return {key: _plain(part) for key, part in document.items()}


def _bar(bars: Sequence[Pair], settings: Settings) -> Section | None:
    """Return what the blob bar finds, without an operating point: a contrast has no threshold."""
    section = detection(bars, MASS, settings)
    return section and {key: part for key, part in section.items() if key != "operating_point"}


def data(pairs: Sequence[Pair], labels: Sequence[str]) -> Section:
    """Count what there was to look at, and what was not looked at, with the reasons."""
    records = [record for record, _ in pairs]
    refused = [p.refusal for _, p in pairs if p.refusal is not None]
    return {
        "images": len(records),
        "analysed": len(records) - len(refused),
        "patients": len({record.patient for record in records}),
        "breasts": len({record.breast for record in records}),
        "refused": dict(Counter(refused).most_common()),
        "findings": {name: sum(len(r.of_label(name)) for r in records) for name in labels},
        "findings_in_refused_images": {
            name: sum(len(r.of_label(name)) for r, p in pairs if p.refusal is not None)
            for name in labels
        },
        "malignant_images": sum(record.malignant is True for record in records),
        "vendors": _counted(record.vendor for record in records),
        "densities": _counted(record.density for record in records),
    }


def _counted(names: Iterable[str | None]) -> Section:
    return dict(sorted(Counter(name or "not known" for name in names).items()))


def _worth_telling(labels: Iterable[str], pairs: Sequence[Pair]) -> list[str]:
    """Return the model's labels that the truth speaks of, in the vocabulary's order."""
    annotated = {name for record, _ in pairs for name in record.annotated}
    told = {name for _, p in pairs for name in p.image_scores} | set(labels)
    return [name for name in FINDINGS if name in annotated & told and name != OTHER]


def _plain(value: object) -> object:
    """Round floats, and write what is no number (nan) as null, as JSON has none."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value
