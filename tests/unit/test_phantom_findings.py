"""Findings beside masses and clusters, and landmarks: where they should be, with exact truth."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo_node.phantom import (
    BENIGN,
    CLUSTER,
    SIGNS,
    VINDR_NAMES,
    generate_study,
)
from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.coarse import draw_coarse
from mammo_node.phantom.density import density_category, density_of
from mammo_node.phantom.kinds import (
    ASYMMETRY,
    DISTORTION,
    FOCAL_ASYMMETRY,
    GLOBAL_ASYMMETRY,
    NIPPLE_RETRACTION,
    SKIN_RETRACTION,
    SKIN_THICKENING,
    SUSPICIOUS_NODE,
)
from mammo_node.phantom.pull import Pull, moved_point
from mammo_node.phantom.signs import draw_signs

PITCH_MM = 0.8
LEFT_CC = (("L", "CC"),)


@pytest.fixture(scope="module")
def bank(texture_bank):
    """The tiles of all studies."""
    return texture_bank


@pytest.fixture(scope="module")
def studies(bank):
    """Three studies that were asked for every sign."""
    return [
        generate_study(
            seed,
            pixel_spacing_mm=PITCH_MM,
            look="borealis",
            masses=2,
            clusters=0,
            signs=SIGNS,
            bank=bank,
        )
        for seed in (1, 2, 4)
    ]


def pair_of(bank, kind):
    """The first left breast that has the sign, in CC, with it and without it."""
    options = {"pixel_spacing_mm": PITCH_MM, "masses": 0, "clusters": 0, "views": LEFT_CC}
    options |= {"look": "borealis", "bank": bank, "implant": "none"}
    for seed in range(30, 60):
        (one,) = generate_study(seed, signs=[kind], **options).views
        if one.signs:
            return one, generate_study(seed, signs=[], **options).views[0]
    raise AssertionError(kind)


def test_every_sign_can_be_asked_for(studies):
    """Each of the eight signs is in at least one of three studies, by its VinDr-Mammo name."""
    found = {sign.kind: sign.finding for s in studies for v in s.views for sign in v.signs}
    assert found == {kind: VINDR_NAMES[kind] for kind in SIGNS}


def test_truth_of_signs_lies_in_the_image_and_touches_the_breast(studies):
    """Boxes are within the image, hold their centres, and are breast to a fifth or more."""
    for view in (v for s in studies for v in s.views):
        rows, columns = view.pixels.shape
        for sign in (*view.signs, *view.benign):
            x0, y0, x1, y1 = sign.box_px
            assert 0 <= x0 < x1 <= columns
            assert 0 <= y0 < y1 <= rows
            assert x0 <= sign.centre_px[0] <= x1
            assert y0 <= sign.centre_px[1] <= y1
            inside = view.landmarks.breast[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)]
            # The box of a thin crescent along the skin is mostly beside it.
            least = 0.03 if sign.kind == SKIN_THICKENING else 0.2
            assert inside.mean() > least, (sign.kind, sign.box_px)
        assert {b.kind for b in view.benign} <= set(BENIGN)
        assert not any(b.malignant_looking for b in view.benign)


def test_signs_stand_in_the_views_where_they_should(studies):
    """Nodes in the oblique only, asymmetries in one view, most others in both."""
    for study in studies:
        seen = {}
        for view in study.views:
            for sign in view.signs:
                seen.setdefault((view.laterality, sign.kind, sign.identity), set()).add(view.view)
        for (_, kind, _), views in seen.items():
            if kind == ASYMMETRY:
                assert len(views) == 1
            elif kind == SUSPICIOUS_NODE:
                assert views == {"MLO"}
            elif kind != SKIN_RETRACTION:
                assert views == {"CC", "MLO"}, kind


@pytest.mark.parametrize("kind", [FOCAL_ASYMMETRY, DISTORTION, SKIN_THICKENING])
def test_a_sign_changes_the_picture_where_it_says(bank, kind):
    """The change per pixel is at least three times as strong inside the box as outside of it."""
    a, b = pair_of(bank, kind)
    difference = np.abs(a.pixels.astype(float) - b.pixels.astype(float))
    (sign,) = a.signs
    x0, y0, x1, y1 = (int(c) for c in sign.box_px)
    box = np.zeros(difference.shape, dtype=bool)
    box[y0:y1, x0:x1] = True
    outside = difference[~box & a.landmarks.breast].mean()
    assert difference[box & a.landmarks.breast].mean() > 3 * outside


@pytest.mark.parametrize("kind", [SKIN_RETRACTION, NIPPLE_RETRACTION])
def test_retraction_moves_the_skin_line(bank, kind):
    """Breast is lost within the box, and hardly any outside of it."""
    a, b = pair_of(bank, kind)
    lost = b.landmarks.breast & ~a.landmarks.breast
    assert lost.sum() * PITCH_MM**2 > 4.0
    (sign,) = a.signs
    rows, columns = np.nonzero(lost)
    near = np.hypot(columns - sign.centre_px[0], rows - sign.centre_px[1]) * PITCH_MM
    assert (near < 30.0).mean() > 0.95


def test_truth_moves_with_the_tissue(bank):
    """Thick skin around a nipple that is drawn in lies further in than without the retraction."""
    options = {"pixel_spacing_mm": PITCH_MM, "masses": 0, "clusters": 0, "bank": bank}
    both = [SKIN_THICKENING, NIPPLE_RETRACTION]
    # A seed that puts both on the left breast.
    (one,) = generate_study(56, views=LEFT_CC, signs=both, **options).views
    (other,) = generate_study(56, views=LEFT_CC, signs=both[:1], **options).views
    signs = {sign.kind: sign for sign in one.signs}
    (skin,) = other.signs
    assert skin.box_px[1] < signs[NIPPLE_RETRACTION].centre_px[1] < skin.box_px[3]
    assert signs[SKIN_THICKENING].box_px[2] < skin.box_px[2]


def test_asymmetry_raises_the_share_of_gland(bank):
    """A breast with a global asymmetry has more gland than the same breast without."""
    one, other = pair_of(bank, GLOBAL_ASYMMETRY)
    assert one.landmarks.gland_share > 1.05 * other.landmarks.gland_share


def test_a_view_does_not_depend_on_the_other(bank):
    """An oblique view rendered alone has its asymmetry where it is beside the craniocaudal one."""
    options = {"pixel_spacing_mm": 1.0, "masses": 0, "clusters": 0, "bank": bank}
    options |= {"signs": [FOCAL_ASYMMETRY], "look": "borealis"}
    oblique = (("L", "MLO"), ("R", "MLO"))
    both = ((side, name) for side in "LR" for name in ("CC", "MLO"))
    for seed in range(30, 40):
        alone = generate_study(seed, views=oblique, **options).views
        if any(view.signs for view in alone):
            break
    beside = [v for v in generate_study(seed, views=both, **options).views if v.view == "MLO"]
    assert [[f.box_px for f in v.signs] for v in alone] == [
        [f.box_px for f in v.signs] for v in beside
    ]
    assert any(view.signs for view in alone)


def test_signs_are_drawn_for_a_quarter_of_women():
    """Without a wish about a quarter of 600 women have a sign, every sign occurs, and some two."""
    pair = dict(zip("LR", draw_pair(np.random.default_rng(0)), strict=True))
    drawn = [draw_signs(np.random.default_rng([seed]), pair, None) for seed in range(600)]
    counts = [sum(len(signs) for signs in one.values()) for one in drawn]
    assert 0.18 < np.mean([count > 0 for count in counts]) < 0.32
    assert max(counts) >= 2
    kinds = {sign.kind for one in drawn for signs in one.values() for sign in signs}
    assert kinds == set(SIGNS)


def test_an_unknown_sign_is_refused():
    """The error names the sign and all there are."""
    with pytest.raises(ValueError, match=r"no such sign: lump; there are focal-asymmetry"):
        generate_study(1, signs=["lump"])


def test_same_seed_same_bytes_with_everything(bank):
    """All signs and an implant: the same arguments give the same pixels and the same truth."""
    options = {"pixel_spacing_mm": 1.0, "signs": SIGNS, "implant": "saline", "look": "iris"}
    views = (("L", "CC"), ("R", "MLO"))
    one, two = (generate_study(9, views=views, bank=bank, **options) for _ in range(2))
    for a, b in zip(one.views, two.views, strict=True):
        assert a.pixels.tobytes() == b.pixels.tobytes()
        assert [f.box_px for f in a.findings] == [f.box_px for f in b.findings]
        assert (a.landmarks.pectoral == b.landmarks.pectoral).all()


def test_only_suspicious_calcium_is_a_finding(studies):
    """A cluster that looks benign has no name among VinDr-Mammo's findings; a mass has one."""
    mass = next(x for s in studies for v in s.views for x in v.lesions)
    assert mass.finding == "Mass"
    names = [
        replace(mass, kind=CLUSTER, malignant_looking=suspicious).finding
        for suspicious in (True, False)
    ]
    assert names == ["Suspicious Calcification", None]


