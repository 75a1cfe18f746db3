"""From views and families to one answer: score, category, light, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mammo_node.analyse.assessment import Rules, assess, points_of
from mammo_node.analyse.evidence import Point
from mammo_node.config import TrafficLight
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Assessment,
    Density,
    DensityCategory,
    Laterality,
    Light,
    RefusalReason,
    ViewResult,
)
from tests.unit.study_views import BLIND, MODEL, finding, four, image_score, view

POINTS = {("seeker", "mass"): Point(0.4, 0.7), ("seeker", "cluster"): Point(0.2, 0.9)}
RULES = Rules(POINTS)
LEVEL = Rules(POINTS, TrafficLight(asymmetry=1.0, density_asymmetry=4))
URGENCY = (Light.UNLIT, Light.GREEN, Light.AMBER, Light.RED)


def of(views: list[ViewResult], rules: Rules = RULES, densities=()) -> dict[str, Assessment]:
    found = assess(views, densities, rules)
    return {a.laterality.value if a.laterality else "patient": a for a in found}


def density(side: str, *probabilities: float) -> Density:
    best = max(range(4), key=lambda index: probabilities[index])
    category = list(DensityCategory)[best]
    return Density(Laterality(side), category, probabilities, (), BLIND)


def test_a_study_without_findings_is_green():
    """Right breast, left breast, patient: all seen, nothing found, and it says so."""
    found = of(four())
    assert list(found) == ["R", "L", "patient"]
    assert {a.light for a in found.values()} == {Light.GREEN}
    assert found["patient"].reasons == (
        "Every expected view was analysed and nothing reaches amber.",
    )


def test_the_highest_score_stands_for_breast_and_patient():
    """Scores are fused by their maximum; each breast has its own."""
    found = of(four(R_CC=(finding(0.45), finding(0.6)), L_MLO=(finding(0.8),)))
    assert [a.score for a in found.values()] == [0.6, 0.8, 0.8]
    assert [a.light for a in found.values()] == [Light.AMBER, Light.RED, Light.RED]


def test_the_light_follows_each_labels_own_points():
    """0.85 is red for a mass and amber for a cluster: scores of models differ in scale."""
    found = of(four(R_CC=(finding(0.85),), L_CC=(finding(0.85, "cluster"),)))
    assert (found["R"].light, found["L"].light) == (Light.RED, Light.AMBER)


def test_a_score_on_its_point_counts():
    """0.7 as a float lies below 0.7 as a double: what is reported at its threshold is not green."""
    rules = Rules({("seeker", "mass"): Point(0.7, 0.9)})
    just = float(np.float32(0.7))
    assert just < 0.7
    assert of(four(R_CC=(finding(just),)), rules)["R"].light is Light.AMBER
    assert of(four(R_CC=(finding(float(np.float32(0.9))),)), rules)["R"].light is Light.RED


def test_reasons_name_what_weighs_most_first():
    """Red before amber, then by score; what is below amber is no reason."""
    reasons = of(four(R_CC=(finding(0.85, "cluster"), finding(0.75), finding(0.1))))["R"].reasons
    assert reasons == (
        "mass 0.75 in R CC (red from 0.70, seeker).",
        "cluster 0.85 in R CC (amber from 0.20, seeker).",
    )


def test_many_reasons_are_counted():
    """A noisy model fills no page."""
    many = tuple(finding(0.5 + i / 100) for i in range(9))
    assert of(four(R_CC=many))["R"].reasons[-1] == "And 3 more."


@pytest.mark.parametrize(
    ("category", "light"), [(1, Light.GREEN), (3, Light.GREEN), (4, Light.AMBER), (5, Light.RED)]
)
def test_a_category_lights_by_the_settings(category: int, light: Light):
    """AI suspicion categories have limits of their own; the highest stands for the breast."""
    views = four()
    views[0] = replace(views[0], scores=(image_score(0.3, 1), image_score(0.9, category)))
    found = of(views, LEVEL)
    assert (found["R"].light, found["R"].category) == (light, category)
    assert (found["L"].category, found["patient"].category) == (None, category)


def test_a_score_without_category_lights_by_its_labels_points():
    """An image's score counts like a finding's where the model gives no category."""
    views = four()
    views[0] = replace(views[0], scores=(image_score(0.5),))
    found = of(views)
    assert (found["R"].light, found["R"].score) == (Light.AMBER, 0.5)
    assert "of R CC as a whole" in found["R"].reasons[0]


def test_the_fused_score_may_have_limits_of_its_own():
    """Where a node states limits for the fused score they count whatever the label."""
    rules = Rules(POINTS, TrafficLight(amber_score=0.1, red_score=0.5))
    found = of(four(R_CC=(finding(0.6, "cluster"),)), rules)
    assert found["R"].light is Light.RED
    assert "The fused score 0.60 is 0.5 or more." in found["R"].reasons


def test_a_missing_view_is_unlit():
    """The absence of a result is not a result; the breast that was seen whole is green."""
    found = of(four()[:3])
    assert [a.light for a in found.values()] == [Light.GREEN, Light.UNLIT, Light.UNLIT]
    assert "L MLO is missing" in found["patient"].reasons[0]


def test_a_refused_view_keeps_what_was_found_elsewhere():
    """A finding lights its lamp though another view was refused, and the gap is named too."""
    views = four(R_CC=(finding(0.9),))
    views[2] = view("R", "MLO", refused=RefusalReason.PIXEL_DATA)
    found = of(views)
    assert (found["R"].light, found["patient"].light) == (Light.RED, Light.RED)
    assert "R MLO was refused" in found["patient"].reasons[-1]


def test_a_breast_without_analysed_view_has_no_assessment():
    """Of a breast that nobody looked at nothing is said; of the patient, that it is so."""
    found = of([view("R", "CC"), view("R", "MLO")])
    assert list(found) == ["R", "patient"]
    assert (found["R"].light, found["patient"].light) == (Light.GREEN, Light.UNLIT)


def test_nothing_analysed_has_no_assessments():
    """A study that was refused as a whole is not assessed."""
    assert assess([view("R", "CC", refused=RefusalReason.VIEW)], (), RULES) == ()


def test_a_view_that_no_seeker_saw_is_not_green():
    """A density model looks for no lesions: its silence clears nothing."""
    views = four()
    views[1] = replace(views[1], by=(BLIND,))
    found = of(views)
    assert [a.light for a in found.values()] == [Light.GREEN, Light.UNLIT, Light.UNLIT]
    assert found["L"].reasons == ("No model that looks for lesions has seen L CC.",)


def test_asymmetry_of_scores_raises_amber_and_says_so():
    """Below every limit, and yet far apart: the patient is amber, the breasts stay green."""
    views = [
        replace(v, scores=(image_score(0.35 if v.laterality == "R" else 0.01),)) for v in four()
    ]
    found = of(views)
    assert [a.light for a in found.values()] == [Light.GREEN, Light.GREEN, Light.AMBER]
    assert found["patient"].reasons == ("The breasts' scores differ: right 0.35, left 0.01.",)
    assert of(views, LEVEL)["patient"].light is Light.GREEN


def test_scores_of_different_views_are_not_compared():
    """A breast seen in one view only may score lower for that alone."""
    views = [
        replace(v, scores=(image_score(0.39 if v.laterality == "R" else 0.01),)) for v in four()
    ]
    assert of(views[:3])["patient"].light is Light.UNLIT


def test_asymmetry_of_density_raises_amber_and_says_so():
    """Compared is the expected category, so that A to B by a hair's breadth is nothing."""
    close = [density("R", 0.51, 0.49, 0, 0), density("L", 0.49, 0.51, 0, 0)]
    apart = [density("R", 0, 0, 0.5, 0.5), density("L", 0, 0.9, 0.1, 0)]
    assert of(four(), densities=close)["patient"].light is Light.GREEN
    found = of(four(), densities=apart)["patient"]
    assert found.light is Light.AMBER
    assert found.reasons == (
        "The breasts' density differs: right C (2.5 of 3), left B (1.1 of 3).",
    )


