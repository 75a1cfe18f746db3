"""The breast on scanned film: found within frames that lie askew and on canvases of any grey."""

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.image.breast import find_breast
from mammo_node.phantom import draw_recipe, generate_study
from mammo_node.phantom.look import BLACK, GREY, WHITE


def overlap(view):
    """Jaccard index of the mask that was found and the true breast."""
    breast = find_breast(view.pixels.astype(np.float32))
    assert breast is not None
    rows, columns = view.pixels.shape
    y = np.minimum(np.arange(rows) // breast.factor, breast.mask.shape[0] - 1)
    x = np.minimum(np.arange(columns) // breast.factor, breast.mask.shape[1] - 1)
    found, truth = breast.mask[np.ix_(y, x)], view.landmarks.breast
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize(
    ("frame_mm", "frame_shade", "canvas"),
    [(1.0, WHITE, None), (6.0, WHITE, None), (0.0, WHITE, WHITE), (3.0, BLACK, GREY)],
)
def test_frames_and_canvases_are_not_breast(texture_bank, frame_mm, frame_shade, canvas):
    """The mask overlaps the true breast by more than 0.85, whatever lies around the film."""
    recipe = draw_recipe(32, "juniper")
    sheet = replace(recipe.film, frame_mm=frame_mm, frame_shade=frame_shade, canvas=canvas)
    study = generate_study(
        32,
        pixel_spacing_mm=0.6,
        look=replace(recipe, film=sheet, clipped=0.0),
        views=(("L", "CC"), ("R", "MLO")),
        signs=[],
        implant="none",
        bank=texture_bank,
    )
    for view in study.views:
        assert overlap(view) > 0.85, (view.view, canvas)
