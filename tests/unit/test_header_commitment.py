"""Reports of storage commitment: what they say, and that no bytes can do harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mammo_node.errors import CannotUnderstand
from mammo_node.header.commitment import decode_report
from mammo_node.vocabulary import CommitmentReport
from tests.receiving import encode


def _report(
    committed: list[str], failed: dict[str, int | None], transaction: str | None = "2.25.1"
) -> Dataset:
    ds = Dataset()
    if transaction is not None:
        ds.TransactionUID = transaction
    ds.ReferencedSOPSequence = [_item(uid) for uid in committed]
    ds.FailedSOPSequence = [_item(uid, reason) for uid, reason in failed.items()]
    return ds


def _item(uid: str, reason: int | None = None) -> Dataset:
    ds = Dataset()
    ds.ReferencedSOPInstanceUID = uid
    if reason is not None:
        ds.FailureReason = reason
    return ds


@pytest.mark.parametrize("implicit", [True, False])
def test_a_report_is_read_in_both_syntaxes(implicit: bool) -> None:
    """Committed, failed with its reason, failed without one: processing failure."""
    content = encode(_report(["1.1"], {"1.2": 0x0112, "1.3": None}), implicit=implicit)
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    assert decode_report(content, syntax) == CommitmentReport(
        "2.25.1", frozenset(["1.1"]), {"1.2": 0x0112, "1.3": 0x0110}
    )


def test_what_failed_is_not_committed() -> None:
    """An object in both lists counts as failed."""
    content = encode(_report(["1.1", "1.2"], {"1.2": 0x0213}))
    assert decode_report(content, ExplicitVRLittleEndian).committed == {"1.1"}


@pytest.mark.parametrize("transaction", [None, ""])
def test_without_a_transaction_it_is_no_report(transaction: str | None) -> None:
    """What it is about must be said."""
    with pytest.raises(CannotUnderstand):
        decode_report(encode(_report(["1.1"], {}, transaction)), ExplicitVRLittleEndian)


@pytest.mark.filterwarnings("ignore:::pydicom")
@given(content=st.binary(max_size=400), implicit=st.booleans())
def test_any_bytes_are_a_report_or_not_understood(content: bytes, implicit: bool) -> None:
    """A peer's nonsense is answered, never a crash."""
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    try:
        report = decode_report(content, syntax)
    except CannotUnderstand:
        return
    assert isinstance(report, CommitmentReport)


@pytest.mark.filterwarnings("ignore:::pydicom")
@given(st.data())
def test_a_damaged_report_is_a_report_or_not_understood(data: st.DataObject) -> None:
    """A report with some bytes changed does no more harm than nonsense."""
    content = bytearray(encode(_report(["1.1", "1.2"], {"1.3": 0x0112})))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_report(bytes(content), ExplicitVRLittleEndian)
    except CannotUnderstand:
        return
