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


@pytest.mark.parametrize("falloff", [0.0, 15.0, 30.0])
def test_dark_skin_in_uneven_light_is_breast(falloff):
    """Air that is brighter at one end of the scan is no reason to cut the dark skin off."""
    rows, columns = np.indices((960, 480), dtype=np.float32)
    depth_mm = np.clip(420.0 - np.hypot((rows - 480.0) / 1.3, columns), 0.0, None) / 4.0
    grain = np.random.default_rng(0).normal(0.0, 3.0, rows.shape)
    air = 20.0 + falloff * rows / 960.0
    skin = np.where(depth_mm > 0, 4.0, 0.0)
    grey = air + skin + 200.0 * np.clip(depth_mm / 40.0, 0.0, 1.0) + grain
    breast = find_breast(grey.astype(np.float32))
    found = np.kron(breast.mask, np.ones((breast.factor, breast.factor), dtype=bool))[:960, :480]
    truth = depth_mm > 0
    assert (found & truth).sum() > 0.92 * truth.sum()
    assert (found & ~truth).sum() < 0.02 * truth.sum()
