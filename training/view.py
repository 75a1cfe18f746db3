"""One banked view: grey levels of the breast at 0.1 and 0.3 mm with the whole truth about them.

Everything is in the frame in which models see a breast: cropped, chest wall on the left. Lengths
are mm from the top-left corner of the crop, so that they hold at any pixel pitch.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

#: Pixel pitches of the two stored images; the coarse one is the mean of 3 x 3 fine pixels.
FINE_MM, COARSE_MM = 0.1, 0.3
RATIO = 3
#: Density or nipple that the source of a view does not tell.
UNKNOWN = -1.0
#: Grey levels of about -0.25..1.25 (recipe "global") as 0..255; air, 0.0, is exactly `AIR`.
SPAN = 1.5
AIR = 42
LOW = -AIR * SPAN / 255.0

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one view: `box_mm` is x_min, y_min, x_max, y_max.

    `outline_mm` is a polygon of (x, y), empty where only the box is known.
    """

    kind: str
    variety: str
    malignant: bool
    box_mm: tuple[float, float, float, float]
    contrast: float
    outline_mm: Points = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about the view; `density` is 0..4, A below 1 and D from 3, or `UNKNOWN`."""

    seed: int
    laterality: str
    view: str
    look: str
    pitch_mm: float
    density: float
    nipple_mm: tuple[float, float]
    nipple_in_profile: bool
    findings: tuple[Finding, ...] = field(default=())

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Truth:
        """Read what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        findings = tuple(_finding(finding) for finding in values.pop("findings"))
        return cls(**{**values, "nipple_mm": tuple(values["nipple_mm"])}, findings=findings)


def _finding(values: dict[str, Any]) -> Finding:
    outline = tuple((x, y) for x, y in values.pop("outline_mm", ()))
    return Finding(**{**values, "box_mm": tuple(values["box_mm"])}, outline_mm=outline)


@dataclass(frozen=True, slots=True)
class BankedView:
    """Images and truth.

    `fine` is (rows, columns) uint8 at 0.1 mm and may lie on disk; `coarse`, `mask` (breast) and
    `pectoral` are (rows / 3, columns / 3) uint8, bool and bool at 0.3 mm.
    """

    fine: np.ndarray
    coarse: np.ndarray
    mask: np.ndarray
    pectoral: np.ndarray
    truth: Truth

    @property
    def extent_mm(self) -> tuple[float, float]:
        """Width and height."""
        rows, columns = self.mask.shape
        return columns * COARSE_MM, rows * COARSE_MM


def encode(level: np.ndarray) -> np.ndarray:
    """Grey levels as 8 bits."""
    return np.clip((level - LOW) * (255.0 / SPAN) + 0.5, 0, 255).astype(np.uint8)


def decode(stored: np.ndarray) -> np.ndarray:
    """Undo `encode`, to within half a step; stored air is exactly 0."""
    level = stored.astype(np.float32) * np.float32(SPAN / 255.0) + np.float32(LOW)
    level[stored == AIR] = 0.0
    return level


def coarsened(level: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fine grey levels and breast mask at a third of the resolution; sides are multiples of 3."""
    size = (level.shape[1] // RATIO, level.shape[0] // RATIO)
    coarse_mask = mask[1::RATIO, 1::RATIO]
    coarse = cv2.resize(level, size, interpolation=cv2.INTER_AREA)
    return np.where(coarse_mask, coarse, np.float32(0.0)), coarse_mask


def save(view: BankedView, folder: Path, name: str) -> None:
    """Write `name`.npy (fine pixels) and then `name`.npz (the rest, which marks it complete)."""
    pixels = folder / f"{name}.{os.getpid()}.pixels"
    with pixels.open("wb") as file:
        np.save(file, view.fine)
    # Never written over: a training run may have the old file mapped.
    pixels.replace(folder / f"{name}.npy")
    partial = folder / f"{name}.{os.getpid()}.part"
    with partial.open("wb") as file:
        np.savez(
            file,
            coarse=view.coarse,
            mask=np.packbits(view.mask, axis=1),
            pectoral=np.packbits(view.pectoral, axis=1),
            truth=np.asarray(view.truth.to_json()),
        )
    partial.replace(folder / f"{name}.npz")


def load(path: Path) -> BankedView:
    """Read a view from its .npz; fine pixels stay on disk until they are used."""
    with np.load(path) as data:
        coarse = data["coarse"]
        mask, pectoral = (
            np.unpackbits(data[key], axis=1, count=coarse.shape[1]).astype(bool)
            for key in ("mask", "pectoral")
        )
        truth = Truth.from_json(str(data["truth"]))
    fine = np.load(path.with_suffix(".npy"), mmap_mode="r")
    return BankedView(fine, coarse, mask, pectoral, truth)


class ViewBank:
    """All views in a folder; `rescan` picks up what was rendered since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.views: dict[str, BankedView] = {}
        self.rescan()

    def rescan(self) -> None:
        """Read views that are new in the folder."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.stem not in self.views:
                self.views[path.stem] = load(path)
        if not self.views:
            raise SystemExit(
                f"{self.folder}: there are no views; make some: python -m training.bank"
            )

    def fingerprint(self) -> str:
        """SHA-256 of names, truths and coarse pixels."""
        digest = hashlib.sha256()
        for name in sorted(self.views):
            view = self.views[name]
            digest.update(name.encode() + view.truth.to_json().encode() + view.coarse.tobytes())
        return digest.hexdigest()


class BankSource:
    """What draws from a bank, as the trainer sees it."""

    def __init__(self, folder: Path) -> None:
        self.bank = ViewBank(folder)

    def rescan(self) -> None:
        """Read views that are new in the folder."""
        self.bank.rescan()

    def fingerprint(self) -> str:
        """Hash of the data."""
        return self.bank.fingerprint()

    def __len__(self) -> int:
        """Count the views."""
        return len(self.bank.views)
