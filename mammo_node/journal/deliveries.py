"""Deliveries are claimed in batches, recorded one by one, postponed, parked and retried."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from mammo_node.errors import LeaseLost
from mammo_node.journal.records import Delivery
from mammo_node.journal.retry import Park, RetryAt
from mammo_node.journal.rows import delivery_of
from mammo_node.journal.settle import settle_study
from mammo_node.journal.states import DeliveryState, Event, Machine, StudyState
from mammo_node.journal.store import Store, Transaction
from mammo_node.journal.times import to_text


class Deliveries:
    """The part of the journal that senders talk to."""

    _store: Store

    def due_deliveries(
        self, destination: str, now: datetime, limit: int, *, owner: str, lease_s: float
    ) -> tuple[Delivery, ...]:
        """Claim up to ``limit`` due deliveries of one destination for ``lease_s``."""
        until = to_text(now + timedelta(seconds=lease_s))
        chosen = {"destination": destination, "now": to_text(now), "limit": limit}
        with self._store.reading() as transaction:  # polls do not take the write lock
            if not transaction.rows("due_deliveries", **chosen):
                return ()
        claimed = []
        with self._store.writing() as transaction:
            for row in transaction.rows("due_deliveries", **chosen):
                transaction.move(Machine.DELIVERY, row["id"], Event.CLAIM, now, reason=owner)
                transaction.change("lease_delivery", id=row["id"], owner=owner, until=until)
                claimed.append(self._delivery(transaction, row["id"]))
        return tuple(claimed)

    def extend_deliveries(self, deliveries: Collection[Delivery], until: datetime) -> None:
        """Keep claimed deliveries; those that are not this claim's any more are left alone."""
        with self._store.writing() as transaction:
            for delivery in deliveries:
                transaction.change(
                    "extend_delivery",
                    id=delivery.delivery_id,
                    owner=delivery.owner,
                    attempt=delivery.attempt,
                    until=to_text(until),
                )

    def delivered(
        self, delivery: Delivery, status: int, now: datetime, warning: str | None = None
    ) -> None:
        """Note that the peer has the object, with its status and what it warned of.

        Raises
        ------
        LeaseLost
            If the delivery is another claim's by now.
        """
        with self._store.writing() as transaction:
            _move(transaction, delivery, Event.DELIVER, now, warning)
            transaction.change(
                "note_delivered",
                id=delivery.delivery_id,
                status=status,
                reason=warning,
                at=to_text(now),
            )
            settle_study(transaction, delivery.study_id, now)

    def stored(
        self,
        delivery: Delivery,
        status: int,
        now: datetime,
        warning: str | None = None,
        *,
        ask_at: datetime,
    ) -> None:
        """Note that the peer has the object, and that it is to be asked to commit to it.

        Raises
        ------
        LeaseLost
            If the delivery is another claim's by now.
        """
        with self._store.writing() as transaction:
            _move(transaction, delivery, Event.STORE, now, warning)
            transaction.change(
                "note_stored",
                id=delivery.delivery_id,
                status=status,
                reason=warning,
                at=to_text(now),
                ask_at=to_text(ask_at),
            )

    def delivery_failed(
        self,
        delivery: Delivery,
        decision: RetryAt | Park,
        now: datetime,
        *,
        reason: str,
        status: int | None = None,
        unreachable: bool = False,
    ) -> None:
        """Note that the peer does not have the object, and what was decided.

        Parameters
        ----------
        status : int or None
            The C-STORE status, where there was one.
        unreachable : bool
            The failure was of the peer, not of this object: see :meth:`resume_destination`.

        Raises
        ------
        LeaseLost
            If the delivery is another claim's by now.
        """
        parked = isinstance(decision, Park)
        with self._store.writing() as transaction:
            _move(transaction, delivery, Event.PARK if parked else Event.POSTPONE, now, reason)
            transaction.change(
                "note_delivery_failed",
                id=delivery.delivery_id,
                at=to_text(now),
                status=status,
                reason=decision.reason if isinstance(decision, Park) else reason,
                unreachable=int(unreachable),
                due_at=to_text(now if isinstance(decision, Park) else decision.when),
            )
            settle_study(transaction, delivery.study_id, now)

    def release_deliveries(self, deliveries: Collection[Delivery], now: datetime) -> None:
        """Put deliveries back untried: the sender stops."""
        with self._store.writing() as transaction:
            for delivery in deliveries:
                if _owns(transaction, delivery):
                    put_delivery_back(transaction, delivery.delivery_id, Event.RELEASE, now)

    def hold_destination(self, destination: str, until: datetime) -> None:
        """Let everything that waits for a peer that is down wait at least until then."""
        with self._store.writing() as transaction:
            transaction.change("hold_destination", destination=destination, until=to_text(until))

    def resume_destination(self, destination: str, now: datetime) -> int:
        """Let go what waited for a peer that is back; return how many deliveries."""
        with self._store.writing() as transaction:
            return transaction.change(
                "resume_destination", destination=destination, now=to_text(now)
            )

    def retry(
        self,
        now: datetime,
        *,
        destination: str | None = None,
        study_instance_uid: str | None = None,
    ) -> int:
        """Make parked and postponed deliveries due now; return how many.

        Parameters
        ----------
        destination, study_instance_uid : str or None
            Only those of this destination, of this study; None for all.
        """
        chosen = {"destination": destination, "study_instance_uid": study_instance_uid}
        with self._store.writing() as transaction:
            number = transaction.change("expedite_deliveries", now=to_text(now), **chosen)
            for row in transaction.rows("parked_deliveries", **chosen):
                transaction.move(Machine.DELIVERY, row["id"], Event.RETRY, now)
                transaction.change("unpark_delivery", id=row["id"], now=to_text(now))
                _reopen_delivering(transaction, row["study_id"], now)
                number += 1
        return number

    def park_unknown_destinations(self, known: Collection[str], now: datetime) -> tuple[str, ...]:
        """Park what waits for destinations that the configuration no longer names.

        Returns
        -------
        tuple of str
            The names that are no longer known.
        """
        with self._store.writing() as transaction:
            waiting = [row["destination"] for row in transaction.rows("destinations_waiting")]
            unknown = tuple(name for name in waiting if name not in known)
            for name in unknown:
                reason = f"ae_titles.toml names no destination {name!r}"
                for row in transaction.rows("waiting_for_destination", destination=name):
                    park(transaction, row["id"], row["study_id"], now, reason)
        return unknown

    def _delivery(self, transaction: Transaction, delivery_id: int) -> Delivery:
        row = transaction.row("delivery", id=delivery_id)
        assert row is not None  # noqa: S101 - the caller has just seen it
        return delivery_of(row, self._store)


