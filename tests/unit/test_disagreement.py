"""Two models on the same studies: what is the same, what is not, and the worst first."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.analyse.assessment import Rules
from mammo_node.analyse.evidence import Point
from mammo_node.analyse.opinion import Mark, Opinion, opinion_of
from mammo_node.evaluate.disagreement import Counts, compare, correlation, matched
from mammo_node.evaluate.disagreement_report import Sides, document, light_rows, page, summary
from mammo_node.vocabulary import Finding, Light, RefusalReason
from tests.unit.study_views import MODEL, finding, four, view

OTHER = replace(MODEL, name="other", sha256="2" * 64)
RULES = Rules({(name, "mass"): Point(0.4, 0.7) for name in ("seeker", "other")})
SIDES = Sides("seeker", "other")


def said(model=MODEL, **findings: tuple[Finding, ...]) -> Opinion:
    found = {
        place: tuple(replace(f, model=model) for f in some) for place, some in findings.items()
    }
    return opinion_of([replace(v, by=(model,)) for v in four(**found)], (), model, RULES)


def test_findings_are_matched_by_overlap():
    """A box that half overlaps is the same finding; one elsewhere is each model's own."""
    a = said(R_CC=(finding(0.9), finding(0.5, at=(60, 60))))
    b = said(OTHER, R_CC=(finding(0.6, at=(12, 12)),), L_CC=(finding(0.5),))
    comparison = compare({"1": (a, b)})
    assert comparison.findings == Counts(both=1, only_a=1, only_b=1)


def test_each_finding_is_matched_once():
    """Two boxes on one spot are one agreement and one finding too many; the nearest is taken."""
    a = said(R_CC=(finding(0.9),)).views[0].marks
    b = said(OTHER, R_CC=(finding(0.9, at=(14, 14)), finding(0.5, at=(11, 11)))).views[0].marks
    assert matched(a, b) == [(0, 1)]


def test_the_worst_comes_first():
    """Lights apart weigh more than scores apart, and those more than findings apart."""
    nothing, amber, red = said(), said(R_CC=(finding(0.41),)), said(R_CC=(finding(0.9),))
    many = said(R_CC=(finding(0.41), finding(0.4, at=(60, 60))))
    pairs = {
        "same": (nothing, nothing),
        "findings": (amber, many),
        "amber": (amber, nothing),
        "red": (red, nothing),
    }
    comparison = compare(pairs)
    assert [s.study_instance_uid for s in comparison.studies] == [
        "red",
        "amber",
        "findings",
        "same",
    ]
    assert [s.lights_apart for s in comparison.studies] == [2, 1, 0, 0]


def test_lights_make_a_confusion_table():
    """Each pair of lights is counted; an unlit one is no agreement with green."""
    nothing, red = said(), said(R_CC=(finding(0.9),))
    partial = opinion_of([replace(v, by=(OTHER,)) for v in four()[:3]], (), OTHER, RULES)
    comparison = compare({"1": (nothing, partial), "2": (red, red), "3": (red, nothing)})
    assert comparison.lights[Light.GREEN, Light.UNLIT] == 1
    assert comparison.same_light == 1
    rows = light_rows(document(comparison, SIDES, 9))
    assert rows[0] == ("red", "1", "0", "1", "0")
    assert rows[2] == ("green", "0", "0", "0", "1")


def test_images_that_one_refused_are_counted_apart():
    """What the other found where this one did not look is no disagreement on findings."""
    views = [replace(v, by=(OTHER,)) for v in four()]
    views[0] = view("R", "CC", refused=RefusalReason.MODEL)
    b = opinion_of(views, (), OTHER, RULES)
    (study,) = compare({"1": (said(R_CC=(finding(0.9),)), b)}).studies
    assert (study.findings, study.seen_by_one) == (Counts(), 1)


def test_an_image_that_only_one_was_shown_is_counted_whoever_saw_it():
    """A view that came late to one of them counts, from either side; one that none saw does not."""
    whole = said()
    early = replace(whole, views=whole.views[:3])
    unseen = replace(whole, views=(*whole.views[:3], replace(whole.views[3], refusal="model")))
    cases = [(whole, early), (early, whole), (unseen, early), (early, unseen)]
    counted = [compare({"1": pair}).studies[0].seen_by_one for pair in cases]
    assert counted == [1, 1, 0, 0]


def test_densities_are_compared_breast_by_breast():
    """Only breasts that both judged count."""
    a = replace(said(), densities={"R": "B", "L": "C"})
    b = replace(said(OTHER), densities={"R": "C"})
    assert compare({"1": (a, b)}).densities == {("B", "C"): 1}


def test_correlation_says_none_where_there_is_none():
    """Two studies, or scores that are all the same, correlate with nothing."""
    assert correlation([(0.1, 0.2), (0.3, 0.4)]).spearman is None
    assert correlation([(0.1, 0.2), (0.1, 0.4), (0.1, 0.1)]).pearson is None
    perfect = correlation([(0.1, 0.01), (0.2, 0.04), (0.3, 0.09)])
    assert perfect.spearman == pytest.approx(1.0)
    assert perfect.pearson == pytest.approx(0.99, abs=0.01)


_edges = st.tuples(*[st.floats(0, 80)] * 2, *[st.floats(1, 30)] * 2)
_marks = st.lists(_edges, max_size=5).map(
    lambda found: [Mark("mass", 0.5, (x, y, x + w, y + h)) for x, y, w, h in found]
)


@given(_marks, _marks)
def test_matching_is_one_to_one_and_symmetric(a, b):
    """No finding is matched twice, and who is called A does not change how many agree."""
    pairs = matched(a, b)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    assert len(matched(b, a)) == len(pairs)


def test_the_document_is_json_and_names_both_models():
    """Scripts get every figure, with the versions compared, and as many studies as asked for."""
    pairs = {str(n): (said(R_CC=(finding(n / 10),)), said(OTHER)) for n in range(5)}
    found = document(compare(pairs), Sides("seeker", "other", only_a=2), 3)
    assert json.loads(json.dumps(found)) == found
    assert found["models"]["b"] == {"name": "other", "versions": ["1.0"]}
    assert found["not_compared"] == {"only_a": 2, "only_b": 0}
    assert (found["studies"], len(found["disagreements"])) == (5, 3)
    assert ("seen by A alone", "2") in summary(found)


def test_the_page_shows_figures_and_says_what_it_is_not_for():
    """One file of HTML with the tables, the studies, and the notice."""
    shown = page(document(compare({"1.2.3.4": (said(), said(OTHER))}), SIDES, 9))
    for words in ("Not a medical device", "1.2.3.4", "seeker 1.0", "Worst disagreements"):
        assert words in shown


def test_nothing_to_compare_is_a_document_too():
    """An empty comparison has its zeros, not an error."""
    found = document(compare({}), SIDES, 9)
    assert (found["studies"], found["study_scores"]["number"]) == (0, 0)
    assert page(found)
