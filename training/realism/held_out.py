"""Measure the masses of held-out phantoms, by look, against the published figures of real ones.

    python -m training.realism.held_out --held-out build/held-out [--generous 1.15]

Labels of real masses are drawn generously; phantoms' boxes are tight, and `--generous` measures as
if they were drawn so many times larger. Takes what `training.bank --raw` kept, at the 0.2 mm of the
real figures, and also tells how far from the nipple the masses lie.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mammo_node.image.preprocess import NoBreastFound, Prepared
from mammo_node.phantom import MASS
from mammo_node.phantom.contrast import middle_and_radius
from mammo_node.phantom.kinds import ASYMMETRY, DISTORTION, FOCAL_ASYMMETRY
from mammo_node.vocabulary import InputSpec
from training.measures.detect import prepared
from training.raw import RawView, raw_views
from training.realism.lesions import PITCH_MM, mass_figures, rows_of
from training.realism.statistics import Figures
from training.realism.table import Row, as_text, spread
from training.view import FINE_MM, UNKNOWN, BankedView, ViewBank, decode

#: How far real ones stand out on film, median: contrast over the deviation of the ring.
REAL_RATIOS = {ASYMMETRY: 1.7, FOCAL_ASYMMETRY: 1.7, DISTORTION: 0.7}
_SPEC = InputSpec(name="image", channels=("global",), mm_per_pixel=0.3)


def measure_masses(view: RawView, generous: float = 1.0) -> list[Figures]:
    """Figures of every mass of one image by boxes so many times larger; none without a breast."""
    try:
        breast = _stored_mask(view, prepared(view, _SPEC))
    except NoBreastFound:
        return []
    zoom = view.pitch_mm / PITCH_MM
    grey = cv2.resize(
        view.pixels.astype(np.float32), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA
    )
    breast = cv2.resize(breast, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    low, high = np.percentile(grey[breast > 0], (1.0, 99.5))
    grey = (grey - low) / (high - low)
    return [
        mass_figures(grey, breast > 0, *middle_and_radius(box, generous))
        for box in zoom * view.boxes((MASS,))
    ]


def nipple_distances_mm(bank: ViewBank) -> np.ndarray:
    """How far the middles of all masses' boxes lie from the nipple, where it is in the image."""
    found = []
    for view in bank.views.values():
        nipple = np.asarray(view.truth.nipple_mm)
        if nipple[0] != UNKNOWN:
            boxes = np.asarray([f.box_mm for f in view.truth.findings if f.kind == MASS])
            found += [float(np.hypot(*((b[:2] + b[2:]) / 2 - nipple))) for b in boxes]
    return np.asarray(found)


def signs_standing_out(bank: ViewBank) -> list[Row]:
    """Tell how far asymmetries and distortions stand out, by contrast over the ring's deviation."""
    found: dict[str, list[float]] = {}
    for view in bank.views.values():
        if any(finding.kind in REAL_RATIOS for finding in view.truth.findings):
            for kind, ratio in _ratios(view):
                found.setdefault(kind, []).append(ratio)
    rows = []
    for kind, real in REAL_RATIOS.items():
        mine = spread(found.get(kind, []))
        if mine:
            rows.append(Row(f"{kind} ({len(found[kind])})", (real, real, real), mine))
    return rows


def _ratios(view: BankedView) -> Iterator[tuple[str, float]]:
    zoom = FINE_MM / PITCH_MM
    grey = cv2.resize(decode(view.fine), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    mask = view.mask.astype(np.uint8)
    breast = cv2.resize(mask, grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    for finding in view.truth.findings:
        if finding.kind in REAL_RATIOS:
            box_px = [edge / PITCH_MM for edge in finding.box_mm]
            figures = mass_figures(grey, breast, *middle_and_radius(box_px))
            if figures:
                yield finding.kind, figures["mass contrast / ring sd"]


def _stored_mask(view: RawView, made: Prepared) -> np.ndarray:
    """Return the breast in the stored image, (rows, columns) uint8."""
    t = made.transform
    mask = made.mask[: t.scaled_height, : t.scaled_width].astype(np.uint8)
    mask = np.ascontiguousarray(mask[:, ::-1] if t.flip_x else mask)
    whole = np.zeros(view.pixels.shape, dtype=np.uint8)
    whole[t.crop_y : t.crop_y + t.crop_height, t.crop_x : t.crop_x + t.crop_width] = cv2.resize(
        mask, (t.crop_width, t.crop_height), interpolation=cv2.INTER_NEAREST
    )
    return whole


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--generous", type=float, default=1.0, metavar="TIMES")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found: dict[str, list[Figures]] = {}
    for view in raw_views(options.held_out):
        found.setdefault(view.look, []).extend(measure_masses(view, options.generous))
    for look, figures in sorted(found.items()):
        print(f"\n{look}: {len(figures)} masses\n\n{as_text(rows_of(figures))}")
    bank = ViewBank(options.held_out)
    signs = signs_standing_out(bank)
    if signs:
        print(f"\ncontrast over the deviation of the ring (real: median)\n\n{as_text(signs)}")
    distances = nipple_distances_mm(bank)
    if len(distances):
        within = ", ".join(f"{mm:.0f}" for mm in np.percentile(distances, (5, 10, 50, 90)))
        print(
            f"\n5, 10, 50 and 90 % of {len(distances)} masses lie within {within} mm of the nipple"
        )


if __name__ == "__main__":
    main()
