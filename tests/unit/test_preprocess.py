"""Preprocessing: the breast is found, and every model pixel has an exact place in the image."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from mammo_node.image.breast import find_breast
from mammo_node.image.preprocess import NoBreastFound, prepare
from mammo_node.image.recipes import RECIPES
from mammo_node.image.trimmings import trimmings
from mammo_node.phantom import TextureBank, generate_study
from mammo_node.vocabulary import Box, InputSpec, Orientation, VoiKind

REAL_DATA = Path(
    os.environ.get(
        "MAMMO_NODE_REAL_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"
    )
)
SPEC = InputSpec(name="image", channels=("global", "local"), mm_per_pixel=0.5)
UPRIGHT = Orientation(chest_wall_right=False)


@pytest.fixture(scope="module")
def views():
    """Views of one film and one digital phantom."""
    bank = TextureBank.from_seed(5)
    made = []
    for seed, look in ((31, "film"), (32, "digital")):
        study = generate_study(
            seed, pixel_spacing_mm=0.3, look=look, views=(("L", "MLO"), ("R", "CC")), bank=bank
        )
        made.extend(study.views)
    return made


def oval(rows=400, columns=300):
    """A bright half oval at the left edge on black."""
    y, x = np.mgrid[:rows, :columns]
    inside = (x / 200.0) ** 2 + ((y - rows / 2) / 150.0) ** 2 < 1
    return (inside * 1000.0).astype(np.float32), inside


def test_breast_mask_agrees_with_the_phantom(views):
    """The mask overlaps the true breast by more than 0.85 (Jaccard), labels or not."""
    for view in views:
        breast = find_breast(view.pixels.astype(np.float32))
        rows, columns = view.pixels.shape
        y = np.minimum(np.arange(rows) // breast.factor, breast.mask.shape[0] - 1)
        x = np.minimum(np.arange(columns) // breast.factor, breast.mask.shape[1] - 1)
        found = breast.mask[np.ix_(y, x)]
        truth = view.inside_mm > 0
        overlap = (found & truth).sum() / (found | truth).sum()
        assert overlap > 0.85, (view.laterality, view.view, overlap)


def test_crop_box_holds_the_breast():
    """The box holds every pixel of the breast and leaves out what is far from it."""
    pixels, inside = oval()
    pixels[20:40, 250:290] = 1000.0
    left, top, right, bottom = find_breast(pixels).box
    rows, columns = np.nonzero(inside)
    assert left <= columns.min()
    assert right > columns.max()
    assert top <= rows.min()
    assert bottom > rows.max()
    assert right < 250


@pytest.mark.parametrize("flipped", [False, True])
def test_letterbox_keeps_the_shape_and_centres(flipped):
    """A fixed size has the image in its middle, padding around it, and an exact way back."""
    pixels, _ = oval(rows=400, columns=300)
    spec = InputSpec(
        name="image",
        channels=("display",),
        size=(128, 160),
        pad_value=0.447,
        crop="none",
        voi=VoiKind.WINDOW,
        parameters={"display": {"white": 1.0}},
    )
    orientation = Orientation(chest_wall_right=flipped)
    prepared = prepare(pixels / 1000.0, (0.1, 0.1), orientation, spec)
    assert prepared.tensor.shape == (1, 1, 128, 160)
    assert np.allclose(prepared.tensor[0, 0][:, [0, 31, 128, 159]], 0.447)
    assert not prepared.mask[:, :32].any()
    corner = prepared.transform.to_original([(32.0, 0.0), (128.0, 128.0)])
    expected = [(300.0, 0.0), (0.0, 400.0)] if flipped else [(0.0, 0.0), (300.0, 400.0)]
    assert np.allclose(corner, expected, atol=1e-9)
    # Mirrored, the wall of this breast, which is at the left of the image, comes to the right.
    wall, other = (127, 33) if flipped else (33, 127)
    assert prepared.tensor[0, 0, 64, wall] == pytest.approx(1.0)
    assert prepared.tensor[0, 0, 64, other] == pytest.approx(0.0)


def test_stretch_fills_and_maps_back_exactly():
    """An anisotropic resize has another scale on each axis, and no padding."""
    pixels, _ = oval(rows=400, columns=300)
    spec = InputSpec(
        name="image",
        channels=("display",),
        size=(336, 224),
        fit="stretch",
        crop="none",
        voi=VoiKind.WINDOW,
    )
    prepared = prepare(pixels / 1000.0, (0.1, 0.1), UPRIGHT, spec)
    assert prepared.tensor.shape == (1, 1, 336, 224)
    assert prepared.transform.scale == (224 / 300, 336 / 400)
    box = Box(10.0, 20.0, 100.0, 90.0)
    back = prepared.transform.box_to_original(prepared.transform.box_to_model(box))
    assert np.allclose(
        (back.x_min, back.y_min, back.x_max, back.y_max), (10.0, 20.0, 100.0, 90.0), atol=1e-9
    )


def test_scanner_frame_is_not_breast():
    """A bright frame along the film's edges does not grow the box."""
    pixels, _ = oval()
    box = find_breast(pixels).box
    pixels[:5] = pixels[-6:] = 1000.0
    pixels[:, -5:] = 1000.0
    framed = find_breast(pixels).box
    assert np.abs(np.subtract(box, framed)).max() <= 3 * find_breast(pixels).factor


