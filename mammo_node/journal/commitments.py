"""Storage commitment: what is asked for, what was reported, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from mammo_node.journal.deliveries import park
from mammo_node.journal.records import CommitmentItem, CommitmentRequest
from mammo_node.journal.retry import Park, RetryAt, SendAgain
from mammo_node.journal.settle import settle_study
from mammo_node.journal.states import Event, Machine
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import from_text, to_text
from mammo_node.vocabulary import CommitmentReport

#: Decides what becomes of an object that the peer does not commit to: Failure Reason, how often
#: it was asked, since when it waits.
Decide = Callable[[int, int, datetime], RetryAt | SendAgain | Park]


class Commitments:
    """The part of the journal that storage commitment talks to."""

    _store: Store

    def begin_commitment(
        self, destination: str, transaction_uid: str, now: datetime, limit: int, *, wait_s: float
    ) -> CommitmentRequest | None:
        """Note a request before it is sent; None when nothing is to be asked for.

        Parameters
        ----------
        transaction_uid : str
            New, and not to be guessed: who knows it may report.
        wait_s : float
            Unless :meth:`commitment_asked` says more, it is asked again after this time.
        """
        chosen = {"destination": destination, "now": to_text(now), "limit": limit}
        with self._store.reading() as transaction:  # polls do not take the write lock
            if not transaction.rows("due_commitments", **chosen):
                return None
        ask_at = to_text(now + timedelta(seconds=wait_s))
        with self._store.writing() as transaction:
            rows = transaction.rows("due_commitments", **chosen)
            if not rows:
                return None
            commitment_id = _open(transaction, destination, transaction_uid, now)
            for row in rows:
                transaction.insert(
                    "insert_commitment_item", commitment_id=commitment_id, delivery_id=row["id"]
                )
                transaction.change("note_asked", id=row["id"], ask_at=ask_at)
        return _request(transaction_uid, rows)

    def open_commitment(self, destination: str, transaction_uid: str, now: datetime) -> None:
        """Note a request that no delivery waits for: a test of the round trip."""
        with self._store.writing() as transaction:
            _open(transaction, destination, transaction_uid, now)

    def commitment_result(self, transaction_uid: str) -> tuple[int, int] | None:
        """Return how many objects were committed to and refused; None before a report."""
        with self._store.reading() as transaction:
            row = transaction.row("commitment", transaction_uid=transaction_uid)
            if row is None or row["reported_at"] is None:
                return None
            return row["committed"], row["refused"]

    def commitment_asked(self, request: CommitmentRequest, ask_at: datetime) -> None:
        """Note that the peer took the request; what is not reported by then is asked again."""
        with self._store.writing() as transaction:
            for item in request.items:
                transaction.change(
                    "ask_again",
                    id=item.delivery_id,
                    ask_at=to_text(ask_at),
                    reason=None,
                    unreachable=0,
                )

    def commitment_failed(
        self,
        request: CommitmentRequest,
        decision: RetryAt | Park,
        now: datetime,
        *,
        reason: str,
        unreachable: bool = False,
    ) -> None:
        """Note that the peer did not take the request, and what was decided.

        Parameters
        ----------
        unreachable : bool
            The failure was of the peer: asked again as soon as it is back, see
            :meth:`mammo_node.journal.deliveries.Deliveries.resume_destination`.
        """
        with self._store.writing() as transaction:
            commitment = transaction.row("commitment", transaction_uid=request.transaction_uid)
            assert commitment is not None  # noqa: S101 - begin_commitment made it
            for row in transaction.rows("items_of_commitment", commitment_id=commitment["id"]):
                _follow(transaction, row, decision, now, reason, unreachable=unreachable)

    def commitment_reported(
        self,
        report: CommitmentReport,
        destinations: Collection[str],
        now: datetime,
        decide: Decide,
    ) -> bool:
        """Take a report; return False if no request of ours has its Transaction UID.

        Parameters
        ----------
        report : CommitmentReport
            What the peer says. Objects that were not asked for, or do not wait any more, are
            passed over.
        destinations : collection of str
            Names of the destinations that the sender of the report may speak for.
        decide : callable
            What becomes of an object that is not committed to.
        """
        with self._store.writing() as transaction:
            commitment = transaction.row("commitment", transaction_uid=report.transaction_uid)
            if commitment is None or commitment["destination"] not in destinations:
                return False
            transaction.change(
                "note_report",
                id=commitment["id"],
                at=to_text(now),
                committed=len(report.committed),
                refused=len(report.failed),
            )
            for row in transaction.rows("items_of_commitment", commitment_id=commitment["id"]):
                _take(transaction, row, report, now, decide)
        return True

    def waive_commitments(
        self, asking: Collection[str], known: Collection[str], now: datetime
    ) -> int:
        """Take what is stored for delivered where commitment is no longer asked for.

        Parameters
        ----------
        asking : collection of str
            Destinations that are asked to commit.
        known : collection of str
            All destinations; what waits for others is not touched.

        Returns
        -------
        int
            How many deliveries.
        """
        reason = "stored; commitment is no longer asked for"
        waived = 0
        with self._store.writing() as transaction:
            for row in transaction.rows("stored_deliveries"):
                if row["destination"] in known and row["destination"] not in asking:
                    transaction.move(Machine.DELIVERY, row["id"], Event.DELIVER, now, reason=reason)
                    transaction.change("note_waived", id=row["id"], at=to_text(now), reason=reason)
                    settle_study(transaction, row["study_id"], now)
                    waived += 1
        return waived


def _open(transaction: Transaction, destination: str, uid: str, now: datetime) -> int:
    return transaction.insert(
        "insert_commitment", transaction_uid=uid, destination=destination, at=to_text(now)
    )


def _request(transaction_uid: str, rows: list[Row]) -> CommitmentRequest:
    return CommitmentRequest(
        transaction_uid=transaction_uid,
        items=tuple(
            CommitmentItem(row["id"], row["sop_class_uid"], row["sop_instance_uid"]) for row in rows
        ),
        asked=max(row["asked"] for row in rows) + 1,
        stored_at=min(from_text(row["stored_at"]) for row in rows),
    )


def _take(
    transaction: Transaction,
    row: Row,
    report: CommitmentReport,
    now: datetime,
    decide: Decide,
) -> None:
    uid = row["sop_instance_uid"]
    if uid in report.failed:
        decision = decide(report.failed[uid], row["asked"], from_text(row["stored_at"]))
        _follow(transaction, row, decision, now, f"not committed: {report.failed[uid]:04X}")
    elif uid in report.committed:
        transaction.move(Machine.DELIVERY, row["id"], Event.COMMIT, now)
        transaction.change("note_committed", id=row["id"], at=to_text(now))
        settle_study(transaction, row["study_id"], now)


def _follow(
    transaction: Transaction,
    row: Row,
    decision: RetryAt | SendAgain | Park,
    now: datetime,
    reason: str,
    *,
    unreachable: bool = False,
) -> None:
    if isinstance(decision, Park):
        park(transaction, row["id"], row["study_id"], now, decision.reason)
    elif isinstance(decision, SendAgain):
        transaction.move(Machine.DELIVERY, row["id"], Event.POSTPONE, now, reason=reason)
        transaction.change("send_again", id=row["id"], due_at=to_text(decision.when), reason=reason)
    else:
        transaction.change(
            "ask_again",
            id=row["id"],
            ask_at=to_text(decision.when),
            reason=reason,
            unreachable=int(unreachable),
        )
