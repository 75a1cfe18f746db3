"""Pictures and JSON of a result, for people and scripts without DICOM."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo_node.encode import summary
from mammo_node.encode.layout import Area, caption_areas
from mammo_node.encode.overlay import render_overlay, write_overlay
from mammo_node.encode.summary import study_json
from mammo_node.vocabulary import Box, Outcome, StudyResult, ViewResult
from tests.golden import samples

ANSWERS = samples.answers()


def small(view: ViewResult) -> ViewResult:
    return replace(view, rows=832, columns=640)


def picture(view: ViewResult, result: StudyResult, **options: int) -> np.ndarray:
    pixels = np.full((view.rows, view.columns), 0.25, dtype=np.float32)
    return render_overlay(pixels, result, view, **options)


def yellow(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0] > 200) & (rgb[..., 1] > 170) & (rgb[..., 2] < 120)


def test_outline_is_where_the_box_is() -> None:
    """The drawn box is at its place in the image, at scale 1 and when scaled down."""
    found = samples.finding("mass", 0.5, Box(200.0, 400.0, 300.0, 500.0))
    view = replace(small(samples.negative_views()[0]), findings=(found,))
    result = samples.study_result(Outcome.FINDINGS, (view,))
    for height, scale in ((832, 1.0), (416, 0.5)):
        rgb = picture(view, result, height=height)
        head = 26 + 10
        image = rgb[head : head + height]
        left = yellow(image[int(450 * scale)])
        columns = np.flatnonzero(left)
        assert abs(columns.min() - 200 * scale) <= 2
        assert abs(columns.max() - 300 * scale) <= 2


def test_negative_and_refused_pictures_have_no_marks_but_words() -> None:
    """Without findings nothing is drawn on the image, and the foot differs from a refusal's."""
    negative, partial = ANSWERS["no-findings"], ANSWERS["partial"]
    clean = picture(small(negative.views[0]), negative)
    refused = picture(small(partial.views[3]), partial)
    assert not yellow(clean).any()
    assert not yellow(refused).any()
    assert clean[870:].max() > 200
    assert clean.shape != refused.shape or not np.array_equal(clean[870:], refused[870:])


def test_odd_pixels_do_not_break_the_picture() -> None:
    """NaN, values out of range and an image of one pixel still give a picture."""
    view = replace(samples.negative_views()[0], rows=1, columns=1)
    result = samples.study_result(Outcome.NO_FINDINGS, (view,))
    rgb = render_overlay(np.array([[np.nan]], dtype=np.float32), result, view)
    assert rgb.dtype == np.uint8
    assert rgb.shape[2] == 3


def test_picture_is_written_as_png(tmp_path: Path) -> None:
    """The file reads back as the same picture, colours in the right order."""
    rgb = picture(small(samples.positive_views()[0]), ANSWERS["findings"])
    write_overlay(tmp_path / "view.png", rgb)
    back = cv2.cvtColor(cv2.imread(str(tmp_path / "view.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(back, rgb)


def test_crowded_captions_stay_inside() -> None:
    """With more lesions than room every caption still has a place inside the image."""
    box = np.array([[5.0, 5.0], [95.0, 95.0]])
    image = Area(0.0, 0.0, 100.0, 100.0)
    for area in caption_areas([box] * 12, [60.0] * 12, image, 10.0):
        assert 0 <= area.left < area.right <= 100
        assert 0 <= area.top < area.bottom <= 100


def test_a_caption_without_a_free_place_covers_an_outline_before_a_caption() -> None:
    """Where all around is taken, two captions still do not stand on each other."""
    corners = (
        (20, 20, 60, 60),
        (20, 64, 60, 90),
        (62, 20, 95, 95),
        (2, 20, 18, 95),
        (22, 22, 40, 40),
    )
    boxes = [np.array([[x0, y0], [x1, y1]], dtype=float) for x0, y0, x1, y1 in corners]
    areas = caption_areas(boxes, [30.0] * len(boxes), Area(0.0, 0.0, 100.0, 100.0), 8.0)
    pairs = [(one, two) for n, one in enumerate(areas) for two in areas[:n]]
    assert not any(one.overlaps(two) for one, two in pairs)


@pytest.mark.parametrize("name", ANSWERS)
def test_json_says_what_the_result_says(name: str) -> None:
    """The JSON form survives a round trip through text and has every view and finding."""
    result = ANSWERS[name]
    said = json.loads(json.dumps(study_json(result), allow_nan=False))
    assert (said["format"], said["outcome"]) == (1, result.outcome.value)
    assert [v["sop_instance_uid"] for v in said["views"]] == [
        v.ref.sop_instance_uid for v in result.views
    ]
    for view, described in zip(result.views, said["views"], strict=True):
        assert [f["score"] for f in described["findings"]] == [f.score for f in view.findings]
        assert (described["refusal"] is None) == (view.refusal is None)
    assert "Not a medical device" in said["research_use"]


def test_json_keys_are_those_documented() -> None:
    """Every key of the JSON form stands in the module's documentation."""
    said = study_json(ANSWERS["findings"])
    view = said["views"][0]
    for part in (said, view, view["findings"][0], view["spacing_mm"], said["models"][0]):
        for key in part:
            assert key in (summary.__doc__ or ""), key
