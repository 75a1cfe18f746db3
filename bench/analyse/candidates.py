"""Choosing candidate windows: as the node does it against the rules window by window.

    .venv/bin/python bench/analyse/candidates.py [--rounds 5]

An image of 4096 x 2700 8-bit pixels, the published numbers, one thread. Both ways choose in turn,
must choose the same windows in the same order, and are timed; printed are medians of processor
time, which others on the machine do not change, and their ratio. Window by window, brightness is
numpy's einsum of 32-bit integers, which is the fastest exact way it has, and a maximum its max.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mammo_node.analyse.manifest import BrightPixel, CentreBrightness
from mammo_node.analyse.patch_rules import brightest, with_bright_pixel
from tests import naive_windows

_SHAPE = (4096, 2700)


def image() -> np.ndarray:
    """Return a half-disc of a breast with smooth tissue, some specks, and air beside it."""
    rng = np.random.default_rng(4)
    rows, columns = _SHAPE
    coarse = rng.uniform(0, 1, (24, 16)).astype(np.float32)
    tissue = cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
    tissue += rng.normal(0, 0.03, _SHAPE).astype(np.float32)
    y, x = np.ogrid[:rows, :columns]
    inside = ((y - rows / 2) / (0.47 * rows)) ** 2 + (x / (0.8 * columns)) ** 2 < 1
    grey = np.clip(40 + 140 * tissue, 0, 200) * inside
    for at in rng.integers(0, (rows, columns), (60, 2)):
        cv2.circle(grey, (int(at[1]), int(at[0])), 3, 255.0, -1)
    return (grey * inside).astype(np.uint8)


def compare(
    name: str, slow: Callable[[], list], fast: Callable[[], np.ndarray], rounds: int
) -> float:
    """Time both in turn, compare what they choose, and print one line."""
    times: dict[str, list[float]] = {"slow": [], "fast": []}
    for _ in range(rounds):
        start = time.process_time()
        expected = slow()
        middle = time.process_time()
        found = fast()
        times["fast"].append(time.process_time() - middle)
        times["slow"].append(middle - start)
        assert [tuple(corner) for corner in found.tolist()] == expected, name
    before, after = (statistics.median(times[way]) for way in ("slow", "fast"))
    print(
        f"{name}: {len(expected)} windows, the same; window by window {1e3 * before:.0f} ms,"
        f" here {1e3 * after:.1f} ms, ratio {before / after:.0f}"
    )
    return before / after


def main() -> None:
    """Run both rules."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    grey = image()
    nodules = CentreBrightness(rule="centre-brightness")
    specks = BrightPixel(rule="bright-pixel")
    compare(
        "nodules (800 px every 40, 9 parts, 3 each)",
        lambda: naive_windows.brightest(
            grey,
            nodules.size_px,
            nodules.stride_px,
            nodules.weight_steps,
            nodules.parts,
            nodules.per_part,
            nodules.distance_px,
        ),
        lambda: brightest(grey, nodules),
        rounds,
    )
    compare(
        "microcalcifications (400 px every 200, a pixel at 90 %)",
        lambda: naive_windows.with_bright_pixel(
            grey, specks.size_px, specks.stride_px, specks.level
        ),
        lambda: with_bright_pixel(grey, specks),
        rounds,
    )


if __name__ == "__main__":
    main()
