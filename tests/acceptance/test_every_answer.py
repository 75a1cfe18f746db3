"""Every kind of answer, in every kind of object, to every kind of destination, through a node.

What arrives is read by other people's programs: dicom3tools, DCMTK, Orthanc. PixelMed's, which
takes half a minute for each file, has its say in ``tests/integration/test_encode_validators.py``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest

from mammo_node.dimse.archive import LocalArchive
from mammo_node.encode.parse import parse_report
from mammo_node.outputs import PROFILES, OutputKind
from tests.node_process import NodeProcess, wait_until
from tests.orthanc import Orthanc
from tests.peers import require
from tests.studies import dciodvfy, new_study, storescu, study_uid

pytestmark = pytest.mark.slow

_SR = "1.2.840.10008.5.1.4.1.1.88.34"
_CAD_SR = "1.2.840.10008.5.1.4.1.1.88.50"
_KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
_GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
_KINDS = {
    _SR: OutputKind.SR,
    _CAD_SR: OutputKind.CAD_SR,
    _KEY_OBJECTS: OutputKind.KEY_OBJECTS,
    _GSPS: OutputKind.GSPS,
    "1.2.840.10008.5.1.4.1.1.7": OutputKind.OVERVIEW,
    "1.2.840.10008.5.1.4.1.1.104.1": OutputKind.PDF,
    "1.2.840.10008.5.1.4.1.1.66.4": OutputKind.SEG,
}
_DOCUMENTS = (_SR, _CAD_SR, _KEY_OBJECTS)
#: What answers the whole study, in each profile.
_ANSWERING = {OutputKind.SR, OutputKind.CAD_SR, OutputKind.OVERVIEW, OutputKind.PDF}


@dataclass(frozen=True)
class Arrived:
    """What the destinations hold of one study."""

    images: list[Path]
    by_profile: dict[str, list[Path]]

    @property
    def all(self) -> list[Path]:
        """Return the destination's that gets everything."""
        return self.by_profile["research"]


@contextmanager
def destinations(folder: Path) -> Iterator[tuple[list[dict[str, object]], dict[str, LocalArchive]]]:
    """Run an archive for each profile, and give their tables."""
    with ExitStack() as stack:
        archives = {
            profile: stack.enter_context(LocalArchive(folder / profile, profile.upper()[:16]))
            for profile in PROFILES
        }
        tables = [
            {
                "name": profile,
                "ae_title": profile.upper()[:16],
                "host": "127.0.0.1",
                "port": archive.port,
                "outputs": [profile],
            }
            for profile, archive in archives.items()
        ]
        yield tables, archives


def answered(node: NodeProcess, images: list[Path]) -> dict[str, object]:
    """Send a study, wait until it is answered everywhere, and return what the journal says."""
    assert storescu(node.port, images).returncode == 0
    uid = study_uid(images[0])
    wait_until(
        lambda: [e for e in node.events("study-answered") if e["study"] == uid], "it is answered"
    )

    def delivered() -> dict[str, object] | None:
        (study,) = (s for s in node.studies() if s["study_instance_uid"] == uid)
        return study if study["state"] == "answered" else None

    return wait_until(delivered, "everything is delivered")


def arrived(archives: dict[str, LocalArchive], images: list[Path]) -> Arrived:
    uid = study_uid(images[0])
    found = {
        profile: [one.path for one in archive.wait_for(bool, 1) if study_uid(one.path) == uid]
        for profile, archive in archives.items()
    }
    return Arrived(images, found)


