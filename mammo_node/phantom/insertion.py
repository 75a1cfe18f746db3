"""Put lesions into a scene's log attenuation and say exactly where they are."""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.calcification import Cluster, add_specks, project_specks
from mammo_node.phantom.contrast import (
    LEAST_RING,
    RING,
    disc_and_ring,
    middle_and_radius,
    radial_distance,
    rise,
)
from mammo_node.phantom.lesion import CLUSTER, MASS, Patch, PhantomLesion, bounds, largest_outline
from mammo_node.phantom.mass import Mass, project_mass
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.scene import Scene
from mammo_node.phantom.visibility import Point, slabs_within

# The outline is drawn where the path through the lesion falls under this share of its maximum.
OUTLINE_LEVEL = 0.22
CLUSTER_MARGIN_MM = 0.7


@dataclass(frozen=True, slots=True)
class MassInView:
    """A mass where it may be put, before it is.

    `added` is the log attenuation that it adds to the tissue that it replaces; `stands_out` the
    mean of its disc less that of its ring, with the tissue that is there, over the ring's
    deviation, as published figures of real masses have it.
    """

    added: Patch
    truth: PhantomLesion
    stands_out: float


def mass_in_view(
    scene: Scene, image: FloatArray, mass: Mass, point: Point, identity: int
) -> MassInView | None:
    """Replace tissue of `image` (log attenuation, not changed) by a mass; None if hardly any is in.

    The truth is told as if it were put there.
    """
    centre = scene.to_pixel(point)
    patch = project_mass(mass, scene.anatomy, scene.view, centre, scene.grid.pitch_mm)
    path = np.minimum(patch.values, 0.9 * patch.cut_from(scene.thickness_mm))
    gland = _gland_under(scene, patch, point, mass.radius_mm)
    mu = scene.mu
    before = patch.cut_from(image)
    local = mu.adipose + (mu.gland - mu.adipose) * gland
    values = np.asarray(path * (np.float32(mass.density_ratio * mu.gland) - local), np.float32)
    added = Patch(values, patch.column, patch.row)
    outline = outline_of_mass(patch, mass, scene.grid.pitch_mm)
    if outline is None:
        return None
    corner = np.array([patch.column, patch.row], dtype=np.float32)
    contrast = _contrast(before, values, outline - corner)
    truth = _truth(
        scene, MASS, mass.variety, mass.malignant_looking, identity, outline, centre, contrast
    )
    return MassInView(added, truth, _stands_out(scene, image, added, truth)) if truth else None


def _stands_out(scene: Scene, image: FloatArray, added: Patch, truth: PhantomLesion) -> float:
    (column, row), radius_px = middle_and_radius(truth.box_px)
    reach = int(np.ceil(RING[1] * radius_px)) + 1
    side = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
    around = Patch(side, int(column) - reach, int(row) - reach)
    grey = around.cut_from(image).copy()
    offset = Patch(added.values, added.column - around.column, added.row - around.row)
    offset.add_to(grey)
    middle = (column - around.column, row - around.row)
    inside = around.cut_from(scene.inside_mm) > 0
    disc, ring = disc_and_ring(radial_distance(grey.shape, middle, radius_px), inside)
    if int(ring.sum()) < LEAST_RING:
        return 0.0
    return rise(grey, disc, ring) / max(float(grey[ring].std()), 1e-6)


def outline_of_mass(patch: Patch, mass: Mass, pitch_mm: float) -> FloatArray | None:
    """Outline, (points, 2) pixels of the image, of the path lengths of a mass."""
    smooth = cv2.GaussianBlur(patch.values, (0, 0), max(0.5, 0.07 * mass.radius_mm / pitch_mm))
    return largest_outline(smooth > OUTLINE_LEVEL * smooth.max(), patch.column, patch.row)


def insert_cluster(
    scene: Scene, image: FloatArray, cluster: Cluster, point: Point, identity: int
) -> PhantomLesion | None:
    """Add the specks of a cluster to `image` (log attenuation, changed in place)."""
    centre = scene.to_pixel(point)
    pitch = scene.grid.pitch_mm
    places = project_specks(cluster.specks, scene.anatomy, scene.view, centre, pitch)
    contrast = scene.mu.calcification - scene.mu.gland
    elongated = cluster.variety == "fine-linear"
    add_specks(image, places, cluster.specks, contrast, pitch, cluster.shape_seed, elongated)
    reach = np.float32(CLUSTER_MARGIN_MM / pitch)
    hull = cv2.convexHull(places.astype(np.float32))[:, 0, :]
    middle = hull.mean(axis=0)
    away = hull - middle
    outline = hull + reach * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    low, high = hull.min(axis=0) - reach, hull.max(axis=0) + reach
    box = np.array([[low[0], low[1]], [high[0], high[1]]], dtype=np.float32)
    strongest = float((cluster.specks[:, 3] * cluster.specks[:, 4]).max()) * contrast
    return _truth(
        scene,
        CLUSTER,
        cluster.variety,
        cluster.malignant_looking,
        identity,
        np.asarray(outline, dtype=np.float32),
        centre,
        strongest / 0.05,
        box,
    )


def _truth(
    scene: Scene,
    kind: str,
    variety: str,
    malignant: bool,
    identity: int,
    outline: FloatArray,
    centre: tuple[float, float],
    contrast: float,
    corners: FloatArray | None = None,
) -> PhantomLesion | None:
    extent = outline if corners is None else corners
    box = bounds(extent, scene.grid.columns, scene.grid.rows)
    width, height = box[2] - box[0], box[3] - box[1]
    if width * scene.grid.pitch_mm < 2.0 or height * scene.grid.pitch_mm < 2.0:
        return None
    return PhantomLesion(
        kind=kind,
        variety=variety,
        malignant_looking=malignant,
        identity=identity,
        box_px=box,
        outline_px=outline,
        # Specks along ducts may all lie to one side of the point that they were drawn around.
        centre_px=(
            float(np.clip(centre[0], box[0], box[2])),
            float(np.clip(centre[1], box[1], box[3])),
        ),
        size_mm=max(width, height) * scene.grid.pitch_mm,
        contrast=contrast,
    )


def _contrast(before: FloatArray, added: FloatArray, outline: FloatArray) -> float:
    """Mean of what was added within the outline over the deviation of the tissue around it."""
    inner = np.zeros(before.shape, dtype=np.uint8)
    cv2.fillPoly(inner, [np.round(outline).astype(np.int32)], 1)
    reach = max(3, int(0.5 * np.sqrt(inner.sum())))
    ring = cv2.boxFilter(inner.astype(np.float32), -1, (2 * reach + 1, 2 * reach + 1))
    around = (ring > 0) & (inner == 0)
    if not around.any():
        return 0.0
    rise = float(added[inner > 0].mean() - added[around].mean())
    return rise / max(float(before[around].std()), 1e-3)


def _gland_under(scene: Scene, patch: Patch, point: Point, radius_mm: float) -> FloatArray:
    """Share of gland in the slabs that a lesion fills, on the patch's grid."""
    size = patch.values.shape
    coarse = Patch(
        np.zeros((size[0] // scene.factor + 1, size[1] // scene.factor + 1), dtype=np.float32),
        patch.column // scene.factor,
        patch.row // scene.factor,
    )
    slabs = slabs_within(scene, point, radius_mm)
    share = np.mean([coarse.cut_from(scene.gland[k]) for k in slabs], axis=0)
    share = cv2.resize(share.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(share, 0.0, 1.0), dtype=np.float32)