def test_coarse_calcium_has_all_its_forms():
    """Popcorn, rims, rods and strewn specks are all drawn, in a minority of breasts."""
    drawn = [draw_coarse(np.random.default_rng([seed, 1])) for seed in range(400)]
    assert {group.variety for groups in drawn for group in groups} == {
        "popcorn",
        "rim",
        "rods",
        "strewn",
    }
    assert 0.05 < np.mean([len(groups) > 0 for groups in drawn]) < 0.25


@given(
    x=st.floats(5.0, 60.0),
    y=st.floats(5.0, 60.0),
    strength=st.floats(0.3, 1.6),
    radius=st.floats(10.0, 40.0),
)
@settings(max_examples=40, deadline=None)
def test_a_pulled_point_comes_from_where_it_was(x, y, strength, radius):
    """Where a point is moved to is where the picture takes it from, to 0.05 mm."""
    for pull in (
        Pull((30.0, 30.0), radius, strength=strength),
        Pull((30.0, 30.0), radius, shift_mm=(-0.3 * radius, 0.2 * radius)),
    ):
        there = moved_point((x, y), pull)
        back = pull.sources_mm(np.float32([there[0]]), np.float32([there[1]]))
        assert math.hypot(float(back[0][0]) - x, float(back[1][0]) - y) < 0.05


