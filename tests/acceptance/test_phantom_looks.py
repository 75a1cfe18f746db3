"""Phantoms as DICOM objects: valid for every way in which they can be taken and stored."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo_node.phantom import VENDORS, Look, TextureBank, draw_recipe, generate_study
from mammo_node.phantom.dicom import write_study
from tests.peers import require

PITCH_MM = 1.0
SEED = 5


def _spot(magnified: bool) -> Look:
    recipes = (draw_recipe(seed, "digital", spot=True) for seed in range(100))
    return next(r for r in recipes if r.spot and (r.spot.magnification > 1) == magnified)


_VENDORS: dict[str, Callable[[], Look]] = {
    f"{key}-{bits}-{photometric}-{voi}": lambda k=key, b=bits, p=photometric, v=voi: replace(
        draw_recipe(SEED, k), bits_stored=b, photometric=p, voi=v
    )
    for key, vendor in VENDORS.items()
    for bits in vendor.bits_stored
    for photometric in vendor.photometric
    for voi in vendor.voi
}
_SPECIAL: dict[str, Callable[[], Look]] = {
    "for-processing": lambda: draw_recipe(SEED, for_processing=True),
    "spot": lambda: _spot(magnified=False),
    "magnified-spot": lambda: _spot(magnified=True),
    "lossy": lambda: replace(draw_recipe(SEED, "digital"), lossy_ratio=20.0),
}
LOOKS = _VENDORS | _SPECIAL


@pytest.fixture(scope="module")
def bank(texture_bank: TextureBank) -> TextureBank:
    """The tiles of all studies."""
    return texture_bank


def _errors(folder: Path, bank: TextureBank, **options: object) -> list[str]:
    dciodvfy = require("dciodvfy")
    views = (("R", "CC"), ("L", "MLO"))
    study = generate_study(SEED, pixel_spacing_mm=PITCH_MM, views=views, bank=bank, **options)  # type: ignore[arg-type]
    found = []
    for path in write_study(study, folder):
        done = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).splitlines()
        assert any("MammographyImage" in line for line in said), said
        found += [line for line in said if line.startswith("Error")]
    return found


@pytest.mark.parametrize("name", LOOKS)
def test_every_look_is_valid(name: str, bank: TextureBank, tmp_path: Path) -> None:
    """No look gives a file in which dciodvfy finds an error."""
    assert _errors(tmp_path, bank, look=LOOKS[name](), implant="none") == []


def test_a_fine_pitch_renders_to_the_end(bank: TextureBank) -> None:
    """A view at 70 um, whose structure grid is three pixels wide, has pixels and truth."""
    views = (("L", "CC"),)
    study = generate_study(SEED, pixel_spacing_mm=0.07, views=views, look="borealis", bank=bank)
    (view,) = study.views
    assert view.pixels.shape == view.landmarks.breast.shape
    assert view.pixels.shape[0] * 0.07 == pytest.approx(240.0, abs=2.0)


@pytest.mark.parametrize("vendor", VENDORS)
def test_dcmtk_shows_what_the_phantom_shows(vendor: str, bank: TextureBank, tmp_path: Path) -> None:
    """DCMTK's renderer gives the phantom's greys, dense is bright, by window, sigmoid or table."""
    dcm2pnm = require("dcm2pnm")
    views = (("R", "CC"),)
    study = generate_study(
        SEED, pixel_spacing_mm=PITCH_MM, views=views, look=vendor, implant="none", bank=bank
    )
    (path,) = write_study(study, tmp_path)
    picture = tmp_path / "shown.pgm"
    how = "--use-voi-lut" if study.recipe.voi == "voi-lut" else "--use-window"
    subprocess.run([dcm2pnm, how, "1", "--write-raw-pnm", path, picture], check=True)
    shown = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED).astype(float)
    (view,) = study.views
    breast = view.landmarks.breast
    assert np.corrcoef(shown[breast], view.pixels[breast].astype(float))[0, 1] > 0.95
    if study.look == "digital":
        assert shown[~breast].mean() < shown[breast].mean()


@pytest.mark.parametrize("seed", range(4))
def test_implants_are_valid(seed: int, bank: TextureBank, tmp_path: Path) -> None:
    """Neither do implants, in the plain view or displaced."""
    filling = ("silicone", "saline")[seed % 2]
    recipe = draw_recipe(seed, "digital")
    assert _errors(tmp_path, bank, look=recipe, implant=filling) == []
