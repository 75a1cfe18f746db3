"""The bank of periodic tiles from which fine tissue is sampled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.cells import cell_walls, dome
from mammo_node.phantom.noise import FloatArray, band, power_law

TILE = 512
TILE_SPACING_MM = 0.5
VOLUME = 96
VOLUME_SPACING_MM = 2.0


@dataclass(frozen=True, slots=True)
class TextureBank:
    """Periodic tiles, (512, 512) float32 at 0.5 mm, and one 3D field, (96, 96, 96) at 2 mm.

    Columns of a tile run along the fibres. The tiles are sampled at random shifts, so that one bank
    serves any number of breasts; a bank costs about a second.
    """

    volume: FloatArray
    clouds: FloatArray
    lobes: FloatArray
    lobules: FloatArray
    septa: FloatArray
    strands: FloatArray
    streaks: FloatArray
    wander: FloatArray

    @classmethod
    def from_seed(cls, seed: int) -> TextureBank:
        """Make the bank that belongs to `seed`."""
        rng = np.random.default_rng([seed, 0x7E47])
        shape = (TILE, TILE)
        mm = TILE_SPACING_MM
        return cls(
            volume=power_law(rng, (VOLUME,) * 3, VOLUME_SPACING_MM, beta=4.0, outer_mm=45.0),
            clouds=power_law(rng, shape, mm, beta=3.5, outer_mm=32.0, stretch=1.5),
            lobes=dome(cell_walls(rng, TILE, mm, cell_mm=9.0, stretch=1.35)),
            lobules=dome(cell_walls(rng, TILE, mm, cell_mm=3.8, stretch=1.4)),
            septa=cell_walls(rng, TILE, mm, cell_mm=12.0, stretch=1.9),
            strands=band(rng, shape, mm, scale_mm=9.0, stretch=2.6),
            streaks=power_law(rng, shape, mm, beta=3.0, outer_mm=14.0, stretch=4.0),
            wander=power_law(rng, shape, mm, beta=4.0, outer_mm=40.0),
        )


def sample(
    tile: FloatArray, along_mm: FloatArray, across_mm: FloatArray, *, smooth: bool = False
) -> FloatArray:
    """Read a periodic tile at tissue coordinates.

    Parameters
    ----------
    tile
        (512, 512) float32 tile of a `TextureBank`.
    along_mm, across_mm
        (rows, columns) float32 coordinates along and across the fibres.
    smooth
        The tile has no fine detail: linear interpolation will do, else cubic.

    Returns
    -------
    ndarray
        (rows, columns) float32.
    """
    padded = cv2.copyMakeBorder(tile, 2, 3, 2, 3, cv2.BORDER_WRAP)
    column, row = _wrapped(along_mm), _wrapped(across_mm)
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_CUBIC
    return np.asarray(cv2.remap(padded, column, row, how, borderMode=cv2.BORDER_REPLICATE))


def _wrapped(coordinate_mm: FloatArray) -> FloatArray:
    # Cheaper than np.mod, which matters: this runs dozens of times a view.
    turns = coordinate_mm * np.float32(1.0 / (TILE * TILE_SPACING_MM))
    turns -= np.floor(turns)
    turns *= np.float32(TILE)
    turns += np.float32(2.0)
    return turns
