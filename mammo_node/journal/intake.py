"""Instances come in: new, again, or in conflict with what is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mammo_node.journal.records import CommitOutcome
from mammo_node.journal.states import Event, InstanceState, Machine, StudyState
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import to_text
from mammo_node.vocabulary import ReceivedInstance


class Intake:
    """The part of the journal that receivers talk to."""

    _store: Store

    def commit(self, instance: ReceivedInstance) -> CommitOutcome:
        """Take an instance whose file lies in the spool; durable when this returns.

        A new instance begins its study, joins it, or re-opens it for the next generation
        when its results are already being made. Identical bytes under the same SOP Instance
        UID change nothing, unless the first file was swept or lost: then the new one takes
        its place, and a lost one re-opens the study. Other bytes go to quarantine.

        Raises
        ------
        OutOfResources
            If the journal cannot write; the file is not the journal's then.
        """
        with self._store.writing() as transaction:
            return _Arrival(self._store, transaction, instance).take()

    def association_released(
        self,
        association_id: str,
        calling_ae_title: str,
        study_instance_uids: Sequence[str],
        at: datetime,
        aborted: bool = False,
    ) -> None:
        """Note that a sender is gone: released its association, or lost it (``aborted``).

        The journal knows from :meth:`commit` which studies the association brought; titles
        and UIDs are not needed for it.
        """
        with self._store.writing() as transaction:
            transaction.change(
                "release_sender",
                association_id=association_id,
                at=to_text(at),
                aborted=int(aborted),
            )

    def associations_lost(self, prefix: str, at: datetime) -> int:
        """Note that every open association whose id begins so is gone: its receiver died."""
        with self._store.writing() as transaction:
            return transaction.change("release_senders_like", prefix=prefix, at=to_text(at))


class _Arrival:
    """One instance on its way into one transaction."""

    def __init__(self, store: Store, transaction: Transaction, instance: ReceivedInstance) -> None:
        self._store = store
        self._transaction = transaction
        self._instance = instance
        self._at = instance.received_at

    def take(self) -> CommitOutcome:
        """Decide by SOP Instance UID and content hash."""
        ref = self._instance.ref
        known = self._transaction.rows("instances_with_uid", sop_instance_uid=ref.sop_instance_uid)
        if not known:
            study_id, generation = self._join_study()
            self._insert(study_id, generation, Event.ACCEPT)
            return CommitOutcome.NEW
        for row in known:
            if row["content_hash"] == ref.content_hash:
                return self._again(row, first=row["id"] == known[0]["id"])
        study = self._study(known[0]["study_id"])
        self._insert(study["id"], study["generation"], Event.CONFLICT)
        return CommitOutcome.CONFLICT

    def _again(self, row: Row, *, first: bool) -> CommitOutcome:
        if not first:
            return CommitOutcome.CONFLICT_AGAIN
        if row["state"] == InstanceState.MISSING:
            # What was analysed without it must be analysed again.
            _, generation = self._join_study()
            self._restore(row["id"], generation)
            return CommitOutcome.NEW
        if row["state"] == InstanceState.SWEPT:
            # Answered long ago; the file serves a late view that came or may follow.
            study = self._study(row["study_id"])
            if study["state"] == StudyState.RECEIVING:
                self._join_study()
            self._restore(row["id"], study["generation"])
            self._transaction.change("note_restored", study_id=study["id"])
            return CommitOutcome.NEW
        return CommitOutcome.DUPLICATE

    def _study(self, study_id: int) -> Row:
        study = self._transaction.row("study_by_id", study_id=study_id)
        assert study is not None  # noqa: S101 - a foreign key holds it
        return study

    def _restore(self, instance_id: int, generation: int) -> None:
        self._transaction.move(Machine.INSTANCE, instance_id, Event.RESTORE, self._at)
        self._transaction.change(
            "relocate_instance",
            id=instance_id,
            generation=generation,
            path=self._store.to_stored(self._instance.path),
            size_bytes=self._instance.size_bytes,
            received_at=to_text(self._at),
        )

    def _join_study(self) -> tuple[int, int]:
        """Begin, feed or re-open the study; return its id and generation."""
        uid = self._instance.ref.study_instance_uid
        study = self._transaction.row("study_by_uid", study_instance_uid=uid)
        if study is None:
            study_id, generation = self._begin_study(uid), 1
        elif study["state"] == StudyState.RECEIVING:
            study_id, generation = study["id"], study["generation"]
            self._transaction.change("note_arrival", study_id=study_id, at=to_text(self._at))
        else:
            study_id, generation = study["id"], study["generation"] + 1
            self._reopen(study_id)
        self._transaction.change(
            "note_sender", study_id=study_id, association_id=self._instance.association_id
        )
        return study_id, generation

    def _begin_study(self, uid: str) -> int:
        return self._transaction.bear(
            Machine.STUDY,
            "insert_study",
            Event.FIRST_VIEW,
            self._at,
            study_instance_uid=uid,
            calling_ae_title=self._instance.calling_ae_title,
        )

    def _reopen(self, study_id: int) -> None:
        self._transaction.move(Machine.STUDY, study_id, Event.LATE_VIEW, self._at)
        for job in self._transaction.rows("queued_jobs_of_study", study_id=study_id):
            self._transaction.move(Machine.JOB, job["id"], Event.SUPERSEDE, self._at)
            self._transaction.change(
                "finish_job", id=job["id"], at=to_text(self._at), reason="a late view came"
            )
        self._transaction.change(
            "next_generation",
            study_id=study_id,
            calling_ae_title=self._instance.calling_ae_title,
            at=to_text(self._at),
        )

    def _insert(self, study_id: int, generation: int, event: Event) -> None:
        instance, ref, summary = self._instance, self._instance.ref, self._instance.summary
        self._transaction.bear(
            Machine.INSTANCE,
            "insert_instance",
            event,
            self._at,
            study_id=study_id,
            generation=generation,
            sop_class_uid=ref.sop_class_uid,
            sop_instance_uid=ref.sop_instance_uid,
            study_instance_uid=ref.study_instance_uid,
            series_instance_uid=ref.series_instance_uid,
            content_hash=ref.content_hash,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            laterality=summary.laterality,
            view=summary.view,
            standard=int(summary.standard),
            calling_ae_title=instance.calling_ae_title,
            called_ae_title=instance.called_ae_title,
            peer_address=instance.peer_address,
            association_id=instance.association_id,
            path=self._store.to_stored(instance.path),
            size_bytes=instance.size_bytes,
            received_at=to_text(self._at),
        )
