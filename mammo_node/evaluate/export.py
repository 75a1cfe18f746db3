"""Ground truth of any source written down as a CSV file; phantoms with their images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mammo_node.evaluate import table
from mammo_node.evaluate.phantoms import PhantomTruth
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.samples import Truth
from mammo_node.image.policy import Policy

TRUTH = "truth.csv"


def write(truth: Truth, folder: Path) -> list[Path]:
    """Write ``truth.csv`` into a folder, and what phantoms there are as DICOM files.

    Returns
    -------
    list of Path
        The table first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(truth, PhantomTruth):
        records = list(_phantoms(truth, folder))
        images = [folder / record.path for record in records if record.path is not None]
    else:
        listed = [sample.record for sample in truth.samples(Policy())]
        records = [r if r.path is None else replace(r, path=r.path.resolve()) for r in listed]
        images = []
    path = folder / TRUTH
    table.write(records, path)
    return [path, *images]


def _phantoms(truth: PhantomTruth, folder: Path) -> Iterator[ImageRecord]:
    for record, ds in truth.rendered():
        name = Path(f"{record.image_id}.dcm")
        ds.save_as(folder / name, enforce_file_format=True)
        yield replace(record, path=name)
