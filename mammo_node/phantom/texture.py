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
    wander: FloatArray

    @classmethod
    def from_seed(cls, seed: int) -> TextureBank:
        """Make the bank that belongs to `seed`."""
        rng = np.random.default_rng([seed, 0x7E47])
        shape = (TILE, TILE)
        mm = TILE_SPACING_MM
        return cls(
            volume=power_law(rng, (VOLUME,) * 3, VOLUME_SPACING_MM, beta=4.0, outer_mm=45.0),
            clouds=power_law(rng, shape, mm, beta=3.4, outer_mm=25.0, stretch=1.3),
            lobes=dome(cell_walls(rng, TILE, mm, cell_mm=9.0, stretch=1.35)),
            lobules=dome(cell_walls(rng, TILE, mm, cell_mm=3.8, stretch=1.4)),
            septa=cell_walls(rng, TILE, mm, cell_mm=12.0, stretch=1.9),
            strands=band(rng, shape, mm, scale_mm=9.0, stretch=2.6),
            wander=power_law(rng, shape, mm, beta=4.0, outer_mm=40.0),
        )


def sample(tile: FloatArray, along_mm: FloatArray, across_mm: FloatArray) -> FloatArray:
    """Read a periodic tile at tissue coordinates, with cubic interpolation.

    Parameters
    ----------
    tile
        (512, 512) float32 tile of a `TextureBank`.
    along_mm, across_mm
        (rows, columns) float32 coordinates along and across the fibres.

    Returns
    -------
    ndarray
        (rows, columns) float32.
    """
    scale = np.float32(1.0 / TILE_SPACING_MM)
    column = np.mod(along_mm * scale, np.float32(TILE))
    row = np.mod(across_mm * scale, np.float32(TILE))
    padded = cv2.copyMakeBorder(tile, 2, 3, 2, 3, cv2.BORDER_WRAP)
    return np.asarray(
        cv2.remap(padded, column + 2, row + 2, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )
