"""Real mammograms: sides, polarity and greys come out as a person sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_windowing
from skimage.io import imread

from mammo_node.image.orientation import air_is_bright, pixel_chest_wall_right
from mammo_node.image.presentation import render
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.vocabulary import (
    Laterality,
    MammoImage,
    OrientationOrigin,
    Refusal,
    RefusalReason,
    SpacingOrigin,
    View,
    VoiKind,
)
from tests.peers import real_data
from tests.synthetic import REF

GE = "ge-senographe-essential-R-MLO.dcm"
FILM = "film-digitised-L-MLO-j2k-lossy.dcm"


def read(path: Path, policy: Policy | None = None) -> MammoImage:
    image = read_mammogram(path, REF, policy or Policy())
    assert isinstance(image, MammoImage), image
    return image


def test_digital_mammogram() -> None:
    """Side, view, spacing, padding and the sigmoid window of a real digital mammogram."""
    image = read(real_data() / GE)
    assert (image.laterality, image.view, image.shape) == (Laterality.RIGHT, View.MLO, (3062, 2394))
    assert image.orientation.chest_wall_right
    assert image.spacing.row_mm == pytest.approx(0.0941, abs=1e-4)
    assert image.spacing.origin is SpacingOrigin.IMAGER_CORRECTED
    assert image.padding is not None
    assert 0.6 < image.padding.mean() < 0.75
    ds = pydicom.dcmread(real_data() / GE, stop_before_pixels=True)
    expected = apply_windowing(image.stored.astype(float), ds) / 4095
    expected[image.padding] = 0
    np.testing.assert_allclose(render(image, VoiKind.WINDOW), expected, atol=1e-5)


def test_digital_mammogram_without_orientation(tmp_path: Path) -> None:
    """Without Patient Orientation the chest wall is found in the pixels."""
    ds = pydicom.dcmread(real_data() / GE)
    del ds.PatientOrientation
    ds.save_as(tmp_path / "image.dcm")
    orientation = read(tmp_path / "image.dcm").orientation
    assert orientation.chest_wall_right
    assert orientation.origin is OrientationOrigin.PIXELS


def test_digitised_film_as_secondary_capture(tmp_path: Path) -> None:
    """Film is read when Secondary Capture is allowed and its spacing is known."""
    ds = pydicom.dcmread(real_data() / FILM)
    ds.PixelSpacing = [0.0435, 0.0435]
    ds.save_as(tmp_path / "image.dcm")
    image = read(tmp_path / "image.dcm", Policy(secondary_capture=True))
    assert (image.laterality, image.view) == (Laterality.LEFT, View.MLO)
    assert not image.orientation.chest_wall_right
    assert image.orientation.origin is OrientationOrigin.HEADER
    found = read_mammogram(real_data() / FILM, REF, Policy(secondary_capture=True))
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.SPACING


def test_tomosynthesis_is_refused() -> None:
    """A real tomosynthesis object is refused as such."""
    found = read_mammogram(real_data() / "hologic-tomosynthesis-noise-4-frames.dcm", REF, Policy())
    assert isinstance(found, Refusal)
    assert found.reason is RefusalReason.TOMOSYNTHESIS


def test_sides_and_polarity_of_film() -> None:
    """On 30 film mammograms the pixels show chest wall and polarity as the drawn labels do."""
    folder = real_data() / "ddsm-tissue"
    files = sorted((folder / "images").glob("*.png"))
    assert len(files) == 30
    for file in files:
        greys = imread(file, as_gray=True) / 255.0
        (label,) = (folder / "labels").glob(f"{file.stem}*")
        tissue = imread(label) > 100
        tissue = tissue if tissue.ndim == 2 else tissue[..., 0]
        strip = tissue.shape[1] // 10
        right = tissue[:, -strip:].mean() > tissue[:, :strip].mean()
        assert pixel_chest_wall_right(greys, None) == right, file.stem
        assert air_is_bright(greys, None) is False, file.stem
        assert air_is_bright(1 - greys, None) is True, file.stem
