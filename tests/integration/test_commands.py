"""The command line as an administrator and a script meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mammo_node import offline
from mammo_node.cli import main
from mammo_node.dimse.archive import LocalArchive
from mammo_node.errors import InferenceError
from mammo_node.journal.retry import Park
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from tests.studies import new_study
from tests.unit.journal_cases import Bench


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One phantom view as a DICOM file."""
    study = generate_study(7, pixel_spacing_mm=0.2, masses=1, look="digital", views=[("L", "MLO")])
    return write_study(study, tmp_path_factory.mktemp("view"))[0]


def configure(folder: Path, ae_titles: str = "", settings: str = "") -> Path:
    """Write a configuration folder."""
    folder.mkdir(exist_ok=True)
    (folder / "ae_titles.toml").write_text(ae_titles)
    (folder / "mammo_node.toml").write_text(settings)
    return folder


def destination(port: int) -> str:
    return (
        '[[destination]]\nname = "pacs"\nae_title = "DEMO_PACS"\nhost = "127.0.0.1"\n'
        f"port = {port}\nconnect_timeout_s = 3\n"
    )


def test_version_is_printed():
    """`--version` names the program and exits with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "mammo_node", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("mammo-node ")


def test_check_prints_what_is_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`check` prints every value, given or default, and exits with 0."""
    folder = configure(tmp_path / "conf", "[local]\nport = 11113\n", "[retry]\nfirst_s = 9.5\n")
    assert main(["check", "--config", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "port = 11113" in printed
    assert "first_s = 9.5" in printed
    assert "max_associations = 32" in printed
    assert "# lesion-detector" in printed


def test_check_warns_and_shows_no_secret(tmp_path: Path, capsys, monkeypatch):
    """`check` says where a token is, never what it is, and warns where it may be read."""
    (tmp_path / "token").write_text("hunter2")
    monkeypatch.setenv("PASSWORD_OF_WEB", "hunter2")
    web = '[[destination]]\nkind = "dicomweb"\n'
    folder = configure(
        tmp_path / "conf",
        f'{web}name = "a"\nurl = "http://pacs/x"\ntoken_file = "{tmp_path / "token"}"\n'
        f'{web}name = "b"\nurl = "https://pacs/x"\ntls_verify = false\nusername = "node"\n'
        'password_env = "PASSWORD_OF_WEB"\n',
    )
    assert main(["check", "--config", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "hunter2" not in printed
    assert "warning: destination 'a': its secret crosses the network in the clear" in printed
    assert "warning: destination 'b': tls_verify is off" in printed


def test_check_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`check --json` is the effective configuration as one JSON object."""
    folder = configure(tmp_path / "conf", "[local]\nport = 11113\n")
    assert main(["check", "--json", "--config", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["ae_titles"]["local"]["port"] == 11113


@pytest.mark.parametrize(
    ("ae_titles", "settings", "words"),
    [
        ("[local]\nprot = 1\n", "", ["ae_titles.toml", "local.prot", "port"]),
        ('[local]\nae_title = "TOO_LONG_FOR_AN_AE_TITLE"\n', "", ["local.ae_title", "1 to 16"]),
        (
            '[[source]]\nae_title = "A"\naddresses = ["10.0.0.300"]\n',
            "",
            ["addresses", "10.0.0.300"],
        ),
        (destination(1) + destination(1), "", ["destination.name", "'pacs'", "twice"]),
        (
            '[[route]]\nsource = "A"\ndestinations = ["nowhere"]\n',
            "",
            ["'nowhere'", "none is defined"],
        ),
        ("local = [", "", ["ae_titles.toml", "not valid TOML"]),
        (
            "",
            '[worker]\nprovider = "tpu"\n',
            ["mammo_node.toml", "worker.provider", "'tpu'", "cuda"],
        ),
        ("", "[retry]\nfirst_s = -1\n", ["retry.first_s", "-1", "greater than 0"]),
        ("", '[models]\nuse = ["nothing"]\n', ["'nothing'", "lesion-detector"]),
        ("", "[models.thresholds]\ncyst = 0.5\n", ["models.thresholds.cyst", "mass"]),
    ],
)
def test_mistakes_are_named(
    ae_titles: str, settings: str, words: list[str], tmp_path: Path, capsys
):
    """A mistake ends `check` with a code other than 0, naming file or key, value and remedy."""
    folder = configure(tmp_path / "conf", ae_titles, settings)
    assert main(["check", "--config", str(folder)]) != 0
    printed = capsys.readouterr().err
    assert [word for word in words if word not in printed] == []


def test_analyse_leaves_results(view: Path, tmp_path: Path, capsys):
    """`analyse` writes objects, JSON and pictures; a missing view makes the exit code 1."""
    out = tmp_path / "out"
    assert main(["analyse", str(view), "--out", str(out)]) == 1
    study = out / "study-001"
    names = sorted(path.name for path in study.iterdir())
    assert {"sr-01.dcm", "gsps-02.dcm", "result.json"} < set(names)
    assert {"overlay-01-L-MLO.png", "overview.png", "report.pdf"} < set(names)
    assert json.loads((study / "result.json").read_text())["outcome"] == "partial"
    assert "R CC is missing" in capsys.readouterr().out


def test_a_study_that_fails_does_not_cost_the_others(
    view: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
):
    """One study's failure is told on standard error; the next one is analysed and written."""
    for number in (1, 2):
        new_study([view], tmp_path / f"in-{number}")
    real, calls = offline.analyse, []

    def once_broken(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise InferenceError("out of memory")
        return real(*arguments)

    monkeypatch.setattr("mammo_node.commands.analyse.analyse", once_broken)
    paths = [str(tmp_path / "in-1"), str(tmp_path / "in-2")]
    assert main(["analyse", *paths, "--out", str(tmp_path / "out")]) == 1
    assert "failed: out of memory" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["study-002"]


def test_analyse_names_what_it_skips(tmp_path: Path, capsys):
    """A folder without DICOM gives exit code 1 and says what was skipped."""
    (tmp_path / "notes.txt").write_text("no image")
    assert main(["analyse", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().err
    assert "notes.txt: not a DICOM instance" in printed
    assert "no DICOM instance was found" in printed


def test_analyse_wants_paths_that_exist(tmp_path: Path, capsys):
    """A path that is not there is a usage error."""
    assert main(["analyse", str(tmp_path / "nothing"), "--out", str(tmp_path)]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_echo_and_send(view: Path, tmp_path: Path, capsys):
    """`echo` and `send` reach a PACS and say what it answered."""
    with LocalArchive(tmp_path / "pacs") as pacs:
        folder = str(configure(tmp_path / "conf", destination(pacs.port)))
        assert main(["echo", "--config", folder, "pacs"]) == 0
        assert "answered in" in capsys.readouterr().out
        assert main(["send", "--config", folder, "--json", "pacs", str(view.parent)]) == 0
        (sent,) = json.loads(capsys.readouterr().out)
        assert (sent["stored"], sent["status"]) == (True, "0000")
        assert len(pacs.wait_for(lambda stored: len(stored) == 1, 10)) == 1


def test_echo_to_nobody(tmp_path: Path, capsys):
    """`echo` to a closed port ends with 1 and the reason."""
    folder = str(configure(tmp_path / "conf", destination(1)))
    assert main(["echo", "--config", folder, "pacs"]) == 1
    assert "DEMO_PACS@127.0.0.1:1" in capsys.readouterr().err


def test_an_unknown_destination_is_a_usage_error(tmp_path: Path, capsys):
    """`echo` to a name that is not configured lists the names that are."""
    folder = str(configure(tmp_path / "conf", destination(104)))
    assert main(["echo", "--config", folder, "elsewhere"]) == 2
    assert "(pacs)" in capsys.readouterr().err


def test_studies_without_a_journal(tmp_path: Path, capsys):
    """`studies` where no node has run says so instead of making a journal."""
    folder = configure(tmp_path / "conf", "", f'[storage]\nfolder = "{tmp_path / "none"}"\n')
    assert main(["studies", "--config", str(folder)]) == 2
    assert "no journal" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_models_pass_their_self_test(capsys):
    """The bundled models load, pass their self-test here, and say what they were measured at."""
    assert main(["models", "--self-test", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)
    assert model["name"] == "lesion-detector"
    assert model["self_test"].startswith("cpu, ONNX Runtime ")
    assert {point["label"] for point in model["operating_points"]} >= {"mass"}


def test_service_files_are_written_once(tmp_path: Path):
    """`service-files` writes unit and templates, and never over a file that is there."""
    assert main(["service-files", "--out", str(tmp_path)]) == 0
    edited = tmp_path / "ae_titles.toml"
    edited.write_text("[local]\nport = 104\n")
    assert main(["service-files", "--out", str(tmp_path)]) == 1
    assert edited.read_text() == "[local]\nport = 104\n"
    assert "[Service]" in (tmp_path / "mammo-node.service").read_text()


def test_a_peers_words_are_printed_as_they_are(tmp_path: Path, capsys):
    """Square brackets in what a PACS answered neither vanish nor break the table."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    bench.complete(bench.claim(), results=1)
    (delivery,) = bench.due()
    bench.journal.delivery_failed(delivery, Park("C000: [/red] bad"), bench.now, reason="x")
    bench.journal.close()
    folder = configure(tmp_path / "conf", "", f'[storage]\nfolder = "{bench.spool.root}"\n')
    assert main(["studies", "--config", str(folder)]) == 0
    assert "[/red]" in capsys.readouterr().out
