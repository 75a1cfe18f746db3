"""One breast as numbers: size, shape, density, and where its gland lies in three dimensions.

Anatomical frame of a breast: `a` anterior from the chest wall, `s` superior and `l` lateral from
the level of the nipple, all in mm. The nipple is at (depth, 0, 0). A craniocaudal view looks along
`s`; a mediolateral oblique view looks along `s` and `l` turned by the oblique angle. Depth within
the compressed breast is stretched back to the uncompressed breast, so that one anatomy is seen in
both views.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mammo_node.phantom.noise import FloatArray

# Shares of women in the density classes a-d. 100 breasts of phantoms had 18 % of gland by volume
# (published: 19 %), 80 % of them less than 26 % (27 %), 95 % less than 43 % (45 %), Yaffe 2009.
DENSITY_WEIGHTS = (0.20, 0.46, 0.27, 0.07)
# Median depth from the chest wall to the nipple: with it breasts without the muscle are 1.08 times
# as large as on labelled films. Published thickness is that of larger ones, of the second depth.
DEPTH_MM = 80.0
_THICK_DEPTH_MM = 88.0
# Share of the breast volume in which gland may lie, per density class a-d (before it is broken up
# into lobules, which leaves about half of it).
GLAND_SUPPORT = ((0.02, 0.10), (0.10, 0.28), (0.28, 0.52), (0.50, 0.85))


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Everything about one breast that both of its views share."""

    laterality: str
    depth_mm: float
    half_width_mm: float
    thickness_mm: float
    density: float
    gland_support: float
    gland_centre_mm: tuple[float, float, float]
    gland_radii_mm: tuple[float, float, float]
    field_shift_mm: tuple[float, float, float]
    compactness: float
    openness: float
    lobe_zoom: float
    elongation: float
    smoothness: float
    strand_strength: float
    fibre_count: int
    vessel_count: int
    calcified_vessels: bool
    nipple_height_mm: float
    nipple_in_profile: bool
    oblique_deg: float

    def to_anatomical(
        self, view: str, x: FloatArray, up: FloatArray, depth: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Map view coordinates (mm; `depth` in uncompressed mm) to (a, s, l)."""
        if view == "CC":
            return x, depth, up
        angle = np.deg2rad(self.oblique_deg)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return x, cos * up - sin * depth, sin * up + cos * depth

    def to_view(
        self, view: str, point_mm: tuple[float, float, float]
    ) -> tuple[float, float, float]:
        """Map an anatomical point (a, s, l) to (x, up, uncompressed depth) of `view`, in mm."""
        a, s, lateral = point_mm
        if view == "CC":
            return a, lateral, s
        angle = np.deg2rad(self.oblique_deg)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        return a, cos * s + sin * lateral, -sin * s + cos * lateral

    def half_depth_mm(self, view: str) -> float:
        """Half of the uncompressed extent along the beam."""
        return self.half_width_mm * (0.85 if view == "CC" else 0.95)


def draw_anatomy(rng: np.random.Generator, laterality: str) -> Anatomy:
    """Draw one breast."""
    density = float(rng.choice(4, p=DENSITY_WEIGHTS) + rng.uniform())
    low, high = GLAND_SUPPORT[int(density)]
    depth = float(np.clip(DEPTH_MM * np.exp(0.2 * rng.standard_normal()), 50.0, 135.0))
    half = depth * float(rng.uniform(0.72, 1.0))
    spread = 11.0 * rng.standard_normal()
    thickness = float(np.clip(58.0 - 5.0 * (density - 2.0) + spread, 25.0, 90.0))
    return Anatomy(
        laterality=laterality,
        depth_mm=depth,
        half_width_mm=half,
        thickness_mm=thickness * float(np.clip(depth / _THICK_DEPTH_MM, 0.75, 1.2)),
        density=density,
        gland_support=low + (high - low) * (density % 1.0),
        gland_centre_mm=(
            depth * float(rng.uniform(0.52, 0.7)),
            half * float(rng.uniform(-0.08, 0.2)),
            half * float(rng.uniform(-0.08, 0.25)),
        ),
        gland_radii_mm=(
            depth * float(rng.uniform(0.42, 0.6)),
            half * float(rng.uniform(0.5, 0.75)),
            half * float(rng.uniform(0.5, 0.75)),
        ),
        field_shift_mm=_triple(rng.uniform(0.0, 192.0, 3)),
        compactness=float(rng.uniform(0.0, 1.0)),
        openness=float(rng.normal(0.2, 1.0)),
        lobe_zoom=float(np.exp(rng.normal(-0.2, 0.28))),
        elongation=float(np.exp(rng.normal(0.6, 0.22))),
        smoothness=float(rng.uniform(0.0, 1.0)),
        strand_strength=float(np.exp(rng.normal(0.15, 0.35))),
        fibre_count=int(rng.integers(250, 700)),
        vessel_count=int(rng.integers(1, 7)),
        calcified_vessels=bool(rng.uniform() < 0.1),
        nipple_height_mm=float(rng.uniform(1.0, 5.0)),
        nipple_in_profile=bool(rng.uniform() < 0.75),
        oblique_deg=float(rng.uniform(40.0, 55.0)),
    )


def draw_pair(rng: np.random.Generator) -> tuple[Anatomy, Anatomy]:
    """Draw the breasts of one woman: alike at large scale, never mirror images."""
    left = draw_anatomy(rng, "L")
    jitter = np.exp(0.05 * rng.standard_normal(3))
    shift = np.asarray(left.field_shift_mm) + rng.normal(0.0, 9.0, 3)
    right = replace(
        left,
        laterality="R",
        depth_mm=left.depth_mm * float(jitter[0]),
        half_width_mm=left.half_width_mm * float(jitter[1]),
        gland_support=float(np.clip(left.gland_support * jitter[2] ** 2, 0.01, 0.9)),
        field_shift_mm=_triple(shift),
        fibre_count=int(rng.integers(250, 700)),
        nipple_in_profile=bool(rng.uniform() < 0.75),
    )
    return left, right


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
