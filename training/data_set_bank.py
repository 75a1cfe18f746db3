"""A bank of real mammograms: a public data set on disk, made into what training reads.

    python -m training.data_set_bank --data-set cbis-ddsm --data /data/CBIS-DDSM \
        --split training --out build/cbis

Images go the node's own way, from reading to grey levels. Patients of the test part never get into
the training part. What the data set does not say stays unknown: views without a nipple are not
used for landmarks, breasts without a density not for density.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mammo_node.errors import ImageError
from mammo_node.evaluate.datasets import READERS, load, split_by_patient
from mammo_node.evaluate.images import read_image
from mammo_node.evaluate.records import Density, ImageRecord
from mammo_node.image.geometry import ViewTransform
from mammo_node.image.policy import Policy
from mammo_node.image.preprocess import prepare
from mammo_node.image.presentation import render
from mammo_node.vocabulary import MammoImage, Refusal
from training.bank import LEVELS
from training.view import FINE_MM, UNKNOWN, BankedView, Finding, Truth, coarsened, encode, save

#: Real lesions have no measured contrast: all are asked for.
_CONTRAST = math.inf


def bank_of(record: ImageRecord, image: MammoImage) -> BankedView:
    """Prepare one real image as models see it; only findings with a box are kept.

    Raises
    ------
    ImageError
        If there is no breast in it.
    """
    spec = LEVELS
    spacing = (image.spacing.row_mm, image.spacing.column_mm)
    made = prepare(render(image, spec.voi), spacing, image.orientation, spec, padding=image.padding)
    level = made.tensor[0, 0]
    coarse, mask = coarsened(level, made.mask)
    return BankedView(
        fine=encode(level),
        coarse=encode(coarse),
        mask=mask,
        pectoral=np.zeros_like(mask),
        truth=_truth(record, max(spacing), made.transform),
    )


def _truth(record: ImageRecord, pitch_mm: float, transform: ViewTransform) -> Truth:
    nipple = (UNKNOWN, UNKNOWN)
    if record.nipple_px is not None:
        x, y = FINE_MM * transform.to_model([record.nipple_px])[0]
        nipple = (float(x), float(y))
    findings = []
    for finding in record.findings:
        if finding.box_px is not None:
            box = transform.box_to_model(finding.box_px)
            edges = (box.x_min, box.y_min, box.x_max, box.y_max)
            x0, y0, x1, y1 = (FINE_MM * edge for edge in edges)
            malignant = bool(finding.malignant)
            findings.append(
                Finding(
                    finding.label, finding.original_label, malignant, (x0, y0, x1, y1), _CONTRAST
                )
            )
    known = record.density is not None
    return Truth(
        seed=_number(record.patient + record.study),
        laterality=record.laterality.value,
        view=record.view.value,
        look=record.vendor or "unknown",
        pitch_mm=pitch_mm,
        density=list(Density).index(Density(record.density)) + 0.5 if known else UNKNOWN,
        nipple_mm=nipple,
        nipple_in_profile=True,
        findings=tuple(findings),
    )


def _number(text: str) -> int:
    """Give a study a number, as phantoms have a seed."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def fill(records: Sequence[ImageRecord], out: Path) -> list[Refusal]:
    """Bank every record's image that is not there yet; returns what could not be."""
    out.mkdir(parents=True, exist_ok=True)
    refused = []
    for record in records:
        name = hashlib.sha256(record.image_id.encode()).hexdigest()[:16]
        if (out / f"{name}.npz").exists():
            continue
        image = read_image(record, Policy(secondary_capture=True))
        if isinstance(image, Refusal):
            refused.append(image)
            continue
        try:
            save(bank_of(record, image), out, name)
        except ImageError as error:
            print(f"{record.image_id}: {error}")
    return refused


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-set", required=True, choices=sorted(READERS))
    parser.add_argument("--data", type=Path, required=True, help="its folder")
    parser.add_argument("--split", default="training", choices=("training", "validation", "test"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--skip-missing", action="store_true", help="leave out what is not there")
    options = parser.parse_args()
    records = load(options.data_set, options.data, skip_missing=options.skip_missing)
    chosen = getattr(split_by_patient(records), options.split)
    refused = fill(chosen, options.out)
    for refusal in refused:
        print(f"left out: {refusal.detail}")
    print(f"{options.out}: {len(chosen) - len(refused)} of {len(chosen)} images")


if __name__ == "__main__":
    main()
