"""A finding and the other view of its breast: matched, raised, lowered, and the reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.analyse.agreement import lowered, raised
from mammo_node.analyse.comparison import compare
from mammo_node.config import Comparison
from mammo_node.vocabulary import (
    CodedConcept,
    Finding,
    FindingRef,
    Quadrant,
    Refusal,
    RefusalReason,
    ViewResult,
)
from tests.unit.placed import MODEL, MUSCLE, finding, view

SETTINGS = Comparison(tolerance_mm=10, raise_by=0.4, lower_by=0.2, candidates=0.5)
POINTS = {("seeker", "mass"): 0.4}
SHARE = st.floats(0, 1)


def breast(
    cc: tuple[Finding, ...], mlo: tuple[Finding, ...], settings: Comparison = SETTINGS
) -> tuple[ViewResult, ViewResult, tuple[tuple[FindingRef, ...], ...]]:
    """Compare the two views of a left breast."""
    views, lesions = compare([view("L", "CC", *cc), view("L", "MLO", *mlo)], POINTS, settings)
    return views[0], views[1], lesions


def test_the_same_distance_from_the_nipple_raises_both():
    """Scores rise by what the partner is worth; each names the other, as does the lesion."""
    cc, mlo, lesions = breast((finding(30, 40, 0.6),), (finding(50, 0, 0.5),))
    one, other = cc.findings[0], mlo.findings[0]
    assert one.score == pytest.approx(1 - 0.4 * (1 - 0.4 * 0.5))
    assert other.score == pytest.approx(1 - 0.5 * (1 - 0.4 * 0.6))
    assert one.agreement is not None
    assert one.agreement.score_before == 0.6
    assert one.agreement.partner == FindingRef("1.2.L.MLO", 0)
    assert one.agreement.difference_mm == pytest.approx(0)
    assert lesions == ((FindingRef("1.2.L.CC", 0), FindingRef("1.2.L.MLO", 0)),)


def test_matched_findings_have_a_quadrant():
    """What one view alone cannot tell."""
    cc, mlo, _ = breast((finding(30, 40, 0.6),), (finding(5, 50, 0.5),))
    for seen in (cc, mlo):
        place = seen.findings[0].location
        assert place is not None
        assert (place.quadrant, place.clock) == (Quadrant.UPPER_OUTER, 2)
        assert seen.findings[0].site == "upper outer quadrant"


def test_a_lone_finding_loses_a_little():
    """The other view was seen and reaches as far: it should show the finding."""
    cc, _, lesions = breast((finding(40, 30, 0.6),), ())
    found = cc.findings[0]
    assert found.score == pytest.approx(0.6 * 0.8)
    assert found.agreement is not None
    assert (found.agreement.score_before, found.agreement.partner) == (0.6, None)
    assert lesions == ()


@pytest.mark.parametrize(
    "other",
    [
        view("L", "CC", nipple=None),
        replace(view("L", "CC"), by=()),
        replace(view("L", "CC"), refusal=Refusal(RefusalReason.FILE, "gone"), landmarks=None),
        view("R", "CC"),
    ],
    ids=["no nipple", "another model", "refused", "other breast"],
)
def test_nothing_is_lowered_that_was_not_looked_for(other: ViewResult):
    """A view that is not there, or that the model has not seen, denies nothing."""
    views, _ = compare([other, view("L", "MLO", finding(40, 30, 0.6))], POINTS, SETTINGS)
    assert views[1].findings[0].score == 0.6
    assert views[1].findings[0].agreement is None


def test_what_the_other_view_does_not_reach_is_not_lowered():
    """Far up the axilla, and in the muscle, a craniocaudal view shows nothing."""
    far, in_muscle = finding(60, 80, 0.6), finding(80, 20, 0.5)
    mlo = view("L", "MLO", far, in_muscle, muscle=MUSCLE)
    views, _ = compare([view("L", "CC"), mlo], POINTS, SETTINGS)
    assert [found.agreement for found in views[1].findings] == [None, None]


def test_the_operating_point_applies_to_what_comes_out():
    """A finding may fall below it and is dropped; one may rise above it and appears."""
    cc, _, _ = breast((finding(40, 30, 0.45),), ())
    assert cc.findings == ()
    cc, mlo, lesions = breast((finding(40, 30, 0.3),), (finding(50, 0, 0.9),))
    assert cc.findings[0].score == pytest.approx(1 - 0.7 * (1 - 0.4 * 0.9))
    assert mlo.findings[0].score > 0.9
    assert len(lesions) == 1


def test_what_is_not_reported_is_no_reason():
    """A partner that stays below its operating point changes nothing and is not named."""
    cc, mlo, lesions = breast((finding(40, 30, 0.05),), (finding(50, 0, 0.6),))
    assert cc.findings == ()
    assert (mlo.findings[0].score, mlo.findings[0].agreement) == (0.6, None)
    assert lesions == ()


def test_the_tolerance_grows_with_the_finding():
    """10 mm and a quarter of the larger one's length."""
    small = breast((finding(40, 0, 0.6),), (finding(53, 0, 0.6),))
    large = breast((finding(40, 0, 0.6),), (finding(53, 0, 0.6, size_mm=20),))
    assert (len(small[2]), len(large[2])) == (0, 1)


