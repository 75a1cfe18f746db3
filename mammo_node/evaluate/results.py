"""Results that were made before, and by whomever, paired with the truth about their images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from mammo_node.errors import ImageError
from mammo_node.evaluate.images import PICTURES, complete
from mammo_node.evaluate.predictions import Prediction
from mammo_node.evaluate.records import ImageRecord
from mammo_node.evaluate.run import Judged
from mammo_node.evaluate.samples import Truth
from mammo_node.header import attributes
from mammo_node.header.part10 import read_header
from mammo_node.image.policy import Policy
from mammo_node.image.spacing import spacing_from

_SILENCE = Prediction("", refusal="no-result: nothing is said of it")


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that somebody's results say.

    Attributes
    ----------
    by_image
        What is said of each image, by SOP Instance UID or by the truth's name of it.
    models
        Who made them, as far as they say.
    labels
        The kinds of findings that are in them; None where nothing says what was looked for.
    documents
        How many reports or tables they are from.
    threshold
        From which score a finding counts as one, where the user says nothing else.
    unread
        What could not be read, with the reason.
    """

    by_image: Mapping[str, Prediction]
    models: tuple[str, ...]
    labels: tuple[str, ...] | None
    documents: int
    threshold: float = 0.0
    unread: tuple[str, ...] = field(default=())

    def judge(self, truth: Truth, policy: Policy) -> Iterator[Judged]:
        """Pair each image's truth with what is said of it."""
        for sample in truth.samples(policy):
            record, header = sample.record, _header(sample.record)
            uid = record.sop_instance_uid
            if header is not None:
                uid = uid or str(attributes.uid(header, "SOPInstanceUID") or "")
                words = " ".join(attributes.words(header, "Manufacturer"))
                record = replace(record, vendor=record.vendor or words or None)
            said = self.by_image.get(uid or "") or self.by_image.get(record.image_id) or _SILENCE
            spacing = _spacing(record, header)
            yield Judged(record, replace(said, image_id=record.image_id, spacing_mm=spacing))


def _header(record: ImageRecord) -> Dataset | None:
    if record.path is None or record.path.suffix.lower() in PICTURES:
        return None
    try:
        return read_header(record.path)
    except (ImageError, OSError):
        return None


def _spacing(record: ImageRecord, header: Dataset | None) -> tuple[float, float] | None:
    if header is not None:
        complete(header, record)
        found = spacing_from(header)
        if found is not None:
            return found.row_mm, found.column_mm
    return None if record.spacing_mm is None else (record.spacing_mm, record.spacing_mm)