def test_points_come_from_settings_then_from_the_package():
    """Red is the next higher operating point; without one half way to 1; settings go first."""
    known = [("mass", 0.3), ("mass", 0.1), ("mass", 0.8), ("cluster", 0.2)]
    thresholds = {"mass": 0.3, "cluster": 0.2}
    assert points_of(thresholds, known, TrafficLight()) == {
        "mass": Point(0.3, 0.8),
        "cluster": Point(0.2, pytest.approx(0.6)),
    }
    stated = TrafficLight(amber={"mass": 0.5}, red={"cluster": 0.25})
    assert points_of(thresholds, known, stated) == {
        "mass": Point(0.5, 0.8),
        "cluster": Point(0.2, 0.25),
    }


def test_red_below_amber_is_a_mistake():
    """Limits that contradict each other are refused by name."""
    with pytest.raises(ValidationError, match=r"red\.mass = 0\.2: is below the limit of amber"):
        TrafficLight(amber={"mass": 0.4}, red={"mass": 0.2})


_scores = st.floats(0, 1)
_findings = st.lists(st.tuples(_scores, st.sampled_from(["mass", "cluster"])), max_size=3)
_studies = st.lists(_findings, min_size=4, max_size=4)
_settings = st.sampled_from(
    [TrafficLight(asymmetry=1.0), TrafficLight(asymmetry=1.0, amber_score=0.3, red_score=0.6)]
)


