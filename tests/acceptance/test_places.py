"""Quadrants of phantoms' lesions against where the phantom has them in three dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from mammo_node.analyse.comparison import compare
from mammo_node.config import Comparison
from mammo_node.phantom import PhantomView, generate_study
from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.lesion import PhantomLesion, largest_outline
from mammo_node.vocabulary import (
    Box,
    CodedConcept,
    Finding,
    InstanceRef,
    Landmarks,
    Laterality,
    Location,
    ModelRef,
    Orientation,
    Quadrant,
    Spacing,
    SpacingOrigin,
    View,
    ViewResult,
)

SEEDS = (3, 11)
MODEL = ModelRef("truth", "1.0", "0" * 64)
CONCEPT = CodedConcept("129788004", "SCT", "Mammographic breast mass")
#: Matched by identity below: the comparison itself is not in question here.
WIDE = Comparison(tolerance_mm=50)


def oblique_deg(seed: int, laterality: str) -> float:
    """The angle at which the phantom's oblique views are taken, which no image tells."""
    rng = np.random.default_rng([seed, 0x3A33])
    rng.uniform(18.0, 22.0)  # the tube's energy is drawn first
    return dict(zip("LR", draw_pair(rng), strict=True))[laterality].oblique_deg


def height_and_side_mm(
    pair: tuple[PhantomView, PhantomView], lesion: PhantomLesion, twin: PhantomLesion, seed: int
) -> tuple[float, float]:
    """Where a lesion is above and lateral of the nipple, from both projections and the angle."""
    (cc, mlo), pitch = pair, pair[0].pixel_spacing_mm
    lateral = (cc.landmarks.nipple_px[1] - lesion.centre_px[1]) * pitch
    oblique = (mlo.landmarks.nipple_px[1] - twin.centre_px[1]) * pitch
    angle = math.radians(oblique_deg(seed, cc.laterality))
    return (oblique - lateral * math.sin(angle)) / math.cos(angle), lateral


def view_result(view: PhantomView, lesion: PhantomLesion) -> ViewResult:
    """What perfect models would say of one lesion in one view."""
    rows, columns = view.pixels.shape
    outline = largest_outline(view.landmarks.breast, 0, 0)
    assert outline is not None
    marks = Landmarks(
        nipple_px=view.landmarks.nipple_px,
        nipple_score=1.0,
        in_profile=float(view.landmarks.nipple_in_profile),
        pectoral_px=tuple(map(tuple, view.landmarks.pectoral_outline_px.tolist())),
        breast_px=tuple(map(tuple, outline[::20].tolist())),
        model=MODEL,
        orientation=Orientation(view.laterality == "R"),
    )
    found = Finding("mass", CONCEPT, 0.9, Box(*lesion.box_px), None, None, MODEL)
    return ViewResult(
        ref=InstanceRef("1.2", f"1.2.{view.view == 'CC'}", "1.2.4", "1.2.5", "0"),
        laterality=Laterality(view.laterality),
        view=View(view.view),
        rows=rows,
        columns=columns,
        spacing=Spacing(view.pixel_spacing_mm, view.pixel_spacing_mm, SpacingOrigin.IMAGER),
        findings=(found,),
        landmarks=marks,
        by=(MODEL,),
    )


def located() -> Iterator[tuple[Location, Location, float, float]]:
    """Yield each lesion's places (by CC and by MLO), and its true height and side in mm."""
    for seed in SEEDS:
        study = generate_study(
            seed, pixel_spacing_mm=0.3, masses=8, clusters=4, signs=(), implant="none"
        )
        for side in "RL":
            cc, mlo = (
                v for n in ("CC", "MLO") for v in study.views if (v.laterality, v.view) == (side, n)
            )
            twins = {lesion.identity: lesion for lesion in mlo.lesions}
            for lesion in cc.lesions:
                twin = twins.get(lesion.identity)
                if twin is None:
                    continue
                seen = [view_result(cc, lesion), view_result(mlo, twin)]
                views, _ = compare(seen, {}, WIDE)
                first, second = (one.findings[0].location for one in views)
                assert first is not None
                assert second is not None
                yield first, second, *height_and_side_mm((cc, mlo), lesion, twin, seed)


def contradicts(quadrant: Quadrant, height_mm: float, lateral_mm: float) -> bool:
    """Whether the true place is on another side than what is claimed."""
    wrong = {
        "upper": height_mm < 0,
        "lower": height_mm > 0,
        "outer": lateral_mm < 0,
        "inner": lateral_mm > 0,
    }
    return any(wrong.get(word, False) for word in quadrant.value.split())


@pytest.fixture(scope="module")
def places() -> list[tuple[Location, Location, float, float]]:
    return list(located())


def test_quadrants_agree_with_the_phantom(places: list[tuple[Location, Location, float, float]]):
    """With true landmarks nine of ten claimed quadrants and halves are right, and most claimed."""
    claimed = [p for p in places if p[0].quadrant not in (None, Quadrant.CENTRAL)]
    assert len(claimed) >= 12
    assert len(claimed) >= 0.7 * len(places)
    wrong = [p for p in claimed if p[0].quadrant and contradicts(p[0].quadrant, p[2], p[3])]
    assert len(wrong) <= 0.1 * len(claimed)


def test_both_views_say_the_same_of_one_lesion(
    places: list[tuple[Location, Location, float, float]],
):
    """Quadrant and clock face are the lesion's; distances are each view's own."""
    assert places
    for first, second, _, _ in places:
        assert (first.quadrant, first.clock) == (second.quadrant, second.clock)


def test_depth_and_distances_are_told(places: list[tuple[Location, Location, float, float]]):
    """Every lesion has all of them in both views, and lies beneath the skin."""
    for place in (one for pair in places for one in pair[:2]):
        assert place.depth is not None
        assert place.nipple_mm is not None
        assert place.skin_mm is not None
        assert 0 < place.skin_mm < 100
