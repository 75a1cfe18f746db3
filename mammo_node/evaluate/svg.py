"""Small plots as inline SVG: lines and points with error bars on two axes, and nothing else.

Text and axes take the page's own colour, so that a plot fits a light page and a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#2f7ed8", "#d9822b", "#5aa02c", "#a05195", "#c23b5b", "#7a7a7a")
"""Of the series, in order; legible on white and on black."""

_WIDTH, _HEIGHT = 440.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 14.0, 12.0, 46.0


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its words, its ends, and where numbers stand."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies, 0..1; values outside go to the ends."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


UNIT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: points (x, y) joined in order, and marks (x, y, low, high) on it."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: Sequence[tuple[float, float, float, float]] = ()
    dashed: bool = False


def plot(title: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """Return an ``<svg>`` element; `title` is for readers who do not see it."""
    parts = [_grid(x, y)]
    for number, line in enumerate(lines):
        parts.append(_series(x, y, line, COLOURS[number % len(COLOURS)]))
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def legend(lines: Sequence[Line]) -> str:
    """Return the series' names with their colours, as a list."""
    items = (
        f'<li style="--c:{COLOURS[n % len(COLOURS)]}"'
        f"{' class=dashed' if line.dashed else ''}>{escape(line.name)}</li>"
        for n, line in enumerate(lines)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _place(x: Axis, y: Axis, point: tuple[float, float]) -> tuple[float, float]:
    across = _LEFT + x.share(point[0]) * (_WIDTH - _LEFT - _RIGHT)
    return across, _HEIGHT - _BOTTOM - y.share(point[1]) * (_HEIGHT - _TOP - _BOTTOM)


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for tick in x.ticks:
        column, _ = _place(x, y, (tick, y.low))
        parts.append(_rule(column, _TOP, column, _HEIGHT - _BOTTOM))
        parts.append(_text(column, _HEIGHT - _BOTTOM + 16, f"{tick:g}", "middle"))
    for tick in y.ticks:
        _, row = _place(x, y, (x.low, tick))
        parts.append(_rule(_LEFT, row, _WIDTH - _RIGHT, row))
        parts.append(_text(_LEFT - 7, row + 4, f"{tick:g}", "end"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - 8, x.label, "middle"))
    upright = f'transform="rotate(-90 14 {_HEIGHT / 2:g})"'
    parts.append(_text(14, _HEIGHT / 2, y.label, "middle", upright))
    return "".join(parts)


def _series(x: Axis, y: Axis, line: Line, colour: str) -> str:
    places = [_place(x, y, point) for point in line.points if x.low <= point[0] <= x.high]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
    drawn = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    return drawn + "".join(_mark(x, y, mark, colour) for mark in line.marks)


def _mark(x: Axis, y: Axis, mark: tuple[float, float, float, float], colour: str) -> str:
    at, value, low, high = mark
    column, row = _place(x, y, (at, value))
    (_, bottom), (_, top) = _place(x, y, (at, low)), _place(x, y, (at, high))
    return (
        f'<line x1="{column:.1f}" y1="{top:.1f}" x2="{column:.1f}" y2="{bottom:.1f}"'
        f' stroke="{colour}" stroke-opacity="0.5"/>'
        f'<circle cx="{column:.1f}" cy="{row:.1f}" r="3.5" fill="{colour}"/>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="currentColor" stroke-opacity="0.18"/>'


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor" font-size="12" {more}>{escape(words)}</text>'