def test_padding_is_air():
    """Pixels under Pixel Padding Value count as air, however bright they are."""
    pixels, inside = oval()
    padded = np.where(inside, pixels, 4000.0).astype(np.float32)
    box = find_breast(padded, padding=~inside).box
    assert np.abs(np.subtract(box, find_breast(pixels).box)).max() <= 2 * find_breast(pixels).factor


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_an_empty_image_has_no_breast(value):
    """A flat image is refused, with an error of the image tree."""
    flat = np.full((300, 200), value, dtype=np.float32)
    assert find_breast(flat) is None
    with pytest.raises(NoBreastFound):
        prepare(flat, (0.1, 0.1), UPRIGHT, SPEC)


@pytest.mark.parametrize("right", [False, True])
def test_trimming_cuts_and_changes_nothing(right):
    """A trimmed tensor is a window of the whole one, on its grid; the way back is that window's."""
    pixels, _ = oval()
    pixels = pixels[:, ::-1] if right else pixels
    whole_spec = InputSpec(
        name="image", channels=("zscore",), longest_side=640, crop="none", pad_multiple=64
    )
    trimmed_spec = dataclasses.replace(whole_spec, trim="breast")
    orientation = Orientation(chest_wall_right=right)
    whole, cut = (
        prepare(np.ascontiguousarray(pixels), (0.1, 0.1), orientation, spec)
        for spec in (whole_spec, trimmed_spec)
    )
    rows, columns = cut.tensor.shape[2:]
    assert (rows % 64, columns % 64) == (0, 0)
    assert rows * columns < 0.8 * whole.tensor[0, 0].size
    left, top = np.subtract(cut.transform.to_original([(0, 0)]), 0.0)[0]
    x, y = (round(float(v)) for v in whole.transform.to_model([(left, top)])[0])
    assert (x % 64, y % 64) == (0, 0)
    assert np.array_equal(cut.tensor, whole.tensor[:, :, y : y + rows, x : x + columns])
    assert cut.mask.sum() == whole.mask.sum() > 0


@pytest.mark.parametrize("right", [False, True])
def test_what_is_trimmed_away_is_told(right):
    """A grid of its own: begins on it, keeps air; what is cut away is its mean column and row."""
    pixels, _ = oval()
    pixels = np.ascontiguousarray(pixels[:, ::-1] if right else pixels)
    whole_spec = InputSpec(
        name="image", channels=("zscore",) * 2, longest_side=640, crop="none", pad_multiple=32
    )
    spec = dataclasses.replace(
        whole_spec, trim="breast", trim_grid=64, trimmed_inputs=("column", "row"), mirror="none"
    )
    whole, cut = (
        prepare(pixels, (0.1, 0.1), UPRIGHT, one)
        for one in (dataclasses.replace(whole_spec, mirror="none"), spec)
    )
    top, left = -cut.transform.pad_top, -cut.transform.pad_left
    rows, columns = cut.tensor.shape[2:]
    assert (top % 64, left % 64, rows % 32, columns % 32) == (0, 0, 0, 0)
    assert columns < whole.mask.shape[1]
    lines = [np.flatnonzero(whole.mask.any(axis=axis)) for axis in (1, 0)]
    for found, first, side, length in zip(
        lines, (top, left), (rows, columns), whole.mask.shape, strict=True
    ):
        assert first == 0 or first + 32 <= found[0]
        assert first + side == length or found[-1] + 32 < first + side
    gone = np.ones(whole.mask.shape[1], dtype=bool)
    gone[left : left + columns] = False
    assert cut.trimmed["column"].shape == (1, 2, whole.mask.shape[0], 1)
    assert cut.trimmed["row"].shape == (1, 2, 1, whole.mask.shape[1])
    expected = whole.tensor[:, :, :, gone].mean(axis=3, keepdims=True)
    assert np.allclose(cut.trimmed["column"], expected, atol=1e-5)


