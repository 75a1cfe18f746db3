"""A bank of rendered phantom views on disk, for the training of every model.

    python -m training.bank --out DIR --first-seed 10000 --studies 300 --minutes 15

Views are made by the node's own preprocessing, so that training and use cannot differ. A bank can
be rendered in parts, by several processes, and grown while a training run reads it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mammo_node.image.geometry import ViewTransform
from mammo_node.image.preprocess import NoBreastFound, Prepared, prepare
from mammo_node.phantom import PhantomStudy, PhantomView, TextureBank, generate_study
from mammo_node.phantom.kinds import ASYMMETRY, FOCAL_ASYMMETRY, GLOBAL_ASYMMETRY, SIGNS
from mammo_node.vocabulary import Box, InputSpec, Orientation
from training.raw import save_raw
from training.view import (
    FINE_MM,
    RATIO,
    UNKNOWN,
    BankedView,
    Finding,
    Points,
    Truth,
    coarsened,
    encode,
    save,
)

#: Every so many studies share texture tiles.
STUDIES_PER_TEXTURE = 6
#: Draws of masses and clusters in a study: far more than women have, to learn from.
MASS_WEIGHTS = (0.12, 0.2, 0.33, 0.2, 0.15)
CLUSTER_WEIGHTS = (0.35, 0.4, 0.25)
#: Outlines are told to within so many mm.
OUTLINE_MM = 0.3
#: Share of studies without any other finding.
SIGNLESS = 0.4
#: Asymmetries differ more from one to the next than other findings do, and some have no place where
#: they would be seen: so many times as many are asked for.
SIGN_WEIGHTS = {ASYMMETRY: 3.0, FOCAL_ASYMMETRY: 3.0, GLOBAL_ASYMMETRY: 1.5}

LEVELS = InputSpec(
    name="image",
    channels=("global",),
    mm_per_pixel=FINE_MM,
    pad_multiple=RATIO,
    parameters={"global": {"low_percentile": 1.0, "high_percentile": 99.5}},
)


def banked(study: PhantomStudy, view: PhantomView) -> BankedView:
    """Prepare a phantom view as models see it, at 0.1 mm."""
    spacing = (view.pixel_spacing_mm, view.pixel_spacing_mm)
    upright = Orientation(view.laterality == "R")
    made = prepare(view.pixels.astype(np.float32), spacing, upright, LEVELS)
    level = made.tensor[0, 0]
    coarse, mask = coarsened(level, made.mask)
    return BankedView(
        fine=encode(level),
        coarse=encode(coarse),
        mask=mask,
        pectoral=_pectoral(view, made, mask),
        truth=_truth(study, view, made.transform),
    )


def _pectoral(view: PhantomView, made: Prepared, mask: np.ndarray) -> np.ndarray:
    t = made.transform
    muscle = view.landmarks.pectoral.astype(np.uint8)
    cut = muscle[t.crop_y : t.crop_y + t.crop_height, t.crop_x : t.crop_x + t.crop_width]
    cut = np.ascontiguousarray(cut[:, ::-1] if t.flip_x else cut)
    rows, columns = t.scaled_height // RATIO, t.scaled_width // RATIO
    small = cv2.resize(cut, (columns, rows), interpolation=cv2.INTER_NEAREST) > 0
    out = np.zeros_like(mask)
    out[:rows, :columns] = small
    return np.asarray(out & mask)


def _truth(study: PhantomStudy, view: PhantomView, transform: ViewTransform) -> Truth:
    nipple = np.array([UNKNOWN, UNKNOWN])
    if view.landmarks.nipple_in_image:
        nipple = FINE_MM * transform.to_model([view.landmarks.nipple_px])[0]
    findings = []
    for lesion in (*view.findings, *view.benign):
        box = transform.box_to_model(Box(*lesion.box_px))
        findings.append(
            Finding(
                kind=lesion.kind,
                variety=lesion.variety,
                malignant=bool(lesion.malignant_looking),
                box_mm=(
                    FINE_MM * box.x_min,
                    FINE_MM * box.y_min,
                    FINE_MM * box.x_max,
                    FINE_MM * box.y_max,
                ),
                contrast=float(lesion.contrast),
                outline_mm=_outline(lesion.outline_px, transform),
            )
        )
    return Truth(
        seed=study.seed,
        laterality=view.laterality,
        view=view.view,
        look=study.look,
        pitch_mm=view.pixel_spacing_mm,
        density=view.landmarks.density_level,
        nipple_mm=(float(nipple[0]), float(nipple[1])),
        nipple_in_profile=view.landmarks.nipple_in_profile,
        findings=tuple(findings),
    )


def _outline(outline_px: np.ndarray, transform: ViewTransform) -> Points:
    """Return a polygon in mm, with as few points as tell it to within a fraction of one."""
    at = (FINE_MM * transform.to_model(outline_px)).astype(np.float32)
    few = cv2.approxPolyDP(at[:, None], OUTLINE_MM, closed=True)[:, 0]
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in few)


def render(
    seed: int,
    folder: Path,
    pitch_mm: float,
    texture: TextureBank,
    counts: tuple[int, int] | None = None,
    *,
    raw: bool = False,
    signless: float = SIGNLESS,
) -> list[str]:
    """Render one study into `folder`; without `counts` (masses, clusters) it is rich in findings.

    With `raw` the images as rendered are kept too, to be measured on; `signless` is the share of
    rich studies that have nothing but masses and clusters.
    """
    rng = np.random.default_rng([seed, 0xBA2C])
    drawn = (
        int(rng.choice(len(MASS_WEIGHTS), p=MASS_WEIGHTS)),
        int(rng.choice(len(CLUSTER_WEIGHTS), p=CLUSTER_WEIGHTS)),
    )
    masses, clusters = counts or drawn
    study = generate_study(
        seed,
        pixel_spacing_mm=pitch_mm,
        masses=masses,
        clusters=clusters,
        signs=None if counts else _draw_signs(rng, signless),
        bank=texture,
    )
    names = []
    for view in study.views:
        name = view_name(study, view)
        if raw:
            save_raw(study, view, folder, name)
        try:
            save(banked(study, view), folder, name)
        except NoBreastFound as error:
            print(f"{name}: {error}; left out")
            continue
        names.append(name)
    return names


def _draw_signs(rng: np.random.Generator, signless: float) -> list[str]:
    """Draw findings beside masses and clusters, one to three where there are any."""
    if rng.uniform() < signless:
        return []
    count = int(rng.integers(1, 4))
    weights = np.array([SIGN_WEIGHTS.get(kind, 1.0) for kind in SIGNS])
    drawn = rng.choice(SIGNS, count, replace=False, p=weights / weights.sum())
    return sorted(str(name) for name in drawn)


def view_name(study: PhantomStudy, view: PhantomView) -> str:
    """Name of a view's files."""
    return f"{study.seed:07d}-{view.laterality}{view.view}-{study.look}"


def main() -> None:
    """Render until the studies or the minutes are used up; studies already there are skipped."""
    from rich.progress import track  # noqa: PLC0415 - only the command needs it

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=10_000)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--pitch", type=float, default=0.1)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--counts", type=int, nargs=2, metavar=("MASSES", "CLUSTERS"))
    parser.add_argument("--signless", type=float, default=SIGNLESS, metavar="SHARE")
    parser.add_argument("--raw", action="store_true", help="keep the images as rendered as well")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    stop = time.monotonic() + 60 * options.minutes
    texture_seed, texture = -1, None
    for seed in track(range(options.first_seed, options.first_seed + options.studies), "studies"):
        if time.monotonic() > stop:
            break
        if any(options.out.glob(f"{seed:07d}-LMLO-*.npz")):
            continue
        if texture is None or seed // STUDIES_PER_TEXTURE != texture_seed:
            texture_seed = seed // STUDIES_PER_TEXTURE
            texture = TextureBank.from_seed(texture_seed)
        counts = tuple(options.counts) if options.counts else None
        render(
            seed,
            options.out,
            options.pitch,
            texture,
            counts,
            raw=options.raw,
            signless=options.signless,
        )


if __name__ == "__main__":
    main()
