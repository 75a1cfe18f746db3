"""The bank of periodic tiles from which fine tissue is sampled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mammo_node.phantom.cells import cell_walls
from mammo_node.phantom.noise import FloatArray, band, power_law

TILE = 512
TILE_SPACING_MM = 0.5
#: Walls and strands are finer than the rest.
FINE_TILE = 1024
FINE_SPACING_MM = 0.25
VOLUME = 96
VOLUME_SPACING_MM = 2.0


@dataclass(frozen=True, slots=True)
class TextureBank:
    """Periodic tiles that span 256 mm, and one 3D field, (96, 96, 96) at 2 mm.

    `clouds` and `wander` are (512, 512) float32; the others, (1024, 1024), hold distances from
    sheets of tissue: `lobes` and `lobules` in cell diameters (0 on a wall), `strands` and `wisps`
    in mm across the fibres. Columns of a tile run along the fibres. The tiles are sampled at random
    shifts, so that one bank serves any number of breasts; a bank costs about two seconds.
    """

    volume: FloatArray
    clouds: FloatArray
    wander: FloatArray
    lobes: FloatArray
    lobules: FloatArray
    strands: FloatArray
    wisps: FloatArray

    @classmethod
    def from_seed(cls, seed: int) -> TextureBank:
        """Make the bank that belongs to `seed`."""
        rng = np.random.default_rng([seed, 0x7E47])
        shape, fine = (TILE, TILE), (FINE_TILE, FINE_TILE)
        mm, fine_mm = TILE_SPACING_MM, FINE_SPACING_MM
        return cls(
            volume=power_law(rng, (VOLUME,) * 3, VOLUME_SPACING_MM, beta=4.0, outer_mm=45.0),
            clouds=power_law(rng, shape, mm, beta=3.5, outer_mm=32.0, stretch=1.8),
            wander=power_law(rng, shape, mm, beta=5.0, outer_mm=40.0),
            lobes=cell_walls(rng, FINE_TILE, fine_mm, cell_mm=11.0, stretch=1.5),
            lobules=cell_walls(rng, FINE_TILE, fine_mm, cell_mm=4.5, stretch=1.5),
            strands=sheets(rng, fine, fine_mm, scale_mm=14.0, stretch=4.5),
            wisps=sheets(rng, fine, fine_mm, scale_mm=7.0, stretch=3.0),
        )


def sheets(
    rng: np.random.Generator,
    shape: tuple[int, int],
    spacing_mm: float,
    scale_mm: float,
    stretch: float,
) -> FloatArray:
    """Signed distance, mm, from smooth sheets: the zeros of a band-limited field.

    Dividing by the slope gives all sheets one width, however fast the field crosses zero.
    """
    field = band(rng, shape, spacing_mm, scale_mm, stretch)
    rise_y = (np.roll(field, -1, axis=0) - np.roll(field, 1, axis=0)) / (2.0 * spacing_mm)
    rise_x = (np.roll(field, -1, axis=1) - np.roll(field, 1, axis=1)) / (2.0 * spacing_mm)
    slope = np.sqrt(rise_y**2 + rise_x**2)
    distance = field / np.maximum(slope, 0.25 * float(slope.mean()))
    return np.asarray(np.clip(distance, -3.0, 3.0), dtype=np.float32)


def sample(
    tile: FloatArray, along_mm: FloatArray, across_mm: FloatArray, *, smooth: bool = False
) -> FloatArray:
    """Read a periodic tile at tissue coordinates.

    Parameters
    ----------
    tile
        Square float32 tile of a `TextureBank`.
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
    column, row = _wrapped(along_mm, len(tile)), _wrapped(across_mm, len(tile))
    how = cv2.INTER_LINEAR if smooth else cv2.INTER_CUBIC
    return np.asarray(cv2.remap(padded, column, row, how, borderMode=cv2.BORDER_REPLICATE))


def _wrapped(coordinate_mm: FloatArray, size: int) -> FloatArray:
    # Cheaper than np.mod, which matters: this runs dozens of times a view.
    turns = coordinate_mm * np.float32(1.0 / (TILE * TILE_SPACING_MM))
    turns -= np.floor(turns)
    turns *= np.float32(size)
    turns += np.float32(2.0)
    return turns
