"""Asymmetries: gland where the other breast has none.

The tissue is grown twice, as the breast has it and as a far denser breast would have it, and the
two are blended inside a ragged region of the anatomy. So an asymmetry is real parenchyma with its
own lobules and fat, concave at its edges, and the same in both views.
"""

# ruff: noqa: PLR0917 - a step of rendering takes what it renders

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import map_coordinates
from scipy.special import expit

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.kinds import ASYMMETRY, GLOBAL_ASYMMETRY
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Silhouette
from mammo_node.phantom.texture import VOLUME_SPACING_MM, TextureBank

COARSE_MM = 1.6
_EDGE = 5.0
#: Share of gland beyond that of the denser breast: asymmetries are more confluent than gland is.
_CONFLUENT = 0.6
#: Places that are tried, and the fewest among which there is a choice.
_PLACES, _CHOICE = 30, 2
#: How far an asymmetry is to stand out from its surroundings, in deviations of these: mean,
#: deviation, bounds.
STANDS_OUT, STANDS_OUT_BOUNDS = (1.7, 0.6), (1.0, 3.2)

Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """A region of denser tissue, in the anatomical frame (mm); `only_in` one view, or in both.

    `places` are centres that it may lie at, until `settling` has chosen one, where it stands out
    about as far as `stands_out` says; none are left of one that would not be seen. `radii_mm` are
    those in the compressed breast: towards the nipple, across, and through it.
    """

    kind: str
    identity: int
    malignant_looking: bool
    places: tuple[Place, ...]
    stands_out: float
    radii_mm: tuple[float, float, float]
    raggedness: float
    share: float
    only_in: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether its place is known, or that it has none."""
        return len(self.places) < _CHOICE

    def is_in(self, view: str) -> bool:
        """Whether a view shows it; none does where it has no place."""
        return bool(self.places) and self.only_in in (None, view)


def draw_asymmetry(
    rng: np.random.Generator, anatomy: Anatomy, kind: str, identity: int
) -> Asymmetry:
    """Draw where one may lie: focal ones are 18-40 mm wide, global ones over a quadrant."""
    depth, half = anatomy.depth_mm, anatomy.half_width_mm
    wide = kind == GLOBAL_ASYMMETRY
    radius = half * float(rng.uniform(0.5, 0.75)) if wide else float(rng.uniform(9.0, 20.0))
    axes = radius * np.exp(rng.normal(0.0, 0.18, 3))
    off = 0.25 if wide else 0.45
    return Asymmetry(
        kind=kind,
        identity=identity,
        malignant_looking=bool(rng.uniform() < (0.15 if wide else 0.4)),
        places=tuple(
            (
                depth * float(rng.uniform(0.15, 0.75)),
                half * float(np.clip(rng.normal(0.08, off), -0.7, 0.7)),
                half * float(np.clip(rng.normal(0.1, off), -0.7, 0.7)),
            )
            for _ in range(_PLACES)
        ),
        stands_out=float(np.clip(rng.normal(*STANDS_OUT), *STANDS_OUT_BOUNDS)),
        radii_mm=(float(axes[0]), float(axes[1]), float(axes[2])),
        raggedness=float(rng.uniform(0.25, 0.5)),
        share=float(rng.uniform(0.75, 1.0)),
        only_in=None if kind != ASYMMETRY else str(rng.choice(("CC", "MLO"))),
    )


def denser(anatomy: Anatomy) -> Anatomy:
    """Return the same breast with gland almost everywhere."""
    return replace(anatomy, gland_support=0.93)


def added_gland(
    asymmetry: Asymmetry,
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    silhouette: Silhouette,
    gland: FloatArray,
    dense: FloatArray,
) -> FloatArray:
    """Return what the slabs of gland, (slabs, rows, columns), gain inside the region."""
    depths = ((k + 0.5) / len(gland) * 2.0 - 1.0 for k in range(len(gland)))
    weights = [_weight(asymmetry, anatomy, bank, view, silhouette, z) for z in depths]
    confluent = np.minimum(dense + _CONFLUENT, 1.0)
    return np.asarray(np.stack(weights) * np.clip(confluent - gland, 0.0, None))


def _weight(
    asymmetry: Asymmetry,
    anatomy: Anatomy,
    bank: TextureBank,
    view: str,
    silhouette: Silhouette,
    z: float,
) -> FloatArray:
    grid = silhouette.grid
    height, width = grid.rows * grid.pitch_mm, grid.columns * grid.pitch_mm
    rows, columns = int(np.ceil(height / COARSE_MM)), int(np.ceil(width / COARSE_MM))
    x = ((np.arange(columns) + 0.5) * (width / columns)).astype(np.float32)
    y = ((np.arange(rows) + 0.5) * (height / rows)).astype(np.float32)
    gx, gy = np.meshgrid(
        x * np.float32(anatomy.depth_mm / silhouette.nipple_mm[0]),
        np.float32(silhouette.nipple_mm[1]) - y,
    )
    depth = np.full_like(gx, z * anatomy.half_depth_mm(view))
    point = anatomy.to_anatomical(view, gx, gy, depth)
    (place,) = asymmetry.places
    # Compression moves tissue aside: an asymmetry stays as thick as it is wide.
    squeezed = 0.5 * anatomy.thickness_mm / anatomy.half_depth_mm(view)
    off = [at - c for at, c in zip((gx, gy, depth), anatomy.to_view(view, place), strict=True)]
    off[2] *= np.float32(squeezed)
    distance = np.sqrt(sum((o / r) ** 2 for o, r in zip(off, asymmetry.radii_mm, strict=True)))
    index = np.stack(
        [
            (np.float32(2.0) * p + np.float32(s)) / np.float32(VOLUME_SPACING_MM)
            for p, s in zip(point, anatomy.field_shift_mm, strict=True)
        ]
    )
    ragged = map_coordinates(bank.volume, index, order=1, mode="grid-wrap")
    level = _EDGE * (1.0 + asymmetry.raggedness * ragged - distance)
    weight = (np.float32(asymmetry.share) * expit(level)).astype(np.float32)
    size = (grid.columns, grid.rows)
    return np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR))
