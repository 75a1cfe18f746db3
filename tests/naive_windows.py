"""The rules for candidate windows as they are defined, window by window and pixel by pixel.

Slow, and written without the modules that they check: for tests and for the bench.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Corner = tuple[int, int]


def starts(length: int, size: int, stride: int) -> list[int]:
    """Every stride-th pixel from 0 on, and one that ends at the far edge."""
    found = []
    at = 0
    while at + size <= length:
        found.append(at)
        at += stride
    if found[-1] + size < length:
        found.append(length - size)
    return found


def weights(size: int, steps: int) -> npt.NDArray[np.int64]:
    """How many of the nested boxes hold each pixel of a window."""
    weight = np.zeros((size, size), dtype=np.int64)
    for k in range(steps):
        near = k * size // (2 * steps)
        weight[near : size - near, near : size - near] += 1
    return weight


def brightness(grey: Grey, size: int, stride: int, steps: int) -> dict[Corner, int]:
    """The weighted sum of every window, by its corner, row by row."""
    # 32 bits hold any sum here (255 * 800 * 800 * 5), and are the fastest way that numpy has.
    assert 255 * size * size * steps < 2**31
    weight = weights(size, steps).astype(np.int32)
    image = grey.astype(np.int32)
    rows, columns = grey.shape
    found = {}
    for y in starts(rows, size, stride):
        for x in starts(columns, size, stride):
            window = image[y : y + size, x : x + size]
            found[y, x] = int(np.einsum("ij,ij->", window, weight))
    return found


def brightest(
    grey: Grey, size: int, stride: int, steps: int, parts: int, per_part: int, distance: float
) -> list[Corner]:
    """The brightest windows of each part, apart from each other."""
    rows, columns = grey.shape
    found = brightness(grey, size, stride, steps)
    chosen: list[Corner] = []
    for part in range(parts * parts):
        mine = [
            (y, x)
            for y, x in found
            if _part(2 * y + size, 2 * rows, parts) == part // parts
            and _part(2 * x + size, 2 * columns, parts) == part % parts
        ]
        taken: list[Corner] = []
        for y, x in sorted(mine, key=lambda at: (-found[at], at)):
            far = all((y - b) ** 2 + (x - a) ** 2 >= distance**2 for b, a in taken)
            if far and len(taken) < per_part and found[y, x] > 0:
                taken.append((y, x))
        chosen += taken
    return chosen


def _part(centre: int, length: int, parts: int) -> int:
    """Which of the equal parts of a length holds a centre, both in half pixels."""
    for part in range(parts):
        if centre * parts < (part + 1) * length:
            return part
    raise AssertionError(centre)


def with_bright_pixel(grey: Grey, size: int, stride: int, level: float) -> list[Corner]:
    """Every window with a pixel of `level` of the maximum."""
    rows, columns = grey.shape
    most = int(grey.max())
    return [
        (y, x)
        for y in starts(rows, size, stride)
        for x in starts(columns, size, stride)
        if most > 0 and int(grey[y : y + size, x : x + size].max()) >= level * most
    ]
