"""The numbers of Winograd's F(4x4, 3x3): four by four outputs of a 3x3 filter from 36 products.

Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015 (arXiv:1509.09308), section
4.3: interpolation at 0, 1, -1, 2, -2 and infinity. What is made of them is computed in float64
and stored as float32.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Pixels along an output tile and an input patch; coefficients and outputs of one tile.
TILE, PATCH, COEFFICIENTS, PLACES = 4, 6, 36, 16
#: B^T of the paper's section 4.3: six inputs to six coefficients, along one direction.
_INPUT: Final = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
#: G: three weights to six coefficients.
_WEIGHT: Final = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
#: A^T: six coefficients to four outputs.
_OUTPUT: Final = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)


def transformed(weight: Array) -> Array:
    """Return 3x3 weights (outputs, inputs, 3, 3) as coefficients (36, outputs, inputs) float32."""
    g = np.asarray(_WEIGHT, dtype=np.float64)
    found = np.einsum("ia,ocab,jb->ijoc", g, weight.astype(np.float64), g, optimize=True)
    return np.asarray(found.reshape(COEFFICIENTS, *weight.shape[:2]), dtype=np.float32)


def input_filters() -> Array:
    """Return filters (36, 1, 6, 6) float32 that take six by six inputs to 36 coefficients."""
    b = np.asarray(_INPUT, dtype=np.float64)
    filters = np.einsum("ia,jb->ijab", b, b).reshape(COEFFICIENTS, 1, PATCH, PATCH)
    return np.asarray(filters, dtype=np.float32)


def output_matrix() -> Array:
    """Return the matrix (16, 36) float32 that takes coefficients to four by four outputs."""
    a = np.asarray(_OUTPUT, dtype=np.float64)
    matrix = np.einsum("ai,bj->abij", a, a).reshape(PLACES, COEFFICIENTS)
    return np.asarray(matrix, dtype=np.float32)
