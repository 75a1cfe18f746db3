"""Phantoms as truth: rendered on the way, and read as the DICOM objects that they are.

``phantom:900000-900049`` are the studies of these seeds as they are drawn;
``phantom:900000-900049:masses=2,clusters=1,mm=0.1,look=film`` sets how many lesions a study has,
the pixel pitch in mm, and the look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import Dataset, FileDataset

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.images import read_dataset
from mammo_node.evaluate.labels import TEN_FINDINGS
from mammo_node.evaluate.records import Density, ImageRecord, TrueFinding
from mammo_node.evaluate.samples import Sample
from mammo_node.image.policy import Policy
from mammo_node.phantom import PhantomLesion, PhantomStudy, PhantomView, generate_study
from mammo_node.phantom.dicom import datasets
from mammo_node.vocabulary import Box, Laterality, View

VIEWS_EACH = 4
_WORDS = re.compile(r"^phantom:(\d+)(?:-(\d+))?(?::(.*))?$")
_OPTIONS = {"masses": int, "clusters": int, "mm": float, "look": str}
_ARGUMENTS = {"mm": "pixel_spacing_mm"}


@dataclass(frozen=True, slots=True)
class PhantomTruth:
    """The studies of consecutive seeds; ``options`` go to the generator."""

    name: str
    first_seed: int
    studies: int
    options: tuple[tuple[str, Any], ...] = ()

    def __len__(self) -> int:
        """Return how many images there are."""
        return VIEWS_EACH * self.studies

    def samples(self, policy: Policy) -> Iterator[Sample]:
        """Render study after study."""
        for record, ds in self.rendered():
            yield Sample(record, partial(read_dataset, ds, record, policy))

    def rendered(self) -> Iterator[tuple[ImageRecord, FileDataset]]:
        """Give each image's truth with its DICOM object."""
        for seed in range(self.first_seed, self.first_seed + self.studies):
            study = generate_study(seed, **dict(self.options))
            for view, ds in zip(study.views, datasets(study), strict=True):
                yield _record(study, view, ds), as_received(ds)


def parse(words: str) -> PhantomTruth:
    """Read ``phantom:FIRST-LAST[:key=value,...]``.

    Raises
    ------
    GroundTruthError
        If it is another thing; the message says what is known.
    """
    match = _WORDS.match(words)
    first, last = (0, -1) if match is None else (int(match[1]), int(match[2] or match[1]))
    if match is None or last < first:
        raise GroundTruthError(
            f"{words!r}: phantoms are named by seeds, first to last: phantom:900000-900049"
        )
    options = [_option(part, words) for part in (match[3] or "").split(",") if part]
    return PhantomTruth(words, first, last - first + 1, tuple(options))


def as_received(ds: Dataset) -> FileDataset:
    """Return an object as it is read from a file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def _option(part: str, words: str) -> tuple[str, Any]:
    key, _, value = part.partition("=")
    try:
        return _ARGUMENTS.get(key, key), _OPTIONS[key](value)
    except (KeyError, ValueError):
        known = ", ".join(f"{name}={kind.__name__}" for name, kind in _OPTIONS.items())
        raise GroundTruthError(f"{words!r}: {part!r} is none of {known}") from None


def _record(study: PhantomStudy, view: PhantomView, ds: Dataset) -> ImageRecord:
    name = f"phantom-{study.seed}"
    return ImageRecord(
        image_id=f"{name}-{view.laterality}-{view.view}",
        path=None,
        patient=name,
        study=name,
        laterality=Laterality(view.laterality),
        view=View(view.view),
        findings=tuple(map(_finding, view.findings)),
        annotated=frozenset(TEN_FINDINGS),
        vendor=f"{study.look}, {study.recipe.vendor}",
        density=Density(view.landmarks.density),
        malignant=any(x.malignant_looking for x in view.findings),
        spacing_mm=view.pixel_spacing_mm,
        nipple_px=view.nipple_px if view.landmarks.nipple_in_image else None,
        sop_instance_uid=str(ds.SOPInstanceUID),
    )


def _finding(lesion: PhantomLesion) -> TrueFinding:
    box = Box(*(float(edge) for edge in lesion.box_px))
    return TrueFinding(lesion.kind, lesion.variety, box, lesion.malignant_looking)
