"""What models and views say across a breast, in words; and the same words read back.

Reports say these things in codes where their template has a row. The Mammography CAD SR has
none for a place or a category, and pictures and pages have no codes at all: there the words
are all there is, so each sentence has its reader beside it. ASCII, like every statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mammo_node.encode import anatomy, statement
from mammo_node.vocabulary import (
    Agreement,
    Assessment,
    Density,
    DensityCategory,
    Depth,
    Finding,
    FindingRef,
    ImageScore,
    Laterality,
    Light,
    Location,
    Quadrant,
    StudyResult,
)

_WHO: Final = {None: "Patient", Laterality.RIGHT: "Right breast", Laterality.LEFT: "Left breast"}
_SIDES: Final = {name: side for side, name in _WHO.items()}
#: Scores that differ by less look the same in words.
_SAME: Final = 0.005
_CATEGORY: Final = re.compile(r"AI suspicion category (\d)")
_LIGHT: Final = re.compile(r"light (red|amber|green|unlit)")
_PROBABILITIES: Final = re.compile(r"A (\d\.\d+), B (\d\.\d+), C (\d\.\d+), D (\d\.\d+)")
_CLOCK: Final = re.compile(r"\b(\d{1,2}) o'clock")
_NIPPLE: Final = re.compile(r"(\d+\.\d) mm from the nipple")
_SKIN: Final = re.compile(r"(\d+\.\d) mm from the skin")
_WHO_SAID: Final = re.compile(rf"({'|'.join(_WHO.values())}): AI score (\d\.\d\d)([^.;]*)")
_SCORE_SAID: Final = re.compile(
    r"([RL]-[A-Z]+(?:\.\d+)?): ([^:;.]+) (\d\.\d\d)"
    r"((?:, AI suspicion category \d \(not BI-RADS\))?)\."
)
_DENSITY_SAID: Final = re.compile(
    rf"({'|'.join(_WHO.values())}): density ([A-D]) \([^)]*\), (\d\.\d\d)((?:; prob.+? D \d\.\d+)?)"
)


@dataclass(frozen=True, slots=True)
class SaidScore:
    """A score of an image as words say it: by the image's name, to two decimals."""

    image: str
    label: str
    score: float
    category: int | None


@dataclass(frozen=True, slots=True)
class SaidDensity:
    """A density as words say it."""

    laterality: Laterality | None
    category: DensityCategory
    certainty: float
    probabilities: tuple[float, float, float, float] | None


def who(laterality: Laterality | None) -> str:
    """Return 'Right breast', 'Left breast', or 'Patient'."""
    return _WHO[laterality]


def place_words(location: Location | None) -> str:
    """Return the part of the breast: 'upper outer quadrant, 10 o'clock, middle third'."""
    if location is None:
        return ""
    clock = None if location.clock is None else f"{location.clock} o'clock"
    return ", ".join(part for part in (location.quadrant, clock, location.depth) if part)


def short_place(finding: Finding) -> str:
    """Return the quadrant (or a model's own words) and the hour, for where there is little room."""
    location = finding.location or Location()
    site = finding.site or location.quadrant or ""
    hour = "" if location.clock is None else f"{location.clock} o'clock"
    return ", ".join(part for part in (site, hour) if part)


def location_words(location: Location | None) -> str:
    """Return place and distances: '..., 43.0 mm from the nipple, 12.5 mm from the skin'."""
    if location is None:
        return ""
    parts = [place_words(location)]
    if location.nipple_mm is not None:
        parts.append(f"{location.nipple_mm:.1f} mm from the nipple")
    if location.skin_mm is not None:
        parts.append(f"{location.skin_mm:.1f} mm from the skin")
    return ", ".join(part for part in parts if part)


def location_in(words: str) -> Location | None:
    """Return the place that :func:`location_words` says; None where it says none."""
    clock = _CLOCK.search(words)
    found = Location(
        next((quadrant for quadrant in Quadrant if quadrant in words), None),
        int(clock[1]) if clock else None,
        next((depth for depth in Depth if depth in words), None),
        _number(_NIPPLE, words),
        _number(_SKIN, words),
    )
    return None if found == Location() else found


def finding_words(result: StudyResult, finding: Finding) -> str:
    """Return where a finding lies, and what the other view said of it."""
    parts = (location_words(finding.location), agreement_words(result, finding))
    return "; ".join(part for part in parts if part)


def of_finding(name: str, words: str) -> Iterator[str]:
    """Yield the sentences of a text that begin with a finding's name: 'R-MLO-1: ...'."""
    for said in re.finditer(rf"(?:^| ){re.escape(name)}: (.+?)\.(?= |$)", words):
        yield said[1]


def agreement_words(result: StudyResult, finding: Finding) -> str:
    """Return what the other view said of a finding; nothing where views were not compared."""
    agreement = finding.agreement
    if agreement is None:
        return ""
    before, now = agreement.score_before, finding.score
    change = f"score raised from {before:.2f} to {now:.2f}"
    if abs(now - before) < _SAME:
        change = f"score left at {now:.2f}"
    elif now < before:
        change = f"score lowered from {before:.2f} to {now:.2f}"
    return f"{change}: {_partner_words(result, agreement)}"


