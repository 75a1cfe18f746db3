"""Whatever cannot leave, cannot be made or cannot be analysed: each destination has its answer."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pydicom
import pytest
import structlog

from mammo_node import outgoing
from mammo_node.analyse.fuse import study_result
from mammo_node.answers import Answers, left_without_report
from mammo_node.config import Destination, OutputKind
from mammo_node.encode.parse import parse_report
from mammo_node.errors import EncodingError
from mammo_node.journal.states import DeliveryState, JobState, StudyState
from mammo_node.outgoing import ResultFile, Unmade
from mammo_node.pipeline import Answer, encode
from mammo_node.vocabulary import Outcome
from tests.synthetic import mammogram, save
from tests.unit.answer_desk import EQUIPMENT, MODEL, answers, bench_with_image, study
from tests.unit.journal_cases import Bench, after

SR, GSPS, OVERVIEW = OutputKind.SR, OutputKind.GSPS, OutputKind.OVERVIEW


def destination(name: str, *outputs: OutputKind) -> Destination:
    return Destination(name=name, ae_title=name.upper(), host=name, port=104, outputs=outputs)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A journal with one received view that really is a DICOM file."""
    return bench_with_image(tmp_path)


def answered(bench: Bench, desk: Answers, broken: set[OutputKind]) -> list[dict]:
    """Analyse, hold back the named kinds, write down; return what was logged as an error."""
    job = bench.claim()
    request = desk.request(job)
    result = study_result("1.2.4", job.generation, (), [MODEL])
    answer = encode(request, result, EQUIPMENT)
    files = tuple(
        replace(f, held_back="broken" if f.kind in broken else None) for f in answer.files
    )
    with structlog.testing.capture_logs() as logged:
        desk.commit(job, replace(answer, files=files), monotonic())
    return [entry for entry in logged if entry["log_level"] == "error"]


def report_of(bench: Bench, name: str):
    """Return the one report that is due for a destination."""
    (delivery,) = bench.due(name)
    return parse_report(pydicom.dcmread(delivery.path))


def test_what_is_not_valid_is_kept_and_never_sent(bench: Bench) -> None:
    """It is in the journal as held back, with the reason; a person's retry does not send it."""
    errors = answered(bench, answers(bench, destination("pacs", SR)), {SR})
    held = [d for d in study(bench).deliveries if d.state == DeliveryState.HELD_BACK]
    assert [(d.kind, d.reason) for d in held] == [(SR, "not valid: broken")]
    assert bench.journal.counts()["delivery"]["held-back"] == 1
    assert [entry["event"] for entry in errors] == ["result-held-back"]
    assert bench.journal.retry(bench.now) == 0
    kept = {path.name for path in bench.spool.results.iterdir()}
    assert len(kept) == 2


def test_a_destination_without_its_report_gets_a_failed_one(bench: Bench) -> None:
    """The substitute says that the answer failed and why, and the study ends answered."""
    answered(bench, answers(bench, destination("pacs", SR)), {SR})
    bench.deliver_all()
    assert study(bench).state == StudyState.ANSWERED
    (sent,) = [d for d in study(bench).deliveries if d.state == DeliveryState.DELIVERED]
    conclusion = conclusion_of(bench, sent.sop_instance_uid)
    assert "FAILED" in conclusion
    assert "not valid" in conclusion


def test_other_objects_of_the_answer_leave(bench: Bench) -> None:
    """Who still gets a report of another kind needs no substitute."""
    answered(bench, answers(bench, destination("pacs", SR, OVERVIEW)), {SR})
    (delivery,) = bench.due()
    assert delivery.kind == OVERVIEW


def test_only_who_lacks_a_report_gets_the_substitute(bench: Bench) -> None:
    """A destination whose objects are all valid gets just these."""
    desk = answers(bench, destination("pacs", SR), destination("marks", GSPS))
    answered(bench, desk, {SR})
    assert {d.kind for d in bench.due("marks")} <= {GSPS}
    assert "FAILED" in report_of(bench, "pacs").conclusion


@pytest.mark.parametrize(
    ("outputs", "held", "left", "poor"),
    [
        ((SR,), {SR}, (), True),
        ((SR, GSPS), {SR}, (GSPS,), True),
        ((SR, OVERVIEW), {SR}, (OVERVIEW,), False),
        ((SR, GSPS), {GSPS}, (SR,), False),
        ((GSPS,), {GSPS}, (), True),
        ((GSPS,), set(), (), False),
        ((SR,), set(), (SR,), False),
    ],
)
def test_who_is_left_without_a_report(outputs, held, left, poor) -> None:
    """A report is what tells the answer; marks alone are none, unless nothing else was wanted."""
    files = [ResultFile(kind, "", kind, "", b"", "broken") for kind in held]
    files += [ResultFile(kind, "", kind, "", b"") for kind in left]
    result = study_result("1.2.4", 1, (), [MODEL])
    answer = Answer(result, tuple(files))
    assert left_without_report(destination("pacs", *outputs), answer) is poor
    unmade = tuple(Unmade(kind, "a bug") for kind in held)
    answer = Answer(result, tuple(f for f in files if f.held_back is None), unmade)
    assert left_without_report(destination("pacs", *outputs), answer) is poor


