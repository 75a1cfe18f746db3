"""The order of things in one store: file, then row, then the answer; and nothing left over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mammo_node.dimse.negotiation import AcceptedContext
from mammo_node.dimse.ports import AssociationInfo, StoreRequest
from mammo_node.errors import (
    CannotUnderstand,
    DuplicateSopInstance,
    JournalError,
    OutOfResources,
    ReceptionError,
    SopClassNotSupported,
)
from mammo_node.journal.records import CommitOutcome
from mammo_node.journal.spool import Spool
from mammo_node.receive.transaction import StoreTransaction, Taken, check_request
from mammo_node.vocabulary import ReceivedInstance
from tests.receiving import CT, MG, encoded_mammogram, sha256

UID = "2.25.77"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ASSOCIATION = AssociationInfo("a-1", "ROOM_1", "MAMMO_AI", "192.0.2.1", "TEST")
EXPLICIT = "1.2.840.10008.1.2.1"


def request(uid: str = UID, sop_class: str = MG, abstract_syntax: str = MG) -> StoreRequest:
    return StoreRequest(ASSOCIATION, AcceptedContext(abstract_syntax, EXPLICIT), sop_class, uid)


@dataclass
class Ledger:
    """A journal that notes what was durable when it was asked."""

    outcome: CommitOutcome = CommitOutcome.NEW
    error: ReceptionError | JournalError | None = None
    instances: list[ReceivedInstance] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)

    def commit(self, instance: ReceivedInstance) -> CommitOutcome:
        assert instance.path.is_file(), "the row may not come before the file"
        assert not self.taken
        self.instances.append(instance)
        if self.error is not None:
            raise self.error
        return self.outcome


def transaction(spool: Spool, ledger: Ledger) -> StoreTransaction:
    return StoreTransaction(
        request(),
        spool.open_incoming(),
        record=ledger.commit,
        report=ledger.taken.append,
        now=lambda: NOW,
        max_bytes=1 << 20,
    )


def files(spool: Spool) -> list[Path]:
    return [path for path in spool.root.rglob("*") if path.is_file()]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


def store(spool: Spool, ledger: Ledger, content: bytes | None = None) -> None:
    content = encoded_mammogram(UID) if content is None else content
    running = transaction(spool, ledger)
    try:
        for at in range(0, len(content), 1000):
            running.write(memoryview(content)[at : at + 1000])
        running.commit()
    finally:
        running.discard()
        running.discard()  # harmless twice


def test_the_row_describes_the_file(spool: Spool) -> None:
    """File first, row second, report last; the hash is of the dataset's bytes alone."""
    ledger = Ledger()
    store(spool, ledger)
    (instance,) = ledger.instances
    assert files(spool) == [instance.path]
    assert instance.ref.content_hash == sha256(encoded_mammogram(UID))
    assert instance.size_bytes == instance.path.stat().st_size
    assert instance.association_id == "a-1"
    assert instance.received_at == NOW
    assert ledger.taken == [Taken(instance, CommitOutcome.NEW)]


@pytest.mark.parametrize(
    ("outcome", "kept", "accepted"),
    [
        (CommitOutcome.NEW, 1, True),
        (CommitOutcome.DUPLICATE, 0, True),
        (CommitOutcome.CONFLICT, 1, False),
        (CommitOutcome.CONFLICT_AGAIN, 0, False),
    ],
)
def test_files_stay_as_the_journal_says(
    spool: Spool, outcome: CommitOutcome, kept: int, accepted: bool
) -> None:
    """A file lies in the spool if and only if the journal refers to it."""
    ledger = Ledger(outcome)
    if accepted:
        store(spool, ledger)
    else:
        with pytest.raises(DuplicateSopInstance):
            store(spool, ledger)
    assert len(files(spool)) == kept
    assert [taken.outcome for taken in ledger.taken] == [outcome]


@pytest.mark.parametrize("error", [JournalError("locked"), OutOfResources("database is full")])
def test_without_a_row_there_is_no_file(spool: Spool, error: ReceptionError | JournalError) -> None:
    """Whatever the journal refuses becomes A700, and the file goes."""
    with pytest.raises(OutOfResources, match="the journal does not take it"):
        store(spool, Ledger(error=error))
    assert files(spool) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 99, encoded_mammogram("2.25.78")])
def test_a_refused_dataset_leaves_nothing(spool: Spool, content: bytes) -> None:
    """What cannot be identified reaches neither journal nor spool."""
    ledger = Ledger()
    with pytest.raises(ReceptionError):
        store(spool, ledger, content)
    assert files(spool) == []
    assert ledger.instances == []


def test_a_file_that_vanished_is_out_of_resources(spool: Spool) -> None:
    """Trouble with the disk under our feet is A700, not the sender's fault."""
    running = transaction(spool, Ledger())
    running.write(memoryview(encoded_mammogram(UID)))
    (path,) = spool.incoming.iterdir()
    path.unlink()
    with pytest.raises(OutOfResources):
        running.commit()
    running.discard()


def test_commands_are_judged_before_the_dataset() -> None:
    """Class, context and UID of the command decide before a file is opened."""
    check_request(request())
    with pytest.raises(SopClassNotSupported):
        check_request(request(sop_class=CT, abstract_syntax=CT))
    with pytest.raises(SopClassNotSupported):
        check_request(request(abstract_syntax="1.2.840.10008.5.1.4.1.1.7"))
    with pytest.raises(CannotUnderstand):
        check_request(request(uid="../../x"))
