"""Grey levels that are looked up in parts are those of the whole image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mammo_node.examination import Subject
from mammo_node.image.breast import find_breast
from mammo_node.image.greys import StoredGreys
from mammo_node.image.presentation import from_dataset, render
from mammo_node.vocabulary import (
    InputSpec,
    Laterality,
    MammoImage,
    Orientation,
    Spacing,
    SpacingOrigin,
    View,
    VoiKind,
)
from tests.synthetic import REF, breast, mammogram


def image(*, padded: bool = False) -> MammoImage:
    """A large enough image that the breast is looked for in a sample of it."""
    pixels = np.kron(breast(right=True), np.ones((6, 6), dtype=np.uint16))
    padding = None
    if padded:
        padding = np.zeros(pixels.shape, dtype=bool)
        padding[:, :90] = True
    return MammoImage(
        ref=REF,
        stored=pixels,
        padding=padding,
        laterality=Laterality.RIGHT,
        view=View.MLO,
        orientation=Orientation(chest_wall_right=True, head_down=False),
        spacing=Spacing(0.1, 0.1, SpacingOrigin.IMAGER),
        presentation=from_dataset(mammogram(pixels)),
        manufacturer="",
    )


@pytest.mark.parametrize("voi", list(VoiKind))
@pytest.mark.parametrize("padded", [False, True])
def test_a_part_is_that_part_of_the_whole(padded: bool, voi: VoiKind):
    """Pixels of a box, and the breast, are the same as when the whole image is rendered."""
    whole, greys = image(padded=padded), StoredGreys(image(padded=padded), voi)
    rendered = render(whole, voi)
    assert np.array_equal(greys.part((80, 33, 777, 1001)), rendered[33:1001, 80:777])
    found, expected = greys.breast(), find_breast(rendered, whole.padding)
    assert found is not None
    assert expected is not None
    assert found.box == expected.box
    assert np.array_equal(found.mask, expected.mask)


def test_signed_values_are_looked_up_from_the_least_one_on():
    """Stored values below 0 have their place in the table, strip by strip."""
    signed = replace(image(), stored=image().stored.astype(np.int16) - 2048)
    signed = replace(signed, presentation=replace(signed.presentation, signed=True))
    rendered = render(signed, VoiKind.NONE)
    assert np.allclose(rendered, (signed.stored + 2048.0) / 4095, atol=1e-6)


def test_models_that_want_the_same_share_it():
    """Two models that crop to the breast have its greys looked up, and it found, once."""
    subject = Subject(image())
    spec = InputSpec(name="image", channels=("global",), mm_per_pixel=0.4, crop="breast")
    one, other = (subject.prepared(spec) for _ in range(2))
    assert np.array_equal(one.tensor, other.tensor)
    greys = subject.greys(spec.voi)
    assert greys.breast() is greys.breast()
    assert greys.part(greys.breast().box) is greys.part(greys.breast().box)
