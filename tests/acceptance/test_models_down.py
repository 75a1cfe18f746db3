"""Models that do not run stop nothing but the analysis, and that only for a while."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom

import mammo_node
from mammo_node.dimse.archive import LocalArchive, StoredObject
from mammo_node.encode.parse import parse_report
from tests.node_process import NodeProcess, wait_until
from tests.studies import new_study, storescu, study_uid

MODEL = "lesion-detector"
SHIPPED = Path(mammo_node.__file__).parent / "models" / MODEL
SR = "1.2.840.10008.5.1.4.1.1.88.34"


def reports(stored: tuple[StoredObject, ...]) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(one.path) for one in stored if one.sop_class_uid == SR]


def test_a_study_is_received_answered_and_later_analysed(phantom_files: list[Path], tmp_path: Path):
    """With a broken model at start: 0000, 'not attempted' in time, findings once it is repaired."""
    models = tmp_path / "models"
    shutil.copytree(SHIPPED, models / MODEL)
    (models / MODEL / "model.onnx").write_bytes(b"broken")
    settings = {
        "models": {"folder": str(models), "use": [MODEL]},
        # A study may wait for 2 s: long is only the time that its analysis may take.
        "completion": {"settle_s": 0.2, "quiet_s": 0.2, "deadline_s": 1.0, "answer_deadline_s": 62},
        "worker": {"job_deadline_s": 60.0},
    }
    with LocalArchive(tmp_path / "pacs") as pacs:
        table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}
        table["outputs"] = ["sr"]
        with NodeProcess(tmp_path / "node", [table], settings=settings) as node:
            assert "model.onnx" in node.events("listening")[0]["models_problem"]
            checked = node.command("check")
            assert checked.returncode == 1
            assert "model.onnx" in checked.stderr

            files = new_study(phantom_files, tmp_path / "study")
            assert storescu(node.port, files).returncode == 0
            (first,) = reports(pacs.wait_for(lambda stored: len(stored) >= 1, 60))
            conclusion = parse_report(first).conclusion
            assert "NOT ATTEMPTED" in conclusion
            assert "model.onnx" in conclusion
            (overdue,) = node.events("study-overdue")
            assert overdue["study"] == study_uid(files[0])
            assert node.events("study-answered")[0]["outcome"] == "not-attempted"
            assert len(node.events("models-down")) == 1

            shutil.copy(SHIPPED / "model.onnx", models / MODEL / "model.onnx")
            found = reports(pacs.wait_for(lambda stored: len(stored) >= 2, 120))
            (second,) = (ds for ds in found if ds.SOPInstanceUID != first.SOPInstanceUID)
            assert parse_report(second).status.value == "111222"
            predecessor = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
            named = predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
            assert named == first.SOPInstanceUID
            wait_until(lambda: len(node.events("study-answered")) == 2, "it is analysed")
            assert node.events("study-answered")[1]["outcome"] in ("findings", "no-findings")
            assert len(node.events("models-up")) == 1

            # By hand, too; the same work gives the same object, which is not sent twice.
            assert node.command("reanalyse", "1.2.3").returncode == 1
            done = node.command("reanalyse", study_uid(files[0]))
            assert (done.returncode, done.stdout) == (0, "queued\n")
            wait_until(lambda: len(node.events("study-answered")) == 3, "it is analysed again")
            (study,) = node.studies()
            assert (study["generation"], len(study["deliveries"])) == (3, 2)
