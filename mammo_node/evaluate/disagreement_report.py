"""The comparison of two models as one JSON document, and as a page of HTML.

The document's keys are stable::

    format                1
    statement             str, what it may not be used for
    models                {a, b}: {name, versions}
    studies               int, compared; not_compared {only_a, only_b}: those one model saw alone
    same_light            int
    lights                [{a, b, studies}], of each pair of lights that occurred
    findings              {both, only_a, only_b}, on images that both saw
    study_scores          {number, pearson, spearman}
    image_scores          the same, of single images
    densities             [{a, b, breasts}]
    disagreements         [{study_instance_uid, a, b, findings, seen_by_one}], the worst first,
                          with a and b {light, score, category, outcome, reasons}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from mammo_node.analyse.opinion import Opinion
from mammo_node.encode.statement import RESEARCH_USE
from mammo_node.evaluate import html
from mammo_node.evaluate.disagreement import Comparison, StudyDisagreement

FORMAT: Final = 1
Document = Mapping[str, Any]
_HOW = (
    "Each model is judged by itself, with its own scores before views were compared. Findings are"
    " one where their boxes overlap by IoU 0.2 or more. Nothing here says who is right: look at"
    " the studies at the top."
)


@dataclass(frozen=True, slots=True)
class Sides:
    """Which models were compared, and what could not be."""

    a: str
    b: str
    only_a: int = 0
    only_b: int = 0


def document(comparison: Comparison, sides: Sides, limit: int) -> dict[str, Any]:
    """Return the comparison as values that ``json.dumps`` takes, with so many disagreements."""
    studies = comparison.studies
    return {
        "format": FORMAT,
        "statement": RESEARCH_USE,
        "models": {
            "a": {"name": sides.a, "versions": _versions([s.a for s in studies])},
            "b": {"name": sides.b, "versions": _versions([s.b for s in studies])},
        },
        "studies": len(studies),
        "not_compared": {"only_a": sides.only_a, "only_b": sides.only_b},
        "same_light": comparison.same_light,
        "lights": [
            {"a": a.value, "b": b.value, "studies": number}
            for (a, b), number in sorted(comparison.lights.items())
        ],
        "findings": asdict(comparison.findings),
        "study_scores": asdict(comparison.study_scores),
        "image_scores": asdict(comparison.image_scores),
        "densities": [
            {"a": a, "b": b, "breasts": number}
            for (a, b), number in sorted(comparison.densities.items())
        ],
        "disagreements": [_study(study) for study in studies[:limit]],
    }


def page(document: Document) -> str:
    """Return the comparison as one HTML file."""
    a, b = (_title(document["models"][side]) for side in "ab")
    parts = [
        html.paragraph(document["statement"], notice=True),
        html.paragraph(_HOW),
        "<h2>Summary</h2>",
        html.table(("", ""), summary(document), 1),
        "<h2>Lights</h2>",
        html.table((f"{a} / {b}", *LIGHTS), light_rows(document)),
    ]
    if document["densities"]:
        rows = [(d["a"], d["b"], str(d["breasts"])) for d in document["densities"]]
        parts += ["<h2>Density</h2>", html.table((a, b, "breasts"), rows, 2)]
    parts += [
        "<h2>Worst disagreements</h2>",
        html.table(("study", *COLUMNS), study_rows(document), 3),
    ]
    return html.page(f"{a} and {b} on the same studies", parts)


#: Of the confusion table, in its order.
LIGHTS: Final = ("red", "amber", "green", "unlit")
COLUMNS: Final = ("light A", "light B", "score A", "score B", "both", "only A", "only B")


def summary(document: Document) -> list[tuple[str, str]]:
    """Return the figures in rows of two words."""
    found, alone = document["findings"], document["not_compared"]
    rows = [
        ("A", _title(document["models"]["a"])),
        ("B", _title(document["models"]["b"])),
        ("studies compared", str(document["studies"])),
        ("seen by A alone", str(alone["only_a"])),
        ("seen by B alone", str(alone["only_b"])),
        ("same light", f"{document['same_light']} of {document['studies']}"),
        ("findings of both", str(found["both"])),
        ("findings of A alone", str(found["only_a"])),
        ("findings of B alone", str(found["only_b"])),
    ]
    for key, words in (("study_scores", "studies"), ("image_scores", "images")):
        scores = document[key]
        rows.append((f"rank correlation, {words}", html.number(scores["spearman"])))
    return rows


def light_rows(document: Document) -> list[tuple[str, ...]]:
    """Return the confusion table: a row for each light of A, a column for each of B."""
    numbers = {(pair["a"], pair["b"]): pair["studies"] for pair in document["lights"]}
    return [(a, *(str(numbers.get((a, b), 0)) for b in LIGHTS)) for a in LIGHTS]


def study_rows(document: Document) -> list[tuple[str, ...]]:
    """Return the worst disagreements, one study a row."""
    return [
        (
            study["study_instance_uid"],
            study["a"]["light"],
            study["b"]["light"],
            html.number(study["a"]["score"]),
            html.number(study["b"]["score"]),
            *(str(study["findings"][key]) for key in ("both", "only_a", "only_b")),
        )
        for study in document["disagreements"]
    ]


def _title(model: Mapping[str, Any]) -> str:
    return f"{model['name']} {', '.join(model['versions'])}".strip()


def _versions(opinions: Sequence[Opinion]) -> list[str]:
    return sorted({opinion.model.version for opinion in opinions})


def _study(study: StudyDisagreement) -> dict[str, Any]:
    return {
        "study_instance_uid": study.study_instance_uid,
        "a": _word(study.a),
        "b": _word(study.b),
        "findings": asdict(study.findings),
        "seen_by_one": study.seen_by_one,
    }


def _word(opinion: Opinion) -> dict[str, Any]:
    return {
        "light": opinion.light.value,
        "score": opinion.score,
        "category": opinion.category,
        "outcome": opinion.outcome.value,
        "reasons": list(opinion.reasons),
    }