def _made(study: list[list[tuple[float, str]]]) -> list[ViewResult]:
    return [
        view(s, v, *(finding(score, label) for score, label in found))
        for (s, v), found in zip(STANDARD_VIEWS, study, strict=True)
    ]


@given(_studies, st.integers(0, 3), _scores, st.sampled_from(["mass", "cluster"]), _settings)
def test_more_evidence_lowers_nothing(study, place, score, label, settings):
    """A finding more, anywhere, gives no lower score and no lower light."""
    rules = Rules(POINTS, settings)
    more = [[*found, (score, label)] if i == place else found for i, found in enumerate(study)]
    before, after = of(_made(study), rules), of(_made(more), rules)
    for who, was in before.items():
        assert after[who].score >= was.score
        assert URGENCY.index(after[who].light) >= URGENCY.index(was.light)


@given(_studies, st.floats(0.01, 1))
def test_asymmetry_lowers_nothing(study, limit):
    """Whatever its limit, asymmetry never takes a light or a score away."""
    strict = of(_made(study), Rules(POINTS, TrafficLight(asymmetry=limit)))
    level = of(_made(study), LEVEL)
    for who, without in level.items():
        assert strict[who].score == without.score
        assert URGENCY.index(strict[who].light) >= URGENCY.index(without.light)


@given(_studies)
def test_a_model_run_twice_changes_nothing(study):
    """The maximum does not count heads: the same findings again give the same answer."""
    views = _made(study)
    twice = [replace(v, findings=(*v.findings, *v.findings)) for v in views]
    assert of(twice, LEVEL) == of(views, LEVEL)


def test_the_models_name_is_part_of_a_point():
    """Two models may call the same thing the same and mean another score."""
    rules = Rules({("seeker", "mass"): Point(0.4, 0.7), ("other", "mass"): Point(0.8, 0.95)})
    other = replace(MODEL, name="other")
    found = of(four(R_CC=(finding(0.75, model=other),), L_CC=(finding(0.75),)), rules)
    assert (found["R"].light, found["L"].light) == (Light.GREEN, Light.RED)
