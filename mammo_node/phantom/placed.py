"""Masses and clusters placed in one breast, the same ones in each of its views."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.calcification import draw_cluster
from mammo_node.phantom.contrast import LEAST_STANDING_OUT
from mammo_node.phantom.insertion import insert_cluster, mass_in_view
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.mass import SPICULATED, Mass, draw_mass, pull_of
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.placement import place_cluster, place_mass
from mammo_node.phantom.pull import Pull, pulled
from mammo_node.phantom.pulled_scene import moved_truth, pull_scene
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.search import Place
from mammo_node.phantom.visibility import Point

#: A mass that is too faint to be marked is put elsewhere, unless it has spicules; after so many
#: places it is left out.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Populated:
    """One view with the lesions in it.

    `log_attenuation` is (rows, columns) float32 with the lesions that `lesions` tells of, and
    `signs` of what was there before, both where the lesions' pull has moved it to.
    """

    scene: Scene
    log_attenuation: FloatArray
    lesions: tuple[PhantomLesion, ...]
    signs: tuple[PhantomLesion, ...]

    def pulled(self, pull: Pull) -> Populated:
        """Return the view with everything in it moved."""
        scene = pull_scene(self.scene, pull)
        image = np.maximum(pulled(self.log_attenuation, pull, scene.grid.pitch_mm), 0.0)
        lesions, signs = (
            tuple(moved_truth(scene, told, pull) for told in all_told)
            for all_told in (self.lesions, self.signs)
        )
        return Populated(scene, image, lesions, signs)

    def having(self, lesion: PhantomLesion | None) -> Populated:
        """Return the view told of one lesion more."""
        return replace(self, lesions=(*self.lesions, lesion)) if lesion else self


def populate(
    rng: np.random.Generator,
    views: tuple[Populated, ...],
    counts: tuple[int, int],
    taken: list[Place],
) -> tuple[Populated, ...]:
    """Put so many masses and clusters into the views of one breast.

    `taken` is what they keep away from, and grows by them. What finds no place is left out.
    """
    identity = 1
    for _ in range(counts[0]):
        made = _with_mass(rng, views, draw_mass(rng), taken, identity)
        identity += made is not None
        views = made or views
    for _ in range(counts[1]):
        cluster = draw_cluster(rng)
        point = place_cluster(rng, tuple(view.scene for view in views), taken)
        if point is None:
            continue
        taken.append(Place(point))
        images = [view.log_attenuation.copy() for view in views]
        views = tuple(
            replace(view, log_attenuation=image).having(
                insert_cluster(view.scene, image, cluster, point, identity)
            )
            for view, image in zip(views, images, strict=True)
        )
        identity += 1
    return views


def _with_mass(
    rng: np.random.Generator,
    views: tuple[Populated, ...],
    mass: Mass,
    taken: list[Place],
    identity: int,
) -> tuple[Populated, ...] | None:
    """Put a mass where it is seen in every view; None where there is no such place."""
    for _ in range(_TRIES):
        point = place_mass(rng, tuple(view.scene for view in views), mass, taken)
        if point is None:
            break
        put = [_with_mass_at(view, mass, point, identity) for view in views]
        seen = tuple(view for view in put if view is not None)
        if len(seen) == len(views):
            taken.append(Place(point, mass.extent_mm))
            return seen
    return None


def _with_mass_at(view: Populated, mass: Mass, point: Point, identity: int) -> Populated | None:
    pitch = view.scene.grid.pitch_mm
    column, row = view.scene.to_pixel(point)
    pull = pull_of(mass, (column * pitch, row * pitch))
    around = view.pulled(pull) if pull else view
    put = mass_in_view(around.scene, around.log_attenuation, mass, point, identity)
    if put is None or (mass.variety != SPICULATED and put.stands_out < LEAST_STANDING_OUT):
        return None
    image = around.log_attenuation.copy()
    put.added.add_to(image)
    return replace(around, log_attenuation=image).having(put.truth)