def test_only_what_may_be_one_lesion_is_matched():
    """Another kind, another model or quite another size is another lesion."""
    mine = finding(40, 0, 0.6)
    others = [
        replace(finding(40, 0, 0.6, label="node"), concept=CodedConcept("1", "99X", "Node")),
        finding(40, 0, 0.6, model=replace(MODEL, name="other")),
        finding(40, 0, 0.6, size_mm=31),
    ]
    for other in others:
        assert breast((mine,), (other,))[2] == ()
    distortion = CodedConcept("129792006", "SCT", "Architectural distortion")
    compatible = replace(finding(40, 0, 0.6, label="distortion"), concept=distortion)
    assert len(breast((mine,), (compatible,))[2]) == 1


def test_each_finding_has_one_partner():
    """The best fit comes first, and what is left finds what is left."""
    cc = (finding(40, 0, 0.6), finding(44, 0, 0.6))
    mlo = (finding(43.5, 0, 0.6),)
    one, other, lesions = breast(cc, mlo)
    assert lesions == ((FindingRef("1.2.L.CC", 0), FindingRef("1.2.L.MLO", 0)),)
    assert one.findings[0].box_px == cc[1].box_px
    assert other.findings[0].agreement is not None
    assert other.findings[0].agreement.difference_mm == pytest.approx(0.5)


def test_references_follow_the_final_order():
    """The matched finding overtakes a lone one, and lesion and partner say its new place."""
    cc, mlo, lesions = breast((finding(20, -60, 0.7), finding(40, 0, 0.65)), (finding(40, 0, 0.9),))
    assert [round(found.score, 2) for found in cc.findings] == [0.78, 0.56]
    assert lesions == ((FindingRef("1.2.L.CC", 0), FindingRef("1.2.L.MLO", 0)),)
    assert mlo.findings[0].agreement is not None
    assert mlo.findings[0].agreement.partner == FindingRef("1.2.L.CC", 0)


def test_the_larger_image_of_a_view_stands_for_it():
    """Whatever the order of arrival; findings of the other image stay as they are."""
    small = view("L", "CC", finding(40, 0, 0.6), uid="1.2.9", rows=380)
    large = view("L", "CC", finding(40, 0, 0.6), uid="1.2.1")
    mlo = view("L", "MLO", finding(40, 0, 0.6))
    for order in ((small, large, mlo), (mlo, large, small)):
        views, lesions = compare(order, POINTS, SETTINGS)
        assert lesions == ((FindingRef("1.2.1", 0), FindingRef("1.2.L.MLO", 0)),)
        by_uid = {one.ref.sop_instance_uid: one.findings[0] for one in views}
        assert by_uid["1.2.9"].agreement is None


def test_switched_off_it_only_places():
    """Scores stay, nothing is matched, and the operating point still holds."""
    off = Comparison(enabled=False)
    cc, mlo, lesions = breast((finding(40, 30, 0.6), finding(9, 9, 0.39)), (finding(50, 0),), off)
    assert [found.score for found in (*cc.findings, *mlo.findings)] == [0.6, 0.5]
    assert cc.findings[0].location is not None
    assert lesions == ()


@given(SHARE, SHARE, SHARE, SHARE)
def test_scores_stay_scores(score: float, partner: float, closeness: float, weight: float):
    """Raised is never lower and never above 1; lowered is never higher and never below 0."""
    assert score - 1e-12 <= raised(score, partner, closeness, weight) <= 1
    assert 0 <= lowered(score, weight) <= score


@given(SHARE, SHARE, SHARE, SHARE, SHARE)
def test_a_better_partner_never_gives_less(
    score: float, partner: float, more: float, closeness: float, weight: float
):
    """The changed score rises with the partner's, and with the finding's own."""
    low, high = sorted((partner, more))
    assert raised(score, low, closeness, weight) <= raised(score, high, closeness, weight) + 1e-12
    assert raised(low, score, closeness, weight) <= raised(high, score, closeness, weight) + 1e-12
