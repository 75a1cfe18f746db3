"""``mammo-node compare``: from the journal, or on files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mammo_node import cli
from mammo_node.commands.compare import since
from mammo_node.errors import ConfigurationError
from mammo_node.journal.records import OpinionRecord
from mammo_node.vocabulary import Outcome
from tests.node_process import toml
from tests.synthetic import breast, mammogram, save
from tests.unit.analyse_graphs import write_package
from tests.unit.journal_cases import STUDY_UID, Bench
from tests.unit.study_views import MODEL, finding
from tests.unit.test_disagreement import OTHER, said


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration folder whose storage is that of :class:`Bench`."""
    folder = tmp_path / "conf"
    folder.mkdir()
    for name in ("blobs", "spots"):
        changes = (('name = "blobs"', f'name = "{name}"'),)
        write_package(tmp_path / "models" / name, changes=changes)
    tables = {
        "storage": {"folder": str(tmp_path / "storage")},
        "models": {"folder": str(tmp_path / "models"), "use": ["blobs"], "shadow": ["spots"]},
        "worker": {"threads": 1},
    }
    (folder / "mammo_node.toml").write_text(toml(tables))
    return folder


def recorded(tmp_path: Path) -> Bench:
    """A study with the word of a model that answered and of one in shadow."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    record = OpinionRecord(MODEL, said(R_CC=(finding(0.9),)).to_json())
    job = bench.claim()
    bench.journal.complete_job(job, [], Outcome.FINDINGS, bench.now, opinions=[record])
    job = bench.journal.claim_shadow(OTHER, 3, bench.now)
    bench.journal.record_shadow(job, OTHER, said(OTHER).to_json(), bench.now)
    return bench


def test_what_is_recorded_is_compared(config: Path, tmp_path: Path, capsys):
    """Delivered against shadow: the study, its lights, and who found what."""
    recorded(tmp_path)
    page = tmp_path / "page.html"
    options = ("--config", str(config), "--json", "--html", str(page))
    assert cli.main(("compare", "seeker", "other", *options)) == 0
    found = json.loads(capsys.readouterr().out)
    (study,) = found["disagreements"]
    assert (study["study_instance_uid"], study["a"]["light"]) == (STUDY_UID, "red")
    assert found["findings"] == {"both": 0, "only_a": 1, "only_b": 0}
    assert STUDY_UID in page.read_text()


def test_it_is_told_in_words_as_well(config: Path, tmp_path: Path, capsys):
    """Without --json: figures, the table of lights, the worst studies."""
    recorded(tmp_path)
    assert cli.main(("compare", "seeker", "other", "--config", str(config))) == 0
    told = capsys.readouterr().out
    for words in ("studies compared", "findings of A alone", "unlit", STUDY_UID):
        assert words in told


def test_a_model_without_record_is_told_with_those_there_are(config: Path, tmp_path: Path, capsys):
    """A wrong name says what is recorded and what to do."""
    recorded(tmp_path)
    assert cli.main(("compare", "seeker", "third", "--config", str(config))) == 2
    assert "third: nothing is recorded" in (told := capsys.readouterr().err)
    assert "other, seeker" in told


def test_nothing_to_compare_is_a_failure(config: Path, tmp_path: Path, capsys):
    """No study of that UID: figures of zero, and an exit code for scripts."""
    recorded(tmp_path)
    options = ("--config", str(config), "--study", "1.2.3")
    assert cli.main(("compare", "seeker", "other", *options)) == 1
    assert "studies compared           0" in capsys.readouterr().out


def test_a_study_is_compared_on_the_same_images(config: Path, tmp_path: Path, capsys):
    """Where a view came late to one of them, they are compared when both have seen it."""
    bench = recorded(tmp_path)
    bench.receive("L", "CC")
    record = OpinionRecord(MODEL, said(L_CC=(finding(0.9),)).to_json())
    bench.journal.complete_job(bench.claim(), [], Outcome.FINDINGS, bench.now, opinions=[record])
    options = ("--config", str(config), "--json")
    assert cli.main(("compare", "seeker", "other", *options)) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["studies"], found["not_compared"]) == (0, {"only_a": 1, "only_b": 1})
    job = bench.journal.claim_shadow(OTHER, 3, bench.now)
    bench.journal.record_shadow(job, OTHER, said(OTHER).to_json(), bench.now)
    assert cli.main(("compare", "seeker", "other", *options)) == 0
    assert json.loads(capsys.readouterr().out)["studies"] == 1


def test_both_run_on_files(config: Path, tmp_path: Path, capsys):
    """Without any journal: a folder, two packages, in use or not; what is no image is told."""
    images = tmp_path / "images"
    images.mkdir()
    save(mammogram(breast()), images / "1.dcm")
    (images / "notes.txt").write_text("no image")
    options = ("--config", str(config), "--json", "--path", str(images))
    assert cli.main(("compare", "blobs", "spots", *options)) == 0
    told = capsys.readouterr()
    assert f"{images / 'notes.txt'}: not a DICOM instance, skipped" in told.err
    found = json.loads(told.out)
    assert (found["studies"], found["same_light"]) == (1, 1)
    assert found["findings"]["only_a"] == found["findings"]["only_b"] == 0
    assert not (tmp_path / "storage").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("blobs", "blobs"), "blobs: is named twice"),
        (("blobs", "spots", "--limit", "-1"), "--limit -1: 0 or more"),
        (("blobs", "spots", "--path", ".", "--since", "2026-01-01"), "not with --path"),
        (("blobs", "spots", "--path", ".", "--study", "1.2"), "not with --path"),
    ],
)
def test_what_does_not_go_together_is_refused(config: Path, arguments, message: str, capsys):
    """No option is passed over in silence."""
    assert cli.main(("compare", *arguments, "--config", str(config))) == 2
    assert message in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_told(config: Path, tmp_path: Path, capsys):
    """The figures are printed all the same, and one line names the file."""
    recorded(tmp_path)
    page = tmp_path / "no such folder" / "page.html"
    options = ("--config", str(config), "--html", str(page))
    assert cli.main(("compare", "seeker", "other", *options)) == 1
    told = capsys.readouterr()
    assert "studies compared" in told.out
    assert told.err == f"mammo-node compare: {page}: No such file or directory\n"


def test_check_knows_models_in_shadow(config: Path, capsys):
    """`check` lists a package in shadow as such, and refuses a name that there is not."""
    assert cli.main(("check", "--config", str(config))) == 0
    assert "(in shadow)" in capsys.readouterr().out
    text = (config / "mammo_node.toml").read_text()
    (config / "mammo_node.toml").write_text(text.replace('"spots"', '"dots"'))
    assert cli.main(("check", "--config", str(config))) == 1
    assert "no model package 'dots'" in capsys.readouterr().err
    (config / "mammo_node.toml").write_text(text)
    (config / "ae_titles.toml").write_text(
        toml({"source": [{"ae_title": "ROOM_1", "models": ["dots"]}]})
    )
    assert cli.main(("check", "--config", str(config))) == 1
    assert "no model package 'dots'" in capsys.readouterr().err


def test_analyse_runs_the_model_asked_for(config: Path, tmp_path: Path, capsys):
    """Offline, --model takes the place of [models] use."""
    save(mammogram(breast()), tmp_path / "1.dcm")
    options = ("--config", str(config), "--out", str(tmp_path / "out"), "--json")
    cli.main(("analyse", str(tmp_path / "1.dcm"), *options, "--model", "spots"))
    (answer,) = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in answer["models"]] == ["spots"]


def test_a_day_is_a_day():
    """--since takes a day, or a time; anything else is a mistake."""
    assert since("2026-01-31").tzinfo is not None
    assert since(None) is None
    with pytest.raises(ConfigurationError, match="a day such as"):
        since("yesterday")
