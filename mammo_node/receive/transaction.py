"""One instance on its way from the network into the journal.

Rules:

* :meth:`StoreTransaction.commit` returns only when the file is durable under its final
  name and its row is committed; any other end is a ReceptionError, and no file is left
  but one that the journal refers to.
* Command and dataset must name the same valid SOP class and instance, and the dataset a
  study and a series. Nothing from the network becomes part of a path.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from mammo_node.dimse.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mammo_node.dimse.ports import StoreRequest
from mammo_node.dimse.text import to_text
from mammo_node.errors import (
    CannotUnderstand,
    DatasetMismatch,
    DuplicateSopInstance,
    JournalError,
    OutOfResources,
    SopClassNotSupported,
)
from mammo_node.header import summarise
from mammo_node.journal.records import CommitOutcome
from mammo_node.receive.acceptance import STORAGE_SOP_CLASSES, is_valid_uid
from mammo_node.receive.content_hash import ContentHash
from mammo_node.receive.dataset_header import read_header
from mammo_node.receive.file_meta import encode_head
from mammo_node.receive.ports import Incoming
from mammo_node.vocabulary import InstanceRef, ReceivedInstance


def check_request(request: StoreRequest) -> None:
    """Judge a C-STORE-RQ by its command alone, before any byte of the dataset.

    Raises
    ------
    SopClassNotSupported
        If the SOP class is not one of storage, or not the presentation context's.
    CannotUnderstand
        If the SOP Instance UID is no UID.
    """
    sop_class_uid = request.affected_sop_class_uid
    if sop_class_uid not in STORAGE_SOP_CLASSES:
        raise SopClassNotSupported("this SOP class cannot be stored here")
    if sop_class_uid != request.context.abstract_syntax:
        raise SopClassNotSupported("the SOP class is not that of the presentation context")
    if not is_valid_uid(request.affected_sop_instance_uid):
        raise CannotUnderstand("Affected SOP Instance UID is not a valid UID")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an instance."""

    instance: ReceivedInstance
    outcome: CommitOutcome


class StoreTransaction:
    """A ``dimse.ports.Store`` that writes to the spool and commits to the journal.

    Parameters
    ----------
    request : StoreRequest
        One that passed :func:`check_request`.
    incoming : Incoming
        An empty file.
    record : Callable[[ReceivedInstance], CommitOutcome]
        The journal's commit.
    report : Callable[[Taken], None]
        Told of each instance that the journal answered for, accepted or not.
    now : Callable[[], datetime]
        The clock, UTC.
    max_bytes : int
        Longest dataset taken.
    """

    def __init__(
        self,
        request: StoreRequest,
        incoming: Incoming,
        *,
        record: Callable[[ReceivedInstance], CommitOutcome],
        report: Callable[[Taken], None],
        now: Callable[[], datetime],
        max_bytes: int,
    ) -> None:
        self._request = request
        self._incoming = incoming
        self._record = record
        self._report = report
        self._now = now
        self._max_bytes = max_bytes
        head = _head(request)
        self._head_bytes = len(head)
        self._dataset_bytes = 0
        self._incoming.write(head)

    def write(self, fragment: memoryview) -> None:
        """Append dataset bytes to the file.

        Raises
        ------
        OutOfResources
            If the disk does not take them or the dataset grows beyond the limit.
        """
        self._dataset_bytes += len(fragment)
        if self._dataset_bytes > self._max_bytes:
            raise OutOfResources("the instance is larger than max_instance_mb")
        self._incoming.write(fragment)

    def commit(self) -> None:
        """Check the dataset, make the file durable, commit the row.

        Raises
        ------
        ReceptionError
            Whose status answers the peer: OutOfResources, DatasetMismatch,
            CannotUnderstand or DuplicateSopInstance.
        """
        header = self._read_header()
        known = _identify(header, self._request)
        summary = summarise(header)
        content_hash = ContentHash(self._incoming.path, self._head_bytes)
        with content_hash:
            path = self._incoming.commit()
        try:
            ref = replace(known, content_hash=content_hash.hexdigest())
        except OutOfResources:
            _remove(path)
            raise
        association = self._request.association
        instance = ReceivedInstance(
            ref=ref,
            transfer_syntax_uid=self._request.context.transfer_syntax,
            summary=summary,
            calling_ae_title=association.calling_ae_title,
            called_ae_title=association.called_ae_title,
            peer_address=association.peer_address,
            association_id=association.association_id,
            path=path,
            size_bytes=self._head_bytes + self._dataset_bytes,
            received_at=self._now(),
        )
        outcome = self._commit_row(instance)
        self._report(Taken(instance, outcome))
        if not outcome.accepted:
            raise DuplicateSopInstance("this SOP Instance UID came before with other content")

    def discard(self) -> None:
        """Remove what was not committed."""
        self._incoming.discard()

    def _read_header(self) -> Dataset:
        syntax = self._request.context.transfer_syntax
        try:
            return read_header(self._incoming.path, self._head_bytes, syntax)
        except OSError as error:
            raise OutOfResources(f"the spool cannot be read: {error.strerror}") from error

    def _commit_row(self, instance: ReceivedInstance) -> CommitOutcome:
        try:
            outcome = self._record(instance)
        except (JournalError, OutOfResources) as error:
            _remove(instance.path)
            raise OutOfResources(f"the journal does not take it: {error}") from error
        if not outcome.keeps_file:
            _remove(instance.path)
        return outcome


def _head(request: StoreRequest) -> bytes:
    return encode_head(
        sop_class_uid=request.affected_sop_class_uid,
        sop_instance_uid=request.affected_sop_instance_uid,
        transfer_syntax_uid=request.context.transfer_syntax,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
        calling_ae_title=request.association.calling_ae_title,
        called_ae_title=request.association.called_ae_title,
    )


def _identify(header: Dataset, request: StoreRequest) -> InstanceRef:
    """Return who the dataset is; its content hash is not known yet."""
    ref = InstanceRef(
        sop_class_uid=_uid(header, "SOPClassUID"),
        sop_instance_uid=_uid(header, "SOPInstanceUID"),
        study_instance_uid=_uid(header, "StudyInstanceUID"),
        series_instance_uid=_uid(header, "SeriesInstanceUID"),
        content_hash="",
    )
    if ref.sop_class_uid != request.affected_sop_class_uid:
        raise DatasetMismatch("SOP Class UID of dataset and command differ")
    if ref.sop_instance_uid != request.affected_sop_instance_uid:
        raise DatasetMismatch("SOP Instance UID of dataset and command differ")
    return ref


def _uid(header: Dataset, keyword: str) -> str:
    element = header.get_item(keyword) if keyword in header else None
    value = element.value if element is not None else None
    text = to_text(value) if isinstance(value, bytes) else ""
    if not is_valid_uid(text):
        problem = "is not a valid UID" if text else "is missing"
        raise CannotUnderstand(f"{keyword} of the dataset {problem}")
    return text


def _remove(path: Path) -> None:
    with suppress(OSError):  # what cannot be deleted now is swept at the next start
        path.unlink()
