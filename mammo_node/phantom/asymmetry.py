"""Asymmetries: gland where the other breast has none.

The tissue is grown twice, as the breast has it and as a far denser breast would have it, and the
two are blended inside ragged regions of the anatomy. So an asymmetry is real parenchyma with its
own lobules and fat, concave at its edges.

Those in both views are one region, and the same in both. Those in one view are most often nothing
but summation: bands of tissue at different depths that happen to cross there (five of six of them
at screening, Sickles 1998, Radiology 208:471). The other view goes without these bands: apart from
one another they would be tissue like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.anatomy import Anatomy
from mammo_node.phantom.kinds import ASYMMETRY, GLOBAL_ASYMMETRY
from mammo_node.phantom.noise import FloatArray

#: Places that are tried.
_PLACES = 60
#: An island of tissue is longer along the beam than across it, or it would hardly show.
_THROUGH = 1.35
#: Share of asymmetries in one view that are summation, and of these, of crossings of two bands
#: (others are of three).
_SUMMATION, _TWO = 0.83, 0.6
#: A band's length in radii of the asymmetry, and how many times it is longer than wide; median and
#: deviation of the logarithm.
_LENGTH, _SLENDER = (1.9, 0.15), (3.2, 0.2)
#: Bands cross at no smaller angle, and lie off the crossing by a share of the radius.
_CROSSING_DEG, _OFF = 45.0, 0.15
#: How much of the breast's thickness the bands share, and how much of its own share a band fills.
_SPAN, _FILLED = (0.65, 0.9), (0.8, 1.0)
_ISLAND_LEVEL, _CROSSING_LEVEL = 0.3, 0.55
#: How far an asymmetry is to stand out from its surroundings, in deviations of these: mean,
#: deviation, bounds. In finished images, which flatten the breast, that makes 1.5 to 1.7.
STANDS_OUT, STANDS_OUT_BOUNDS = (2.1, 0.7), (1.2, 3.8)

Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """An ellipsoid of tissue in the compressed breast of one view (mm), its edge ragged.

    `off_mm` is how its middle lies to that of the asymmetry: towards the nipple, across, and along
    the beam; `radii_mm` are its half axes, turned by `turn_deg` from the nipple's direction.
    """

    radii_mm: tuple[float, float, float]
    raggedness: float
    off_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_deg: float = 0.0

    def distance(self, x: FloatArray, up: FloatArray, depth: FloatArray) -> FloatArray:
        """Distance of points from its middle, in its radii; they are given as `off_mm` is."""
        x, up, depth = (at - o for at, o in zip((x, up, depth), self.off_mm, strict=True))
        turn = np.deg2rad(self.turn_deg)
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        parts = zip((cos * x + sin * up, cos * up - sin * x, depth), self.radii_mm, strict=True)
        return np.asarray(np.sqrt(sum((part / radius) ** 2 for part, radius in parts)))


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """Regions of denser tissue, in the anatomical frame (mm); `only_in` one view, or in both.

    `places` are centres that it may lie at, until `settling` has chosen one, where it stands out
    about as far as `stands_out` says; none are left of one that would not be seen. One of several
    `regions` is a summation: they cross in the view that it is in.
    """

    kind: str
    identity: int
    malignant_looking: bool
    places: tuple[Place, ...]
    stands_out: float
    regions: tuple[Region, ...]
    share: float
    only_in: str | None = None

    @property
    def outline_level(self) -> float:
        """Share of the most that it adds from which on a pixel belongs to it.

        A band alone is tissue as it should be: only where bands cross is there anything to mark.
        """
        return _CROSSING_LEVEL if self.is_summation else _ISLAND_LEVEL

    @property
    def is_summation(self) -> bool:
        """Whether it is bands that lie one behind another, through the whole breast."""
        return len(self.regions) > 1

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the views that it lies in."""
        return ("CC", "MLO") if self.only_in is None else (self.only_in,)

    def is_in(self, view: str) -> bool:
        """Whether a view shows it; none does where it has no place."""
        return bool(self.places) and view in self.views


def draw_asymmetry(
    rng: np.random.Generator, anatomy: Anatomy, kind: str, identity: int
) -> Asymmetry:
    """Draw where one may lie: focal ones are 18-40 mm wide, global ones over a quadrant."""
    depth, half = anatomy.depth_mm, anatomy.half_width_mm
    wide = kind == GLOBAL_ASYMMETRY
    radius = half * float(rng.uniform(0.5, 0.75)) if wide else float(rng.uniform(9.0, 20.0))
    off = 0.25 if wide else 0.45
    only_in = str(rng.choice(("CC", "MLO"))) if kind == ASYMMETRY else None
    crossing = only_in is not None and rng.uniform() < _SUMMATION
    regions = _bands(rng, radius, anatomy.thickness_mm) if crossing else (_island(rng, radius),)
    return Asymmetry(
        kind=kind,
        identity=identity,
        malignant_looking=bool(rng.uniform() < (0.15 if wide else 0.4)),
        places=tuple(
            (
                depth * float(rng.uniform(0.3, 0.75)),
                half * float(np.clip(rng.normal(0.08, off), -0.7, 0.7)),
                half * float(np.clip(rng.normal(0.1, off), -0.7, 0.7)),
            )
            for _ in range(_PLACES)
        ),
        stands_out=float(np.clip(rng.normal(*STANDS_OUT), *STANDS_OUT_BOUNDS)),
        regions=regions,
        share=float(rng.uniform(0.75, 1.0)),
        only_in=only_in,
    )


def _island(rng: np.random.Generator, radius_mm: float) -> Region:
    axes = radius_mm * np.array([1.0, 1.0, _THROUGH]) * np.exp(rng.normal(0.0, 0.18, 3))
    return Region((float(axes[0]), float(axes[1]), float(axes[2])), float(rng.uniform(0.25, 0.5)))


def _bands(rng: np.random.Generator, radius_mm: float, thickness_mm: float) -> tuple[Region, ...]:
    """Draw what a summation is made of: long thin regions, one behind another."""
    count = 2 if rng.uniform() < _TWO else 3
    first = float(rng.uniform(0.0, 180.0))
    turns = first + np.arange(count) * 180.0 / count
    slack = 180.0 / count - _CROSSING_DEG
    turns = turns + rng.uniform(-0.5, 0.5, count) * slack
    apart = thickness_mm * float(rng.uniform(*_SPAN)) / count
    depths = apart * (np.arange(count) - (count - 1) / 2.0)
    bands = []
    for turn, depth in zip(turns, depths, strict=True):
        length, slender = (
            median * float(np.exp(spread * rng.standard_normal()))
            for median, spread in (_LENGTH, _SLENDER)
        )
        aside = radius_mm * _OFF * rng.standard_normal(2)
        thick = 0.5 * apart * float(rng.uniform(*_FILLED))
        bands.append(
            Region(
                radii_mm=(length * radius_mm, length * radius_mm / slender, thick),
                raggedness=float(rng.uniform(0.15, 0.3)),
                off_mm=(float(aside[0]), float(aside[1]), float(depth)),
                turn_deg=float(turn),
            )
        )
    return tuple(bands)


def denser(anatomy: Anatomy) -> Anatomy:
    """Return the same breast with gland almost everywhere."""
    return replace(anatomy, gland_support=0.93)
