"""Where an asymmetry comes to lie: where a reader would see it.

Gland added among as much gland shows as nothing. So places are tried in the tissue that is there,
and the one is taken at which the asymmetry stands out from its surroundings about as far as it was
drawn to; real ones do by 1.7 deviations of their ring (median). What lies in both views is to stand
out in both: seen in one alone, a reader would call it another name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mammo_node.phantom.asymmetry import Asymmetry
from mammo_node.phantom.contrast import disc_and_ring, radial_distance, rise
from mammo_node.phantom.ground import Ground
from mammo_node.phantom.noise import FloatArray
from mammo_node.phantom.outline import Grid, Silhouette
from mammo_node.phantom.slabs import Slabs

#: Places are compared on pixels of about so many mm.
_PITCH_MM = 0.8
#: An asymmetry that stands out less in one of its views, at the best of its places, is none.
LEAST = 1.0
#: One that stands out too far is blended in with less, but no less than this share.
_LEAST_SHARE = 0.3
#: What is added is smoothed by so many mm before its outline is taken.
_SMOOTH_MM = 2.0
#: It is one patch of tissue: its largest part holds this share of it.
_LEAST_PART = 0.75
#: What lies nearer to the skin, or under so much muscle, is not compared.
_INSIDE_MM, _MUSCLE = 5.0, 0.15
#: Fewer pixels make no ring; and the least deviation of one.
_LEAST_RING, _LEAST_DEVIATION = 30, 0.005


@dataclass(frozen=True, slots=True)
class Site:
    """One view's tissue, where an asymmetry may lie, on pixels coarse enough to try many places.

    `gland` and `dense` are slabs of the breast as it is and of a far denser one, (slabs, rows,
    columns); `there` is the log attenuation of all that is there, and `whole` what gland adds to it
    where it fills the breast, (rows, columns).
    """

    view: str
    silhouette: Silhouette
    slabs: Slabs
    gland: FloatArray
    dense: FloatArray
    there: FloatArray
    whole: FloatArray

    @classmethod
    def of(cls, ground: Ground) -> Site:
        """Take what was grown on the structure grid."""
        layers, tissue = ground.layers, ground.tissue
        step = _steps(layers.silhouette.grid)
        whole = (layers.mu.gland - layers.mu.adipose) * np.clip(
            layers.thick - layers.skin, 0.0, None
        )
        silhouette = _decimated(layers.silhouette, step)
        return cls(
            ground.view,
            silhouette,
            Slabs.of(ground.view, ground.anatomy, ground.bank, silhouette, len(tissue.gland)),
            tissue.gland[:, *step],
            ground.dense.gland[:, *step],
            layers.attenuate(tissue)[step],
            np.asarray(whole[step], dtype=np.float32),
        )

    def added(self, asymmetry: Asymmetry) -> FloatArray:
        """Gland that a settled asymmetry adds, (slabs, rows, columns)."""
        return self.slabs.added_gland(asymmetry, self.gland, self.dense)

    def holding(self, asymmetry: Asymmetry) -> Site:
        """Return the tissue with a settled asymmetry in it, if this view has it."""
        if not asymmetry.is_in(self.view):
            return self
        added = self.added(asymmetry)
        there = self.there + added.mean(axis=0) * self.whole
        return replace(self, gland=self.gland + added, there=there)

    def standing_out(self, asymmetry: Asymmetry) -> float:
        """Mean of a region's disc less that of the ring around it, over the ring's deviation.

        Of what is there with it and of what it adds the lesser counts: neither a hole that it fills
        nor a bright spot that it hardly changes is one.
        """
        silhouette, pitch_mm = self.silhouette, self.silhouette.grid.pitch_mm
        added = self.added(asymmetry).mean(axis=0) * self.whole
        breast = (silhouette.inside_mm > _INSIDE_MM) & (silhouette.pectoral < _MUSCLE)
        smooth = cv2.GaussianBlur(added, (0, 0), _SMOOTH_MM / pitch_mm)
        region = _largest_part((smooth > asymmetry.outline_level * smooth.max()) & breast)
        if region is None:
            return 0.0
        disc, ring = disc_and_ring(_in_radii(region), breast)
        disc &= breast
        if not disc.any() or ring.sum() < _LEAST_RING:
            return 0.0
        made = self.there + added
        deviation = max(float(made[ring].std()), _LEAST_DEVIATION)
        rises = [rise(grey, disc, ring) for grey in (made, added)]
        return min(rises) / deviation


def settled(asymmetry: Asymmetry, sites: Sequence[Site]) -> Asymmetry:
    """Choose one of an asymmetry's places; none are left where it would be seen at none.

    `sites` are the views that it lies in: it has to stand out in all of them.
    """
    tried = [replace(asymmetry, places=(place,)) for place in asymmetry.places]
    ratios = [_least_standing_out(one, sites) for one in tried]
    best = min(range(len(tried)), key=lambda i: _distance(ratios[i], asymmetry.stands_out))
    if ratios[best] < LEAST:
        return replace(asymmetry, places=())
    less = min(1.0, asymmetry.stands_out / ratios[best])
    return replace(tried[best], share=max(_LEAST_SHARE, less * asymmetry.share))


def _least_standing_out(asymmetry: Asymmetry, sites: Sequence[Site]) -> float:
    """By how much it stands out where it does least; views after one that shows it not are left."""
    least = float("inf")
    for site in sites:
        least = min(least, site.standing_out(asymmetry))
        if least < LEAST:
            break
    return least


def _distance(ratio: float, wanted: float) -> float:
    """How far a place is from what was drawn; one that shows too little is the worst."""
    return abs(ratio - wanted) if ratio >= LEAST else 100.0 - ratio


def _largest_part(region: np.ndarray) -> np.ndarray | None:
    """Largest part of a region that hangs together; None if that is too little of it."""
    count, parts, figures, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    areas = figures[1:, cv2.CC_STAT_AREA]
    if count == 1 or areas.max() < _LEAST_PART * areas.sum():
        return None
    return np.asarray(parts == 1 + int(np.argmax(areas)))


def _in_radii(region: np.ndarray) -> FloatArray:
    """Distance of every pixel from the middle of a region's box, in halves of its longer side."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    middle = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    return radial_distance(region.shape, middle, longer / 2)


def _steps(grid: Grid) -> tuple[slice, slice]:
    coarser = max(1, round(_PITCH_MM / grid.pitch_mm))
    return slice(None, None, coarser), slice(None, None, coarser)


def _decimated(silhouette: Silhouette, steps: tuple[slice, slice]) -> Silhouette:
    inside = silhouette.inside_mm[steps]
    return replace(
        silhouette,
        grid=Grid(inside.shape[0], inside.shape[1], silhouette.grid.pitch_mm * steps[0].step),
        inside_mm=inside,
        pectoral=silhouette.pectoral[steps],
        folds_mm=silhouette.folds_mm[steps],
    )