def _partner_words(result: StudyResult, agreement: Agreement) -> str:
    if agreement.partner is None:
        return "the other view shows no finding at this distance from the nipple"
    words = f"{name_of(result, agreement.partner)} is at the same distance from the nipple"
    apart = agreement.difference_mm
    return words if apart is None else f"{words}, {apart:.1f} mm apart"


def name_of(result: StudyResult, ref: FindingRef) -> str:
    """Return a finding's name, such as 'R-MLO-1'; 'a finding' for one that is not there."""
    for view in result.views:
        if view.ref.sop_instance_uid == ref.sop_instance_uid and ref.index < len(view.findings):
            return statement.finding_name(result, view, ref.index)
    return "a finding"


def certainty_of(density: Density) -> float:
    """Return the probability of the category that is reported; it need not be the highest."""
    return density.probabilities[list(DensityCategory).index(density.category)]


def density_words(density: Density) -> str:
    """Return 'Right breast: density C (heterogeneously dense), 0.71'."""
    category, certain = density.category, certainty_of(density)
    meaning = anatomy.COMPOSITIONS[category].meaning.lower()
    return f"{who(density.laterality)}: density {category} ({meaning}), {certain:.2f}"


def densities_in(words: str) -> Iterator[SaidDensity]:
    """Yield the densities that a text says, with probabilities where it has them."""
    for said in _DENSITY_SAID.finditer(words):
        category = DensityCategory(said[2])
        yield SaidDensity(_SIDES[said[1]], category, float(said[3]), probabilities_in(said[4]))


def probability_words(density: Density) -> str:
    """Return 'probabilities: A 0.0500, B 0.1200, C 0.7100, D 0.1200'."""
    names = ("A", "B", "C", "D")
    listed = zip(names, density.probabilities, strict=True)
    return "probabilities: " + ", ".join(f"{name} {value:.4f}" for name, value in listed)


def probabilities_in(words: str) -> tuple[float, float, float, float] | None:
    """Return what :func:`probability_words` says."""
    found = _PROBABILITIES.search(words)
    return (float(found[1]), float(found[2]), float(found[3]), float(found[4])) if found else None


def category_words(category: int) -> str:
    """Return the category with what it is not."""
    return f"AI suspicion category {category} (not BI-RADS)"


def _with_category(words: str, category: int | None) -> str:
    return words if category is None else f"{words}, {category_words(category)}"


def category_in(words: str) -> int | None:
    """Return the category that a text says."""
    found = _CATEGORY.search(words)
    return int(found[1]) if found else None


def score_words(score: ImageScore) -> str:
    """Return 'nodule 0.63, AI suspicion category 4 (not BI-RADS)'."""
    return _with_category(f"{statement.plain(score.label)} {score.score:.2f}", score.category)


def scores_in(words: str) -> Iterator[SaidScore]:
    """Yield the scores of images that a text says: 'R-CC: nodule 0.63, ...'."""
    for said in _SCORE_SAID.finditer(words):
        yield SaidScore(said[1], said[2], float(said[3]), category_in(said[4]))


def light_words(light: Light) -> str:
    """Return 'light amber'."""
    return f"light {light}"


def light_in(words: str) -> Light | None:
    """Return the light that a text says."""
    found = _LIGHT.search(words)
    return Light(found[1]) if found else None


def assessment_words(assessment: Assessment) -> str:
    """Return 'Right breast: AI score 0.58, AI suspicion category 4 (not BI-RADS), light amber'."""
    words = f"{who(assessment.laterality)}: AI score {assessment.score:.2f}"
    return f"{_with_category(words, assessment.category)}, {light_words(assessment.light)}"


def breasts_words(result: StudyResult) -> str:
    """Return what is said of each breast in one line: 'Right: score 0.71, density C.'."""
    said = {"Right": _breast(result, Laterality.RIGHT), "Left": _breast(result, Laterality.LEFT)}
    return " ".join(f"{name}: {', '.join(parts)}." for name, parts in said.items() if parts)


def _breast(result: StudyResult, side: Laterality) -> list[str]:
    assessed = [one for one in result.assessments if one.laterality is side]
    parts = [f"score {one.score:.2f}" for one in assessed]
    parts += [f"AI suspicion category {c}" for one in assessed if (c := one.category) is not None]
    return parts + [f"density {d.category}" for d in result.densities if d.laterality is side]


def assessments_in(words: str) -> Iterator[Assessment]:
    """Yield the assessments that a text says, without their reasons."""
    for said in _WHO_SAID.finditer(words):
        light = light_in(said[3])
        if light is not None:
            yield Assessment(_SIDES[said[1]], float(said[2]), category_in(said[3]), light)


def _number(pattern: re.Pattern[str], words: str) -> float | None:
    found = pattern.search(words)
    return float(found[1]) if found else None
