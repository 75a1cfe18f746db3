"""What single models say of studies, for comparison: those that answered, and those in shadow.

Rules:

* Nothing here is part of an answer, and no answer waits for it.
* A model in shadow looks at a study when its answer is committed and while its files are here.
* A claim is counted before the work begins, so that a study whose analysis kills its process,
  or the node, is not tried for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mammo_node.journal.records import Job, OpinionRecord, RecordedOpinion
from mammo_node.journal.rows import job_of
from mammo_node.journal.store import Row, Store, Transaction
from mammo_node.journal.times import from_text, to_text
from mammo_node.vocabulary import ModelRef


class Opinions:
    """The part of the journal that keeps what single models say."""

    _store: Store

    def claim_shadow(self, model: ModelRef, most: int, now: datetime) -> Job | None:
        """Take the oldest answered study that this model in shadow has not seen.

        Parameters
        ----------
        model : ModelRef
            Exactly this one: another version has not seen what this one has.
        most : int
            A study is left alone after so many attempts.
        """
        wanted = {"model": model.name, "sha256": model.sha256, "most": most}
        with self._store.reading() as transaction:  # polls do not take the write lock
            if transaction.row("next_for_shadow", **wanted) is None:
                return None
        with self._store.writing() as transaction:
            due = transaction.row("next_for_shadow", **wanted)
            if due is None:
                return None
            row = transaction.row("job", id=due["id"])
            assert row is not None  # noqa: S101 - seen in the same transaction
            transaction.insert(
                "begin_opinion",
                study_id=row["study_id"],
                generation=row["generation"],
                model=model.name,
                version=model.version,
                sha256=model.sha256,
                at=to_text(now),
            )
            instances = transaction.rows(
                "instances_of_generation", study_id=row["study_id"], generation=row["generation"]
            )
            return job_of(row, instances, self._store)

    def record_shadow(self, job: Job, model: ModelRef, document: str, now: datetime) -> None:
        """Write down what a model in shadow says; nothing if the study has been let go since."""
        self._end(job, model, now, document=document)

    def shadow_failed(
        self, job: Job, model: ModelRef, reason: str, now: datetime, *, final: bool
    ) -> None:
        """Note why there is nothing to write down; ``final``: it is not tried again."""
        self._end(job, model, now, reason=reason, final=final)

    def shadow_untried(self, job: Job, model: ModelRef, now: datetime) -> None:
        """Give a claim back: the model does not run, which is not the study's fault."""
        self._end(job, model, now, taken_back=1)

    def opinions(
        self,
        model: str,
        *,
        study_instance_uid: str | None = None,
        since: datetime | None = None,
    ) -> tuple[RecordedOpinion, ...]:
        """Return what a model said of each study, of its latest generation and version alone."""
        with self._store.reading() as transaction:
            rows = transaction.rows(
                "opinions_of_model",
                model=model,
                study_instance_uid=study_instance_uid,
                since=None if since is None else to_text(since),
            )
            return tuple(_recorded(row) for row in rows)

    def models_with_opinions(self) -> tuple[str, ...]:
        """Return the names of the models that said something."""
        with self._store.reading() as transaction:
            return tuple(row["model"] for row in transaction.rows("models_with_opinions"))

    def _end(
        self,
        job: Job,
        model: ModelRef,
        now: datetime,
        *,
        document: str | None = None,
        reason: str | None = None,
        final: bool = False,
        taken_back: int = 0,
    ) -> None:
        with self._store.writing() as transaction:
            transaction.change(
                "end_opinion",
                study_id=job.study_id,
                generation=job.generation,
                model=model.name,
                sha256=model.sha256,
                document=document,
                reason=reason,
                final=final,
                taken_back=taken_back,
                at=to_text(now),
            )


def store_opinions(
    transaction: Transaction, job: Job, opinions: Sequence[OpinionRecord], now: datetime
) -> None:
    """Note what each model of an answer says by itself, with the answer."""
    for opinion in opinions:
        transaction.insert(
            "insert_opinion",
            study_id=job.study_id,
            generation=job.generation,
            model=opinion.model.name,
            version=opinion.model.version,
            sha256=opinion.model.sha256,
            document=opinion.document,
            at=to_text(now),
        )


def _recorded(row: Row) -> RecordedOpinion:
    return RecordedOpinion(
        study_instance_uid=row["study_instance_uid"],
        generation=row["generation"],
        model=ModelRef(row["model"], row["version"], row["sha256"]),
        shadow=bool(row["shadow"]),
        document=row["document"],
        reason=row["reason"],
        at=from_text(row["at"]),
    )
