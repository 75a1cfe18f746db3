"""What a test asks its Orthanc about results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.node_process import wait_until
from tests.orthanc import Orthanc

_RESULTS = ("SR", "PR")


def destination(orthanc: Orthanc) -> dict[str, Any]:
    """Return the ``[[destination]]`` table for this Orthanc."""
    return {
        "name": "orthanc",
        "ae_title": orthanc.ae_title,
        "host": "127.0.0.1",
        "port": orthanc.dicom_port,
        "connect_timeout_s": 5.0,
    }


def results(orthanc: Orthanc, study_instance_uid: str) -> list[str]:
    """Return Orthanc's ids of the result objects of a study."""
    return [
        str(found)
        for modality in _RESULTS
        for found in orthanc.post(
            "/tools/find",
            {
                "Level": "Instance",
                "Query": {"StudyInstanceUID": study_instance_uid, "Modality": modality},
            },
        )
    ]


def wait_for_results(
    orthanc: Orthanc, study_instance_uid: str, number: int, folder: Path
) -> list[Path]:
    """Wait for so many result objects of a study and download all that there are."""
    wait_until(
        lambda: len(results(orthanc, study_instance_uid)) >= number, f"{number} results in Orthanc"
    )
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for found in results(orthanc, study_instance_uid):
        paths.append(folder / f"{found}.dcm")
        paths[-1].write_bytes(orthanc.get_bytes(f"/instances/{found}/file"))
    return paths
