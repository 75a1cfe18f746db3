"""Random training crops from banked views, with augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammo_node.phantom import CLUSTER, MASS
from training.bank import LABELS, BankedView, load, restore
from training.targets import Targets, make_targets

#: Masses fainter than this against their surroundings are neither asked for nor counted as wrong.
FAINT_MASS = 0.4


@dataclass(frozen=True, slots=True)
class CropRules:
    """How crops are drawn: size, share that shows a lesion, share from fine views, zoom."""

    size_px: int = 256
    on_lesion: float = 0.65
    fine: float = 0.6
    scale: tuple[float, float] = (0.8, 1.25)


class CropSource:
    """Draws crops from all views in a folder; `rescan` picks up views rendered since."""

    def __init__(self, folder: Path, rules: CropRules) -> None:
        self.folder, self.rules = folder, rules
        self.views: dict[str, BankedView] = {}
        self.rescan()

    def rescan(self) -> None:
        """Read views that are new in the folder."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.stem not in self.views and ".part" not in path.name:
                self.views[path.stem] = load(path)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, Targets]:
        """One crop, (3, size, size) float32, and its targets."""
        view = self._view(rng)
        zoom = float(np.exp(rng.uniform(*np.log(self.rules.scale))))
        size = self.rules.size_px
        side = max(32, round(size / zoom))
        left, top = self._corner(rng, view, side)
        image = _window(view.image, left, top, side)
        image = np.stack([_resized(c, size) for c in restore(image)])
        inside = _resized(_window(view.mask[None].astype(np.uint8), left, top, side)[0], size) > 0.5
        boxes = (view.boxes - [left, top, left, top]) * (size / side)
        boxes, labels, asked = _visible(boxes, view, size)
        image = _regraded(rng, image, inside)
        if rng.uniform() < 0.5:
            image = image[:, ::-1]
            boxes = boxes[:, [0, 3, 2, 1]] * [1, -1, 1, -1] + [0, size, 0, size]
        targets = make_targets(boxes, labels, asked, size, len(LABELS))
        if not view.fine:
            targets.care[LABELS.index(CLUSTER)] = 0.0
        return np.ascontiguousarray(image), targets

    def _view(self, rng: np.random.Generator) -> BankedView:
        # Clusters can be learnt from fine views only, of which there are fewer.
        wanted = rng.uniform() < self.rules.fine
        names = sorted(n for n, view in self.views.items() if bool(view.fine) == wanted)
        names = names or sorted(self.views)
        return self.views[names[int(rng.integers(len(names)))]]

    def _corner(self, rng: np.random.Generator, view: BankedView, side: int) -> tuple[int, int]:
        if len(view.boxes) and rng.uniform() < self.rules.on_lesion:
            # Masses and clusters alike, however many there are of each.
            label = rng.choice(np.unique(view.labels))
            box = view.boxes[rng.choice(np.flatnonzero(view.labels == label))]
            middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
            centre = np.add(middle, rng.uniform(-0.35, 0.35, 2) * side)
        else:
            rows, columns = np.nonzero(view.mask[::8, ::8])
            pick = int(rng.integers(len(rows)))
            centre = np.array([columns[pick], rows[pick]]) * 8.0
        return int(centre[0] - side / 2), int(centre[1] - side / 2)


def _visible(
    boxes: np.ndarray, view: BankedView, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    area = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-6)
    cut = np.clip(boxes, 0, size)
    left = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    there = left > 1.0
    faint = (view.labels == LABELS.index(MASS)) & (view.contrast < FAINT_MASS)
    unseen = (view.labels == LABELS.index(CLUSTER)) & (not view.fine)
    asked = (left / area > 0.5) & ~faint & ~unseen
    return cut[there], view.labels[there], asked[there]


def _window(image: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Cut a square that may reach over the edges; outside is what the padding is (0 in float)."""
    channels, rows, columns = image.shape
    empty = np.array([42, 128, 0] if channels == 3 else [0], dtype=np.uint8)[:, None, None]
    out = np.broadcast_to(empty, (channels, side, side)).copy()
    y0, y1 = max(top, 0), min(top + side, rows)
    x0, x1 = max(left, 0), min(left + side, columns)
    if y1 > y0 and x1 > x0:
        out[:, y0 - top : y1 - top, x0 - left : x1 - left] = image[:, y0:y1, x0:x1]
    return out


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    how = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    return cv2.resize(image.astype(np.float32), (size, size), interpolation=how)


def _regraded(rng: np.random.Generator, image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Other grey scales, noise and sharpness, as other machines would give; air stays 0."""
    level, contrast, specks = image
    if rng.uniform() < 0.5:
        gamma = float(np.exp(rng.uniform(-0.45, 0.45)))
        level = np.sign(level) * np.abs(level) ** gamma
    level = level * np.float32(rng.uniform(0.8, 1.2)) + np.float32(rng.uniform(-0.1, 0.1))
    contrast = contrast * np.float32(rng.uniform(0.75, 1.25))
    if rng.uniform() < 0.35:
        sigma = float(rng.uniform(0.4, 1.3))
        level = cv2.GaussianBlur(level, (0, 0), sigma)
        contrast = cv2.GaussianBlur(contrast, (0, 0), sigma)
    if rng.uniform() < 0.4:
        noise = rng.standard_normal(level.shape, dtype=np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.3, 0.9)))
        level = level + noise * np.float32(rng.uniform(0.002, 0.015))
        contrast = contrast + noise * np.float32(rng.uniform(0.01, 0.06))
    specks = specks * np.float32(rng.uniform(0.7, 1.3))
    return np.stack([level * inside, contrast * inside, specks * inside]).astype(np.float32)
