"""What one model says by itself, kept as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from mammo_node.analyse.assessment import Rules
from mammo_node.analyse.evidence import Point
from mammo_node.analyse.opinion import Opinion, opinion_of
from mammo_node.vocabulary import (
    Agreement,
    Density,
    DensityCategory,
    Laterality,
    Light,
    Outcome,
    RefusalReason,
)
from tests.unit.study_views import BLIND, MODEL, finding, four, image_score, view

OTHER = replace(MODEL, name="other", sha256="2" * 64)
RULES = Rules({("seeker", "mass"): Point(0.4, 0.7), ("other", "mass"): Point(0.1, 0.2)})


def test_a_model_is_judged_by_itself():
    """What another model finds beside it does not show: score, light and marks are its own."""
    views = four(R_CC=(finding(0.9, model=OTHER), finding(0.5)))
    views = [replace(v, by=(MODEL, OTHER)) for v in views]
    own, other = (opinion_of(views, (), model, RULES) for model in (MODEL, OTHER))
    assert (own.score, own.light, own.outcome) == (0.5, Light.AMBER, Outcome.FINDINGS)
    assert (other.score, other.light) == (0.9, Light.RED)
    assert [mark.score for mark in own.views[0].marks] == [0.5]


def test_scores_are_those_before_views_were_compared():
    """A model in shadow has no second view to be compared with: like is compared with like."""
    raised = replace(finding(0.9), agreement=Agreement(score_before=0.45))
    opinion = opinion_of(four(L_CC=(raised,)), (), MODEL, RULES)
    assert (opinion.score, opinion.light) == (0.45, Light.AMBER)


def test_an_image_that_it_is_not_intended_for_is_no_negative():
    """Where another model saw an image alone, this one says nothing of it."""
    views = four()
    views[0] = replace(views[0], by=(OTHER,))
    opinion = opinion_of(views, (), MODEL, RULES)
    assert opinion.light is Light.UNLIT
    assert opinion.views[0].refusal == RefusalReason.MODEL.value
    assert opinion_of(views, (), OTHER, RULES).views[1].refusal == RefusalReason.MODEL.value


def test_a_density_model_has_categories_and_no_light():
    """What looks for no lesions clears nothing."""
    densities = [Density(Laterality.RIGHT, DensityCategory.C, (0, 0, 1, 0), (), BLIND)]
    views = [replace(v, by=(BLIND,)) for v in four()]
    opinion = opinion_of(views, densities, BLIND, RULES)
    assert (opinion.densities, opinion.light) == ({"R": "C"}, Light.UNLIT)


def test_json_and_back_is_the_same():
    """What is kept is what was said, keys of later versions aside."""
    views = four(R_CC=(finding(0.5),))
    views[1] = replace(views[1], scores=(image_score(0.3, 4),))
    views[3] = view("L", "MLO", refused=RefusalReason.PIXEL_DATA)
    opinion = opinion_of(views, (), MODEL, RULES)
    kept = json.loads(opinion.to_json())
    assert kept["format"] == 1
    assert Opinion.from_json(json.dumps(kept | {"later": 1})) == opinion