def test_what_is_not_trimmed_away_is_nothing():
    """Where all rows stay, the row of what is gone is zero; nothing is told without names."""
    tensor = np.arange(24, dtype=np.float32).reshape(1, 1, 4, 6)
    told = trimmings(tensor, (slice(0, 4), slice(1, 4)), ("column", "row"))
    assert told["row"].shape == (1, 1, 1, 6)
    assert not told["row"].any()
    assert told["column"].ravel().tolist() == tensor[0, 0][:, [0, 4, 5]].mean(axis=1).tolist()
    pixels, _ = oval()
    assert not prepare(pixels, (0.1, 0.1), UPRIGHT, SPEC).trimmed


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("head_down", [False, True])
def test_bright_spot_is_where_the_transform_says(right, head_down):
    """A bright dot in the stored image appears in the tensor at the transformed point."""
    pixels, _ = oval()
    pixels[150:156, 60:66] = 3000.0
    stored = pixels[:: -1 if head_down else 1, :: -1 if right else 1]
    row = 153 if not head_down else 400 - 153
    column = 63 if not right else 300 - 63
    spec = InputSpec(name="image", channels=("global",), mm_per_pixel=0.3)
    made = prepare(np.ascontiguousarray(stored), (0.2, 0.2), Orientation(right, head_down), spec)
    x, y = made.transform.to_model([(column, row)])[0]
    tensor = made.tensor[0, 0]
    peak = np.unravel_index(np.argmax(tensor), tensor.shape)
    assert abs(peak[1] + 0.5 - x) < 3
    assert abs(peak[0] + 0.5 - y) < 3
    assert tensor[:, 0].max() > 0.1, "the chest wall is on the left"


def test_shapes_types_and_padding():
    """The tensor is float32, (1, channels, multiples of 32), zero in the padding, at the scale."""
    pixels, _ = oval()
    made = prepare(pixels, (0.2, 0.3), UPRIGHT, SPEC)
    t = made.transform
    assert made.tensor.dtype == np.float32
    assert made.tensor.shape[1] == 2
    assert made.tensor.shape[2] % 32 == 0
    assert made.tensor.shape[3] % 32 == 0
    assert made.tensor[0, :, t.scaled_height :].max(initial=0) == 0
    assert t.scaled_width == round(t.crop_width * 0.3 / 0.5)
    assert t.scaled_height == round(t.crop_height * 0.2 / 0.5)
    box = Box(50.25, 120.5, 90.0, 180.0)
    back = t.box_to_original(t.box_to_model(box))
    assert np.allclose([back.x_min, back.y_max], [box.x_min, box.y_max], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "longest"), [({"longest_side": 256}, 256), ({"height": 128}, 128)]
)
def test_scale_by_size(size, longest):
    """A model may name the longest side or the height instead of a pitch."""
    pixels, _ = oval()
    spec = InputSpec(name="image", channels=("zscore",), crop="none", mirror="none", **size)
    made = prepare(pixels, (0.2, 0.2), UPRIGHT, spec)
    assert made.transform.scaled_height == longest
    assert made.transform.crop_width == 300


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"display"}))
def test_recipes_do_not_depend_on_the_grey_scale(name, views):
    """Scale and offset of the stored values change no channel."""
    spec = InputSpec(name="image", channels=(name,), mm_per_pixel=0.6)
    pixels = views[0].pixels.astype(np.float32)
    one = prepare(pixels, (0.3, 0.3), UPRIGHT, spec).tensor
    two = prepare(pixels * 5.0 + 100.0, (0.3, 0.3), UPRIGHT, spec).tensor
    assert np.isfinite(one).all()
    assert np.abs(one - two).max() < 0.02


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason=f"real images are not at {REAL_DATA}")
def test_real_films_are_masked_like_their_labels():
    """On digitised films with tissue labels, the mask agrees with the labelled breast."""
    cv2 = pytest.importorskip("cv2")
    images = sorted((REAL_DATA / "ddsm-tissue" / "images").glob("*.png"))
    overlaps = []
    for path in images:
        label = cv2.imread(str(REAL_DATA / "ddsm-tissue" / "labels" / f"{path.stem}_LI.png"), 0)
        pixels = cv2.imread(str(path), 0).astype(np.float32)
        breast = find_breast(pixels)
        y, x = np.arange(pixels.shape[0]), np.arange(pixels.shape[1])
        found = breast.mask[np.ix_(y // breast.factor, x // breast.factor)]
        truth = label > 100
        overlaps.append((found & truth).sum() / truth.sum())
    assert np.median(overlaps) > 0.97
    assert min(overlaps) > 0.92


def test_a_speck_survives_a_coarse_model():
    """A dot of 0.3 mm that drowns in 0.6 mm pixels stands out in the specks channel."""
    rng = np.random.default_rng(0)
    pixels, inside = oval(1000, 700)
    pixels = pixels + rng.normal(0, 20, pixels.shape).astype(np.float32) * inside
    pixels[500:503, 100:103] += 250.0
    spec = InputSpec(name="image", channels=("global", "specks"), mm_per_pixel=0.6)
    made = prepare(pixels.astype(np.float32), (0.1, 0.1), UPRIGHT, spec)
    x, y = made.transform.to_model([(101.5, 501.5)])[0]
    window = made.tensor[0, :, int(y) - 8 : int(y) + 8, int(x) - 8 : int(x) + 8]
    contrasts = [(w.max() - np.median(w)) / w.std() for w in window]
    assert window[1].max() > 0.4
    assert contrasts[1] > contrasts[0]