def test_one_kind_that_cannot_be_made_costs_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one encoder leaves the other objects of the answer."""
    whole = outgoing.encode_study

    def without_marks(result, headers, outputs, **more):
        if GSPS in outputs:
            raise EncodingError("a bug")
        return whole(result, headers, outputs, **more)

    monkeypatch.setattr(outgoing, "encode_study", without_marks)
    desk = answers(bench, destination("pacs", SR, GSPS))
    errors = answered(bench, desk, set())
    assert [(e["event"], e["kind"]) for e in errors] == [("result-held-back", "gsps")]
    assert [d.kind for d in bench.due()] == [SR]


def test_the_gate_judges_what_is_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that forgets a mandatory attribute is found out, with the attribute's name."""
    whole = outgoing.encode_study

    def forgetful(*arguments, **more):
        made = whole(*arguments, **more)
        for one in made:
            del one.dataset.CompletionFlag
        return made

    monkeypatch.setattr(outgoing, "encode_study", forgetful)
    job = bench.claim()
    request = answers(bench, destination("pacs", SR)).request(job)
    answer = encode(request, study_result("1.2.4", 1, (), [MODEL]), EQUIPMENT)
    assert [f.held_back for f in answer.files] == ["CompletionFlag: absent, but of Type 1"]


def overdue(bench: Bench) -> None:
    """Let the current generation be ready and wait too long."""
    bench.make_ready()
    assert bench.journal.expire_jobs(bench.now, lambda _: 1.0, "models are down")


def test_an_overdue_study_is_answered_not_attempted(bench: Bench) -> None:
    """Its report says so, and why, and names every image as not analysed."""
    overdue(bench)
    desk = answers(bench, destination("pacs", SR))
    assert desk.answer_without_analysis()
    assert not desk.answer_without_analysis()
    report = report_of(bench, "pacs")
    assert "NOT ATTEMPTED" in report.conclusion
    assert "models are down" in report.conclusion
    assert report.status.value == "111225"
    assert report.not_analysed == ("1.2.3",)
    assert (study(bench).outcome, study(bench).job_state) == (
        Outcome.NOT_ATTEMPTED,
        JobState.NOT_ATTEMPTED,
    )


def predecessors(bench: Bench, name: str = "pacs") -> list[str]:
    (delivery,) = bench.due(name)
    ds = pydicom.dcmread(delivery.path)
    return [
        str(item.ReferencedSOPInstanceUID)
        for study_item in ds.get("PredecessorDocumentsSequence") or ()
        for series in study_item.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]


def late_view(bench: Bench) -> None:
    content = io.BytesIO()
    save(mammogram(SOPInstanceUID="1.2.5"), content)
    bench.receive("L", "CC", uid="1.2.5", study="1.2.4", content=content.getvalue())


def test_no_analysis_supersedes_none_that_was_made(bench: Bench) -> None:
    """When a late view cannot be analysed, the earlier findings stand, and the answer says so."""
    desk = answers(bench, destination("pacs", SR))
    answered(bench, desk, set())
    bench.deliver_all()
    late_view(bench)
    overdue(bench)
    desk.answer_without_analysis()
    assert predecessors(bench) == []
    latest = study(bench).deliveries[-1].sop_instance_uid
    assert "the earlier answer stands" in conclusion_of(bench, latest)


def conclusion_of(bench: Bench, sop_instance_uid: str) -> str:
    """Return what a report in the spool says."""
    made = (pydicom.dcmread(path) for path in bench.spool.results.iterdir())
    return next(parse_report(ds).conclusion for ds in made if ds.SOPInstanceUID == sop_instance_uid)


def test_an_analysis_supersedes_the_answer_without_one(bench: Bench) -> None:
    """When the models are back, the report names the 'not attempted' one as its predecessor."""
    desk = answers(bench, destination("pacs", SR))
    overdue(bench)
    desk.answer_without_analysis()
    first = study(bench).deliveries[0].sop_instance_uid
    bench.deliver_all()
    study_id = bench.journal.next_study_to_analyse_again()
    assert study_id is not None
    bench.journal.analyse_again(study_id, bench.now, "models are back")
    job = bench.journal.claim_job("worker", 60, bench.now)
    assert job is not None
    result = study_result("1.2.4", job.generation, (), [MODEL])
    desk.commit(job, encode(desk.request(job), result, EQUIPMENT), monotonic())
    assert predecessors(bench) == [first]


def test_what_was_held_back_is_nobodys_predecessor(bench: Bench) -> None:
    """An object that never left is not named as one that is superseded."""
    desk = answers(bench, destination("pacs", SR))
    answered(bench, desk, {SR})
    bench.deliver_all()
    late_view(bench)
    job = bench.claim()
    held = [d.sop_instance_uid for d in study(bench).deliveries if d.state == "held-back"]
    named = {prior.sop_instance_uid for prior in desk.request(job).predecessors}
    assert named
    assert not named & set(held)
    assert bench.now > after(seconds=1)
