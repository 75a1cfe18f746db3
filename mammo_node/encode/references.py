"""References and codes as sequence items: the macros of PS3.3 Chapter 10 and 8."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mammo_node.vocabulary import CodedConcept, InstanceRef


def code_item(code: CodedConcept) -> Dataset:
    """Return a code sequence item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return item


def code_sequence(code: CodedConcept) -> Sequence:
    """Return a code sequence of one item."""
    return Sequence([code_item(code)])


def reference_item(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """Return a SOP Instance Reference item (PS3.3 Table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID = UID(sop_class_uid)
    item.ReferencedSOPInstanceUID = UID(sop_instance_uid)
    return item


def series_references(references: Iterable[InstanceRef]) -> list[Dataset]:
    """Return Referenced Series items, instances grouped by series in order of appearance."""
    series: dict[str, list[Dataset]] = {}
    for ref in references:
        item = reference_item(ref.sop_class_uid, ref.sop_instance_uid)
        series.setdefault(ref.series_instance_uid, []).append(item)
    return [_series_item(uid, items) for uid, items in series.items()]


def _series_item(series_instance_uid: str, items: list[Dataset]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = UID(series_instance_uid)
    item.ReferencedSOPSequence = Sequence(items)
    return item
