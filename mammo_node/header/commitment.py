"""The event information of a storage commitment report (PS3.4 Table J.3-2)."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from mammo_node.errors import CannotUnderstand
from mammo_node.header import attributes
from mammo_node.vocabulary import CommitmentReport

#: PS3.3 C.14.1.1, for a failed item that gives no reason.
_PROCESSING_FAILURE = 0x0110


def decode_report(content: bytes, transfer_syntax_uid: str) -> CommitmentReport:
    """Decode the dataset of an N-EVENT-REPORT-RQ.

    Raises
    ------
    CannotUnderstand
        If it is not one, or has no Transaction UID.
    """
    try:
        implicit = UID(transfer_syntax_uid).is_implicit_VR
        ds = read_dataset(io.BytesIO(content), implicit, True)
        return report_of(ds)
    except attributes.MALFORMED as error:
        raise CannotUnderstand("the report cannot be decoded") from error


def report_of(ds: pydicom.Dataset) -> CommitmentReport:
    """Return what a report says.

    Raises
    ------
    CannotUnderstand
        If it has no Transaction UID.
    """
    transaction_uid = attributes.uid(ds, "TransactionUID")
    if transaction_uid is None:
        raise CannotUnderstand("the report has no Transaction UID")
    failed = {
        uid: attributes.integer(item, "FailureReason") or _PROCESSING_FAILURE
        for uid, item in _items(ds, "FailedSOPSequence")
    }
    committed = frozenset(uid for uid, _ in _items(ds, "ReferencedSOPSequence"))
    return CommitmentReport(str(transaction_uid), committed - failed.keys(), failed)


def _items(ds: Dataset, keyword: str) -> Iterator[tuple[str, Dataset]]:
    for item in attributes.items(ds, keyword):
        uid = attributes.uid(item, "ReferencedSOPInstanceUID")
        if uid is not None:
            yield str(uid), item
