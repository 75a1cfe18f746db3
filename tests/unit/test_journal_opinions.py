"""What single models say: recorded with the answer, or afterwards, and let go with the files."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from mammo_node.journal import Journal
from mammo_node.journal.records import Job, OpinionRecord
from mammo_node.journal.states import StudyState
from mammo_node.journal.store import SCHEMA_VERSION, Store
from mammo_node.vocabulary import ModelRef, Outcome
from tests.unit.journal_cases import STUDY_UID, Bench

SHADOW = ModelRef("shadow", "1.0", "5" * 64)
SERVING = ModelRef("serving", "1.0", "6" * 64)
_SECOND_SCHEMA = Path(__file__).parent / "journal-schema-2.sql"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """One study, answered by one model and delivered."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    job = bench.claim()
    said = [OpinionRecord(SERVING, '{"score":1}')]
    made = bench.results(job, 1)
    bench.journal.complete_job(job, made, Outcome.FINDINGS, bench.now, opinions=said)
    bench.deliver_all()
    return bench


def claim(bench: Bench, model: ModelRef = SHADOW, most: int = 3) -> Job | None:
    return bench.journal.claim_shadow(model, most, bench.now)


def test_the_models_of_an_answer_are_recorded_with_it(bench: Bench):
    """What each model said is there as soon as the answer is, and is not shown to it again."""
    (said,) = bench.journal.opinions("serving")
    assert (said.study_instance_uid, said.document, said.shadow) == (
        STUDY_UID,
        '{"score":1}',
        False,
    )
    assert claim(bench, SERVING) is None


def test_nothing_is_shown_before_the_answer(tmp_path: Path):
    """A study that waits for its analysis, or is in it, is no concern of a model in shadow."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    assert claim(bench) is None
    job = bench.claim()
    assert claim(bench) is None
    bench.complete(job, results=1)
    assert claim(bench) is not None


def test_an_answered_study_is_shown_once(bench: Bench):
    """The images come with the claim; what is said is kept, and the study state untouched."""
    job = claim(bench)
    assert job is not None
    assert (len(job.instances), job.study_instance_uid) == (1, STUDY_UID)
    bench.journal.record_shadow(job, SHADOW, '{"score":0}', bench.now)
    (said,) = bench.journal.opinions("shadow")
    assert (said.document, said.shadow, said.reason) == ('{"score":0}', True, None)
    assert claim(bench) is None
    (study,) = bench.journal.overview()
    assert (study.state, study.generation) == (StudyState.ANSWERED, 1)


def test_another_version_looks_again(bench: Bench):
    """A model file that changed has seen nothing yet; its word is then the latest."""
    job = claim(bench)
    bench.journal.record_shadow(job, SHADOW, "old", bench.now)
    newer = ModelRef("shadow", "1.1", "7" * 64)
    job = claim(bench, newer)
    bench.journal.record_shadow(job, newer, "new", bench.now)
    assert [said.document for said in bench.journal.opinions("shadow")] == ["new"]


def test_what_kills_its_process_is_left_alone(bench: Bench):
    """Attempts are counted at the claim: a crash of the whole node counts as well."""
    for _ in range(3):
        assert claim(bench) is not None
        bench.reopen()
        bench.journal.recover(bench.now, bench.spool)
    assert claim(bench) is None


def test_a_model_that_does_not_run_costs_no_attempt(bench: Bench):
    """A claim that was given back does not count."""
    for _ in range(5):
        job = claim(bench, most=1)
        assert job is not None
        bench.journal.shadow_untried(job, SHADOW, bench.now)


def test_a_final_failure_is_not_tried_again(bench: Bench):
    """What cannot succeed is noted with its reason, once."""
    bench.journal.shadow_failed(claim(bench), SHADOW, "no such output", bench.now, final=True)
    assert claim(bench) is None
    (said,) = bench.journal.opinions("shadow")
    assert (said.document, said.reason) == (None, "no such output")


def test_a_failure_that_may_pass_is_tried_again(bench: Bench):
    """Out of memory today is not out of memory tomorrow."""
    bench.journal.shadow_failed(claim(bench), SHADOW, "out of memory", bench.now, final=False)
    assert claim(bench) is not None


def test_a_late_view_is_shown_with_the_new_answer(bench: Bench):
    """Each generation is seen as it was answered; the latest counts."""
    bench.journal.record_shadow(claim(bench), SHADOW, "first", bench.now)
    bench.receive("L", "CC")
    assert claim(bench) is None
    bench.answer()
    job = claim(bench)
    assert len(job.instances) == 2
    bench.journal.record_shadow(job, SHADOW, "second", bench.now)
    assert [said.document for said in bench.journal.opinions("shadow")] == ["second"]


def test_retention_lets_opinions_go_with_the_study(bench: Bench):
    """After the sweep nothing of the study's opinions is left, and a late word is dropped."""
    job = claim(bench)
    bench.now += timedelta(days=8)
    bench.sweep_all()
    bench.journal.record_shadow(job, SHADOW, "late", bench.now)
    assert bench.journal.opinions("shadow") == bench.journal.opinions("serving") == ()
    assert claim(bench) is None


def test_opinions_are_chosen_by_study_and_time(bench: Bench):
    """A comparison may be of one study, or of what was said since a day."""
    find = bench.journal.opinions
    assert len(find("serving", study_instance_uid=STUDY_UID)) == 1
    assert find("serving", study_instance_uid="1.2.3") == ()
    assert find("serving", since=bench.now + timedelta(seconds=1)) == ()
    assert bench.journal.models_with_opinions() == ("serving",)


def test_a_journal_of_the_second_version_is_brought_up_to_date(tmp_path: Path):
    """An answered study is kept, and a model in shadow looks at it."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    bench.answer()
    path = bench.spool.root / "journal.db"
    bench.journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE opinions")
        connection.execute("PRAGMA user_version = 2")
        old = sorted(
            row[0]
            for row in connection.execute(
                "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
            )
        )
    with sqlite3.connect(tmp_path / "second.db") as connection:
        connection.executescript(_SECOND_SCHEMA.read_text())
        second = sorted(
            row[0]
            for row in connection.execute(
                "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
            )
        )
    assert old == second
    with Journal(path) as journal:
        assert journal.claim_shadow(SHADOW, 3, bench.now) is not None
    Store(tmp_path / "new.db").close()
    assert _schema(path) == _schema(tmp_path / "new.db")


def _schema(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        return [tuple(map(str, row)) for row in found]