@pytest.fixture(scope="module")
def answers(phantom_files: list[Path], tmp_path_factory) -> dict[str, Arrived]:
    """Every outcome, each from a study of its own, by the outcome that the journal names."""
    folder = tmp_path_factory.mktemp("answers")
    full = new_study(phantom_files, folder / "full")
    partial = new_study(phantom_files[:3], folder / "partial")
    raw = new_study(phantom_files[:2], folder / "raw", PresentationIntentType="FOR PROCESSING")
    quick = {"settle_s": 0.2, "quiet_s": 0.2}
    found: dict[str, Arrived] = {}
    with destinations(folder / "pacs") as (tables, archives):
        # One threshold that everything passes, and one that nothing does.
        for threshold, studies in ((0.01, (full, partial, raw)), (1.0, (_copy(full, folder),))):
            settings = {"completion": quick, "models": {"thresholds": {"mass": threshold}}}
            with NodeProcess(folder / f"node-{threshold}", tables, settings=settings) as node:
                for images in studies:
                    study = answered(node, images)
                    found[str(study["outcome"])] = arrived(archives, images)
        # No analysis ends in so short a time.
        settings = {"completion": quick, "worker": {"job_deadline_s": 0.01, "max_kills": 1}}
        with NodeProcess(folder / "node-failing", tables, settings=settings) as node:
            images = new_study(phantom_files, folder / "failing")
            study = answered(node, images)
            found[str(study["outcome"])] = arrived(archives, images)
    return found


def _copy(images: list[Path], folder: Path) -> list[Path]:
    return new_study(images, folder / "copy")


def sop_class(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SOPClassUID"]).SOPClassUID)


def run(program: str, *arguments: str | Path) -> str:
    command = [require(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode >= 0, command
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_every_outcome_came_about(answers: dict[str, Arrived]):
    """The five kinds of answer, none of them silent, each where it was asked for."""
    assert set(answers) == {"findings", "no-findings", "partial", "not-attempted", "failed"}
    for outcome, came in answers.items():
        for profile, files in came.by_profile.items():
            kinds = {_KINDS[sop_class(file)] for file in files}
            assert kinds <= set(PROFILES[profile]), (outcome, profile)
            assert kinds >= _ANSWERING & set(PROFILES[profile]), (outcome, profile)
    assert {_KINDS[sop_class(f)] for f in answers["findings"].all} == set(OutputKind)


def test_the_report_says_the_outcome(answers: dict[str, Arrived]):
    """CID 6042 in the report is that of the outcome."""
    status = {
        "findings": "111222",
        "no-findings": "111222",
        "partial": "111223",
        "failed": "111224",
        "not-attempted": "111225",
    }
    for outcome, came in answers.items():
        (report,) = (file for file in came.all if sop_class(file) == _SR)
        assert parse_report(pydicom.dcmread(report)).status.value == status[outcome]


def test_dicom3tools_have_nothing_to_say(answers: dict[str, Arrived]):
    """No object of any answer has an error or a warning in dciodvfy."""
    files = [file for came in answers.values() for file in came.all]
    assert len(files) > 40
    assert {str(file): said for file in files if (said := dciodvfy(file))} == {}


def test_entities_agree(answers: dict[str, Arrived]):
    """Dcentvfy sees one patient, one study, one equipment in images and results."""
    for came in answers.values():
        said = run("dcentvfy", *came.images, *came.all).splitlines()
        complaints = [line for line in said if line.startswith(("Error", "Warning"))]
        # Of documents its tables file the accession number under another entity than of images.
        assert [line for line in complaints if "<AccessionNumber>" not in line] == []


def test_dcmtk_reads_all_documents_and_states(answers: dict[str, Arrived]):
    """Dsrdump and dsr2html read every document, dcmpschk passes every presentation state."""
    for came in answers.values():
        for file in came.all:
            if sop_class(file) in _DOCUMENTS:
                assert not [x for x in run("dsrdump", file).splitlines() if x.startswith("E:")]
                page = run("dsr2html", file)
                assert "</html>" in page
            elif sop_class(file) == _GSPS:
                assert "Test passed" in run("dcmpschk", "-v", file)


def test_orthanc_stores_everything(answers: dict[str, Arrived]):
    """Each object of each answer is stored by C-STORE, and Orthanc holds it afterwards."""
    files = [file for came in answers.values() for file in came.all]
    with Orthanc() as orthanc:
        command = [require("dcmsend"), "-aec", orthanc.ae_title, "127.0.0.1"]
        done = subprocess.run(
            [*command, str(orthanc.dicom_port), *map(str, files)],
            env={**os.environ, "TCP_NODELAY": "1"},
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        expected = {str(pydicom.dcmread(f, stop_before_pixels=True).SOPInstanceUID) for f in files}
        assert orthanc.sop_instance_uids() == expected
