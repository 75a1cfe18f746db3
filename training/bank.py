"""A bank of rendered and preprocessed phantom views on disk, for training.

    python -m training.bank --out DIR --first-seed 10000 --studies 300 --minutes 15

Views are stored as the node's own preprocessing makes them (8 bits a channel), with their boxes in
model pixels. A bank can be rendered in parts, by several processes, and grown later.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammo_node.image.preprocess import prepare
from mammo_node.phantom import CLUSTER, MASS, PhantomView, TextureBank, generate_study
from mammo_node.vocabulary import Box, InputSpec, Orientation

LABELS = (MASS, CLUSTER)
#: Index of the channel that needs fine pixels, and the coarsest pitch that has them.
SPECKS, FINE_MM = 2, 0.12
#: Every so many studies share texture tiles.
STUDIES_PER_TEXTURE = 6
# Channel "global" spans -0.25..1.25, "local" -1..1, "specks" 0..1.
_OFFSET = np.array([0.25, 1.0, 0.0], dtype=np.float32)[:, None, None]
_SPAN = np.array([1.5, 2.0, 1.0], dtype=np.float32)[:, None, None]

INPUT = InputSpec(
    name="image",
    channels=("global", "local", "specks"),
    mm_per_pixel=0.3,
    parameters={
        "global": {"low_percentile": 1.0, "high_percentile": 99.5},
        "local": {"low_percentile": 1.0, "high_percentile": 99.5, "sigma_mm": 8.0},
        "specks": {"fine_mm": 0.1, "sigma_mm": 6.0, "full_scale": 12.0},
    },
)


@dataclass(frozen=True, slots=True)
class BankedView:
    """One preprocessed view.

    `image` is (3, rows, columns) uint8, `mask` (rows, columns) bool, `boxes` (N, 4) float32 in
    model pixels, `labels` (N,) int64 (index into `LABELS`), `contrast` (N,) float32. `fine` is a
    bool scalar: False where the rendering was too coarse for specks, so that clusters mean nothing.
    """

    image: np.ndarray
    mask: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    contrast: np.ndarray
    fine: np.ndarray


def quantise(tensor: np.ndarray) -> np.ndarray:
    """(3, rows, columns) float32 channels as uint8."""
    return np.clip((tensor + _OFFSET) / _SPAN * 255.0 + 0.5, 0, 255).astype(np.uint8)


def restore(image: np.ndarray) -> np.ndarray:
    """Undo `quantise`, to within half a step."""
    return image.astype(np.float32) / np.float32(255.0) * _SPAN - _OFFSET


def preprocess(view: PhantomView, spec: InputSpec = INPUT) -> BankedView:
    """Prepare a phantom view as the detector sees it."""
    right = view.laterality == "R"
    spacing = (view.pixel_spacing_mm, view.pixel_spacing_mm)
    made = prepare(view.pixels.astype(np.float32), spacing, Orientation(right), spec)
    boxes = []
    for lesion in view.lesions:
        box = made.transform.box_to_model(Box(*lesion.box_px))
        boxes.append([box.x_min, box.y_min, box.x_max, box.y_max])
    fine = view.pixel_spacing_mm <= FINE_MM
    if not fine:
        made.tensor[0, SPECKS] = 0.0
    return BankedView(
        fine=np.asarray(fine),
        image=quantise(made.tensor[0]),
        mask=made.mask,
        boxes=np.asarray(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.asarray([LABELS.index(x.kind) for x in view.lesions], dtype=np.int64),
        contrast=np.asarray([x.contrast for x in view.lesions], dtype=np.float32),
    )


def load(path: Path) -> BankedView:
    """Read a view that `main` wrote."""
    with np.load(path) as data:
        return BankedView(**{key: data[key] for key in BankedView.__slots__})


def render(
    seed: int,
    folder: Path,
    pitch_mm: float,
    texture: TextureBank,
    counts: tuple[int, int] | None = None,
) -> list[Path]:
    """Render one study into `folder`; without `counts` (masses, clusters) it is rich in lesions."""
    rng = np.random.default_rng([seed, 0xBA2C])
    drawn = (
        int(rng.choice(5, p=(0.12, 0.2, 0.33, 0.2, 0.15))),
        int(rng.choice(3, p=(0.4, 0.4, 0.2))),
    )
    masses, clusters = counts or drawn
    study = generate_study(
        seed, pixel_spacing_mm=pitch_mm, masses=masses, clusters=clusters, bank=texture
    )
    paths = []
    for view in study.views:
        path = folder / f"{seed:07d}-{view.laterality}{view.view}-{study.look}.npz"
        banked = preprocess(view)
        partial = path.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(partial, **{key: getattr(banked, key) for key in BankedView.__slots__})
        partial.replace(path)
        paths.append(path)
    return paths


def main() -> None:
    """Render until the studies or the minutes are used up; studies already there are skipped."""
    from tqdm import tqdm  # noqa: PLC0415 - only the command needs it

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=10_000)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--pitch", type=float, default=0.1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--counts", type=int, nargs=2, metavar=("MASSES", "CLUSTERS"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    stop = time.monotonic() + 60 * options.minutes
    texture_seed, texture = -1, None
    for seed in tqdm(range(options.first_seed, options.first_seed + options.studies), "studies"):
        if time.monotonic() > stop:
            break
        if any(options.out.glob(f"{seed:07d}-LMLO-*.npz")):
            continue
        if texture is None or seed // STUDIES_PER_TEXTURE != texture_seed:
            texture_seed = seed // STUDIES_PER_TEXTURE
            texture = TextureBank.from_seed(texture_seed)
        counts = tuple(options.counts) if options.counts else None
        render(seed, options.out, options.pitch, texture, counts)


if __name__ == "__main__":
    main()