def test_landmarks_agree_with_the_picture(studies):
    """The nipple is at the skin, the muscle at the chest wall, its polygon is its mask."""
    for view in (v for s in studies for v in s.views):
        marks = view.landmarks
        rows, columns = view.pixels.shape
        assert (marks.breast == (view.inside_mm > 0)).all()
        assert not (marks.pectoral & ~marks.breast).any()
        assert view.nipple_px == marks.nipple_px
        if marks.nipple_in_image:
            column, row = (int(c) for c in marks.nipple_px)
            near = view.inside_mm[max(0, row - 3) : row + 4, max(0, column - 3) : column + 4]
            assert near.min() < 20.0
        if marks.pectoral.any():
            polygon = np.round(marks.pectoral_outline_px - 0.5).astype(np.int32)
            drawn = np.zeros((rows, columns), dtype=np.uint8)
            cv2.fillPoly(drawn, [polygon], 1)
            overlap = (drawn > 0) & marks.pectoral
            assert overlap.sum() > 0.9 * ((drawn > 0) | marks.pectoral).sum() - 10
            middle = np.nonzero(marks.pectoral)[1].mean()
            assert (middle < columns / 2) == (view.laterality == "L")
    assert all(v.landmarks.pectoral.any() for s in studies for v in s.views if v.view == "MLO")


def test_density_follows_gland_share(bank):
    """Density rises with the gland that is there, whatever was drawn, the same in both views."""
    options = {"signs": [], "implant": "none", "masses": 0, "clusters": 0}
    views = (("L", "CC"), ("L", "MLO"))
    found = []
    for seed in range(12):
        study = generate_study(seed, pixel_spacing_mm=1.6, bank=bank, views=views, **options)
        cc, mlo = (view.landmarks for view in study.views)
        assert cc.density_level == mlo.density_level
        assert cc.density == mlo.density == "ABCD"[int(cc.density_level)]
        found.append((cc.gland_share + mlo.gland_share, cc.density_level))
    shares, densities = np.array(found).T
    assert (np.argsort(shares) == np.argsort(densities)).all()
    assert np.ptp(densities) > 1.5


@pytest.mark.parametrize(("share", "category"), [(0.0, "A"), (0.12, "B"), (0.25, "C"), (0.9, "D")])
def test_density_categories_have_limits_by_share(share, category):
    """Every share of gland has a category, also beyond what breasts have."""
    assert density_category(density_of([share])) == category