def _move(
    transaction: Transaction, delivery: Delivery, event: Event, now: datetime, reason: str | None
) -> None:
    """Move a delivery if this claim still holds it."""
    if not _owns(transaction, delivery):
        raise LeaseLost(f"delivery {delivery.delivery_id} is no longer held by {delivery.owner}")
    transaction.move(Machine.DELIVERY, delivery.delivery_id, event, now, reason=reason)


def _owns(transaction: Transaction, delivery: Delivery) -> bool:
    row = transaction.row("delivery", id=delivery.delivery_id)
    if row is None or row["state"] != DeliveryState.SENDING:
        return False
    return bool(row["attempt"] == delivery.attempt)


def put_delivery_back(
    transaction: Transaction, delivery_id: int, event: Event, now: datetime
) -> None:
    """Make a claimed delivery pending again, due now."""
    transaction.move(Machine.DELIVERY, delivery_id, event, now)
    transaction.change("put_delivery_back", id=delivery_id, due_at=to_text(now))


def park(
    transaction: Transaction, delivery_id: int, study_id: int, now: datetime, reason: str
) -> None:
    """Park a delivery that nobody is at."""
    transaction.move(Machine.DELIVERY, delivery_id, Event.PARK, now, reason=reason)
    transaction.change("park_delivery_reason", id=delivery_id, reason=reason)
    settle_study(transaction, study_id, now)


def _reopen_delivering(transaction: Transaction, study_id: int, now: datetime) -> None:
    study = transaction.row("study_by_id", study_id=study_id)
    if study is not None and study["state"] == StudyState.UNDELIVERED:
        transaction.move(Machine.STUDY, study_id, Event.RETRY, now)
