"""Phantoms as labelled views: one breast, one look, nothing laid on it, labelled as by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom import TextureBank
from mammo_node.phantom.anatomy import draw_pair
from mammo_node.phantom.digital import process_digital
from mammo_node.phantom.film import expose_film
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.render import Breast, Exposure, expose_breast
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.study import grid_of
from training.realism.view import BACKGROUND, FAT, GLAND, PECTORAL, TissueView, make_view

RENDER_PITCH_MM = 0.2
#: By this much the labelled films have been smoothed in their making: it takes the spectrum of
#: phantoms (slope about 3.2) to theirs (4.5).
FILM_BLUR_MM = 0.15
#: A person outlines dense regions, not single strands: gland share after a blur.
_LABEL_BLUR_MM = 2.5
_LABEL_LEVEL = 0.15


@dataclass(frozen=True, slots=True)
class PhantomViews:
    """The same breasts as film, as film smoothed like the labelled films, and as digital images."""

    film: list[TissueView]
    smoothed: list[TissueView]
    digital: list[TissueView]

    def of(self, look: str) -> list[TissueView]:
        """Return the views of a look, "film" or "digital"."""
        return self.film if look == "film" else self.digital


def phantom_views(seeds: Iterable[int], bank: TextureBank) -> PhantomViews:
    """Render the left MLO of each seed, without findings or marks."""
    views = PhantomViews([], [], [])
    for seed in seeds:
        rng = np.random.default_rng([seed, 0x4EA1])
        energy = float(rng.uniform(18.0, 22.0))
        breast = Breast(draw_pair(rng)[0], 0, 0, (), None, ())
        (exposure,) = expose_breast(seed, breast, ("MLO",), bank, grid_of(RENDER_PITCH_MM), energy)
        tissue = _tissue(exposure.scene)
        film, digital = (_exposed(rng, exposure, look) for look in ("film", "digital"))
        name = str(seed)
        views.film.append(make_view(name, film, tissue, RENDER_PITCH_MM))
        views.smoothed.append(make_view(name, film, tissue, RENDER_PITCH_MM, FILM_BLUR_MM))
        views.digital.append(make_view(name, digital, tissue, RENDER_PITCH_MM))
    return views


def _exposed(rng: np.random.Generator, exposure: Exposure, look: str) -> FloatArray:
    scene, image = exposure.scene, exposure.log_attenuation
    full, pitch = scene.full_thickness_mm, scene.grid.pitch_mm
    if look == "film":
        return expose_film(rng, image, full, scene.mu, pitch)
    return process_digital(rng, image, scene.thickness_mm, scene.inside_mm, full, scene.mu, pitch)


def _tissue(scene: Scene) -> np.ndarray:
    size = (scene.grid.columns, scene.grid.rows)
    sigma = _LABEL_BLUR_MM / scene.grid.pitch_mm / scene.factor
    share = cv2.GaussianBlur(scene.gland.mean(axis=0), (0, 0), sigma)
    share = cv2.resize(share, size, interpolation=cv2.INTER_LINEAR)
    tissue = np.where(share > _LABEL_LEVEL, GLAND, FAT).astype(np.uint8)
    tissue[scene.pectoral > 0.5 * scene.pectoral.max() + 1e-6] = PECTORAL
    tissue[scene.inside_mm <= 0] = BACKGROUND
    return tissue
