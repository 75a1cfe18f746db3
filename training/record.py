"""What a run leaves to read: a record as JSON, and its loss curves as JSON and SVG."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WIDTH, _HEIGHT, _MARGIN = 640, 320, 48
_COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#8e5ea2", "#b08900", "#555555")


def write_record(path: Path, **values: Any) -> None:
    """Write a run record: what was given, the code's version and the machine's kind."""
    record = {**values, "code": code_version(), "machine": platform.machine()}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def code_version() -> str:
    """Commit of the working tree, or "unknown" outside of one."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git runs
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def write_curves(curve: Sequence[dict[str, float]], path: Path, title: str) -> None:
    """Draw every column of `curve` but "step" as a line of one SVG."""
    path.write_text(_svg(curve, title), encoding="utf-8")


def _svg(curve: Sequence[dict[str, float]], title: str) -> str:
    names = [name for name in (curve[0] if curve else {}) if name != "step"]
    top = max((point[name] for point in curve for name in names), default=1.0) or 1.0
    steps = max((point["step"] for point in curve), default=1.0)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11"',
        f' width="{_WIDTH}" height="{_HEIGHT}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_MARGIN}" y="18" font-size="13">{title}: loss by step</text>',
        f'<text x="4" y="{_MARGIN}">{top:.3g}</text>',
        f'<text x="4" y="{_HEIGHT - 30}">0</text>',
        f'<text x="{_WIDTH - _MARGIN}" y="{_HEIGHT - 12}">{steps:.0f}</text>',
    ]
    for i, name in enumerate(names):
        colour = _COLOURS[i % len(_COLOURS)]
        points = " ".join(
            f"{_MARGIN + (_WIDTH - 2 * _MARGIN) * point['step'] / steps:.1f},"
            f"{_HEIGHT - 30 - (_HEIGHT - 30 - _MARGIN) * max(point[name], 0.0) / top:.1f}"
            for point in curve
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        parts.append(
            f'<text x="{_WIDTH - 130}" y="{_MARGIN + 14 * i}" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
