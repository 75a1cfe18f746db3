"""A PACS that is down costs nothing but time."""

from __future__ import annotations

from pathlib import Path

from tests.node_process import NodeProcess, wait_until
from tests.orthanc import Orthanc
from tests.pacs import destination, wait_for_results
from tests.studies import new_study, storescu, study_uid


def test_results_wait_for_the_pacs(phantom_files: list[Path], tmp_path: Path):
    """While the PACS is down studies are received and answered; when it is back, it gets all."""
    orthanc = Orthanc(tmp_path / "orthanc")
    with NodeProcess(tmp_path / "node", [destination(orthanc)]) as node:
        studies = []
        for number in range(2):
            files = new_study(phantom_files, tmp_path / f"study-{number}")
            assert storescu(node.port, files).returncode == 0
            studies.append(study_uid(files[0]))

        def all_tried() -> bool:
            found = node.studies()
            return len(found) == len(studies) and all(
                study["deliveries"] and all(d["reason"] for d in study["deliveries"])
                for study in found
            )

        wait_until(all_tried, "every delivery was tried and failed")
        assert {s["state"] for s in node.studies()} == {"delivering"}
        with orthanc:
            for number, study in enumerate(studies):
                wait_for_results(orthanc, study, 5, tmp_path / f"results-{number}")
            wait_until(
                lambda: {s["state"] for s in node.studies()} == {"answered"}, "all is answered"
            )


def test_what_a_pacs_refuses_is_parked_until_retry(phantom_files: list[Path], tmp_path: Path):
    """A PACS that does not know us parks the results; `retry` sends them once it does."""
    stranger = Orthanc(tmp_path / "orthanc", ae_title="OTHER")
    table = destination(stranger) | {"ae_title": "EXPECTED"}
    with NodeProcess(tmp_path / "node", [table]) as node:
        files = new_study(phantom_files[:1], tmp_path / "study")
        with stranger:
            assert storescu(node.port, files).returncode == 0
            wait_until(
                lambda: [s["state"] for s in node.studies()] == ["undelivered"], "it is parked"
            )
            reasons = {d["reason"] for d in node.studies()[0]["deliveries"]}
            assert any("rejected" in reason for reason in reasons)
        known = Orthanc(
            tmp_path / "orthanc",
            ae_title="EXPECTED",
            dicom_port=stranger.dicom_port,
            http_port=stranger.http_port,
        )
        with known:
            done = node.command("retry", "--destination", "orthanc")
            assert (done.returncode, done.stdout) == (0, "4 deliveries queued again\n")
            wait_for_results(known, study_uid(files[0]), 2, tmp_path / "results")
