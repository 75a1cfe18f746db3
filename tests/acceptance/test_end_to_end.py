"""A study in, an answer out: DCMTK as the modality, Orthanc as the PACS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from mammo_node.encode.parse import parse_report
from tests.node_process import NodeProcess, wait_until
from tests.orthanc import Orthanc
from tests.pacs import destination, results, wait_for_results
from tests.peers import real_data
from tests.studies import dciodvfy, dcmsend, new_study, storescu, study_uid

SR, GSPS = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.11.1"


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with Orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, orthanc: Orthanc) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path_factory.mktemp("node"), [destination(orthanc)]) as running:
        yield running


@pytest.mark.parametrize("send", [storescu, dcmsend])
def test_four_views_are_answered(send, node, orthanc, phantom_files, tmp_path: Path):
    """Four views give one SR and a GSPS each in the PACS, all valid, with nothing to set up."""
    files = new_study(phantom_files, tmp_path / "study")
    sent = send(node.port, files)
    assert sent.returncode == 0, sent.stderr
    found = wait_for_results(orthanc, study_uid(files[0]), 5, tmp_path / "results")
    classes = sorted(str(pydicom.dcmread(path).SOPClassUID) for path in found)
    assert classes == sorted([SR] + [GSPS] * 4)
    assert {str(path): dciodvfy(path) for path in found if dciodvfy(path)} == {}
    report = parse_report(pydicom.dcmread(next(p for p in found if _sop_class(p) == SR)))
    images = {str(pydicom.dcmread(file).SOPInstanceUID) for file in files}
    assert set(report.images) == images
    assert {f.sop_instance_uid for f in report.findings} <= images


def test_the_journal_tells_what_happened(node, phantom_files, tmp_path: Path):
    """`studies --json` says answered, with an outcome and every delivery's status."""
    files = new_study(phantom_files, tmp_path / "study")
    assert storescu(node.port, files).returncode == 0

    def answered():
        found = [s for s in node.studies() if s["study_instance_uid"] == study_uid(files[0])]
        return found and found[0]["state"] == "answered" and found[0]

    study = wait_until(answered, "the study is answered")
    assert study["outcome"] in ("findings", "no-findings")
    assert sorted(study["views"]) == ["L-CC", "L-MLO", "R-CC", "R-MLO"]
    # SR, four GSPS, the overview, and the overview with the detectors' heatmaps.
    assert [d["last_status"] for d in study["deliveries"]] == [0] * 7


def test_a_late_view_supersedes(node, orthanc, phantom_files, tmp_path: Path):
    """Three views are answered as partial; the fourth leads to a result that names the first."""
    files = new_study(phantom_files, tmp_path / "study")
    assert storescu(node.port, files[:3]).returncode == 0
    first = wait_for_results(orthanc, study_uid(files[0]), 4, tmp_path / "first")
    first_sr = next(pydicom.dcmread(p) for p in first if _sop_class(p) == SR)
    assert storescu(node.port, files[3:]).returncode == 0
    both = wait_for_results(orthanc, study_uid(files[0]), 9, tmp_path / "both")
    reports = [pydicom.dcmread(p) for p in both if _sop_class(p) == SR]
    (second_sr,) = (ds for ds in reports if ds.SOPInstanceUID != first_sr.SOPInstanceUID)
    predecessor = second_sr.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    named = predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == first_sr.SOPInstanceUID
    assert "missing" in " ".join(
        [parse_report(first_sr).conclusion, *parse_report(first_sr).comments]
    )


def test_the_same_study_again_changes_nothing(node, orthanc, phantom_files, tmp_path: Path):
    """A re-send is acknowledged and makes neither a new job nor a new object."""
    files = new_study(phantom_files, tmp_path / "study")
    assert storescu(node.port, files).returncode == 0
    study = study_uid(files[0])
    first = wait_for_results(orthanc, study, 5, tmp_path / "first")
    assert storescu(node.port, files).returncode == 0
    released = len(node.events("association-ended"))
    assert released
    # Another study, sent afterwards and answered, shows that the node had time for a new job.
    later = new_study(phantom_files, tmp_path / "later")
    assert storescu(node.port, later).returncode == 0
    wait_for_results(orthanc, study_uid(later[0]), 5, tmp_path / "later-results")
    assert len(results(orthanc, study)) == len(first)


def test_a_real_mammogram_is_answered(node, orthanc, tmp_path: Path):
    """One real digital view, JPEG Lossless, ends with a valid SR and GSPS in the PACS."""
    source = real_data() / "ge-senographe-essential-R-MLO.dcm"
    files = new_study([source], tmp_path / "study")
    assert dcmsend(node.port, files).returncode == 0
    found = wait_for_results(orthanc, study_uid(files[0]), 2, tmp_path / "results")
    # The anonymised names have no caret; they are copied as they are.
    remarks = [r for path in found for r in dciodvfy(path) if "Retired Person Name" not in r]
    assert remarks == []


def test_the_log_has_no_patient_data(node, phantom_files, tmp_path: Path):
    """Neither name nor ID of a patient is in the log, at any level of detail it has."""
    secret = {"PatientName": "GEHEIM^NAME", "PatientID": "SECRET-4711", "AccessionNumber": "ACC99"}
    files = new_study(phantom_files[:1], tmp_path / "study", **secret)
    assert storescu(node.port, files).returncode == 0
    wait_until(
        lambda: [e for e in node.events("study-answered") if e["study"] == study_uid(files[0])],
        "the study is answered",
    )
    text = node.log.read_text()
    assert [value for value in secret.values() if value in text] == []
    assert "GEHEIM" not in text


def _sop_class(path: Path) -> str:
    return str(pydicom.dcmread(path, specific_tags=["SOPClassUID"]).SOPClassUID)
