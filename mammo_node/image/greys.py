"""Grey levels of one image, made where they are wanted.

A mammogram has ten million pixels, half of them air: a model that looks at the breast alone needs
no grey of the rest, and to find the breast one pixel in nine is enough.

Rules:

* A part is the same, bit by bit, as that part of the whole image.
* What was made once is kept as long as the greys are: nobody may change it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mammo_node.image.breast import (
    BoolImage,
    Breast,
    FloatImage,
    breast_in_sample,
    find_breast,
    sampling_step,
)
from mammo_node.image.presentation import render
from mammo_node.vocabulary import MammoImage, VoiKind

#: x_min, y_min, x_max, y_max in stored pixels, the last two exclusive.
Box = tuple[int, int, int, int]


class Greys(Protocol):
    """MONOCHROME2 grey levels (air dark), oriented as stored."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the whole image."""
        ...

    def part(self, box: Box) -> FloatImage:
        """Return the pixels in a box, contiguous float32; not to be changed."""
        ...

    def breast(self) -> Breast | None:
        """Return where the breast is; None when nothing looks like one."""
        ...


@dataclass(frozen=True, slots=True)
class GivenGreys:
    """Greys that are there already: (rows, columns) of any grey scale."""

    pixels: FloatImage
    padding: BoolImage | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.pixels.shape
        return rows, columns

    def part(self, box: Box) -> FloatImage:
        """Return the pixels in a box."""
        left, top, right, bottom = box
        return np.ascontiguousarray(self.pixels[top:bottom, left:right], dtype=np.float32)

    def breast(self) -> Breast | None:
        """Find the breast."""
        return find_breast(self.pixels, self.padding)


@dataclass(frozen=True, slots=True)
class StoredGreys:
    """Greys of 0..1 that are looked up from stored values, padding 0."""

    image: MammoImage
    voi: VoiKind
    _parts: dict[Box, FloatImage] = field(default_factory=dict)
    _breasts: list[Breast | None] = field(default_factory=list)
    """One, once it was looked for."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.shape

    def part(self, box: Box) -> FloatImage:
        """Return the pixels in a box; several models that crop to the breast share them."""
        if box not in self._parts:
            left, top, right, bottom = box
            where = slice(top, bottom), slice(left, right)
            self._parts[box] = render(self.image, self.voi, where)
        return self._parts[box]

    def breast(self) -> Breast | None:
        """Find the breast in one pixel of each few."""
        if not self._breasts:
            step = sampling_step(self.shape)
            every = (slice(None, None, step), slice(None, None, step))
            padding = self.image.padding
            padded = None if padding is None else padding[every]
            sample = render(self.image, self.voi, every)
            self._breasts.append(breast_in_sample(sample, padded, self.shape))
        return self._breasts[0]
