"""Held-out phantom images as they come from a machine, for the node's own preprocessing.

Truth is in stored pixels, as `mammo_node.evaluate` wants it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mammo_node.phantom import PhantomStudy, PhantomView

_SUFFIX = ".raw.npy"


@dataclass(frozen=True, slots=True)
class RawView:
    """One image, (rows, columns) uint16 MONOCHROME2, and its truth in stored pixels.

    `findings` are (kind, malignant, box); a box is x_min, y_min, x_max, y_max.
    """

    name: str
    patient: str
    pixels: np.ndarray
    pitch_mm: float
    laterality: str
    view: str
    look: str
    density: float
    findings: tuple[tuple[str, bool, tuple[float, ...]], ...]

    def boxes(self, kinds: tuple[str, ...]) -> np.ndarray:
        """Boxes of some kinds of findings, (N, 4)."""
        found = [box for kind, _, box in self.findings if kind in kinds]
        return np.asarray(found, dtype=np.float64).reshape(-1, 4)


def save_raw(study: PhantomStudy, view: PhantomView, folder: Path, name: str) -> None:
    """Write pixels and truth of a view."""
    truth: dict[str, Any] = {
        "patient": str(study.seed),
        "pitch_mm": view.pixel_spacing_mm,
        "laterality": view.laterality,
        "view": view.view,
        "look": study.look,
        "density": view.landmarks.density_level,
        "findings": [
            (x.kind, bool(x.malignant_looking), [float(edge) for edge in x.box_px])
            for x in (*view.findings, *view.benign)
        ],
    }
    (folder / f"{name}.json").write_text(json.dumps(truth), encoding="utf-8")
    np.save(folder / f"{name}{_SUFFIX}", view.pixels)


def raw_views(folder: Path) -> Iterator[RawView]:
    """Read all images of a folder, by name."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        name = path.name.removesuffix(_SUFFIX)
        truth = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        findings = tuple((kind, bad, tuple(box)) for kind, bad, box in truth.pop("findings"))
        yield RawView(name=name, pixels=np.load(path), findings=findings, **truth)
