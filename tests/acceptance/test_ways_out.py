"""One study, two ways out of a running node: a committing archive, and a DICOMweb server."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.node_process import NodeProcess, wait_until
from tests.orthanc import Orthanc, dicomweb_options
from tests.pacs import destination
from tests.ports import free_port
from tests.studies import new_study, storescu


def test_commitment_and_dicomweb(
    phantom_files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The archive's results are committed to, the viewer's come by STOW-RS; a probe passes too."""
    port = free_port()
    modality = {"AET": "MAMMO_AI", "Host": "127.0.0.1", "Port": port}
    options = {"DicomModalities": {"node": {**modality, "AllowStorageCommitment": True}}}
    password = tmp_path / "password"
    password.write_text("right")
    archive = Orthanc(tmp_path / "archive", options=options)
    viewer = Orthanc(
        tmp_path / "viewer", options=dicomweb_options({"node": "right"}), user=("node", "right")
    )
    committing = destination(archive) | {"outputs": ["sr", "gsps"], "commitment": True}
    web = {
        "name": "viewer",
        "kind": "dicomweb",
        "url": f"http://127.0.0.1:{viewer.http_port}/dicom-web",
        "username": "node",
        "password_file": str(password),
        "outputs": ["any-viewer"],
    }
    node = NodeProcess(tmp_path / "node", [committing, web], port=port)
    with archive, viewer, node:
        files = new_study(phantom_files[:1], tmp_path / "study")
        assert storescu(node.port, files).returncode == 0
        wait_until(lambda: [s["state"] for s in node.studies()] == ["answered"], "all is answered")
        (study,) = node.studies()
        counted = Counter((d["destination"], d["kind"]) for d in study["deliveries"])
        assert counted == {
            ("orthanc", "sr"): 1,
            ("orthanc", "gsps"): 1,
            ("viewer", "overview"): 2,  # without and with heatmaps
            ("viewer", "pdf"): 1,
        }
        committed = {d["destination"] for d in study["deliveries"] if d["committed_at"]}
        assert committed == {"orthanc"}
        monkeypatch.setenv("COLUMNS", "300")  # no folding of the table
        assert "orthanc: 2 committed" in node.command("studies").stdout
        assert len(archive.sop_instance_uids()) == 2
        assert len(viewer.sop_instance_uids()) == 3
        probed = node.command("probe", "orthanc")
        assert probed.returncode == 0, probed.stdout
        assert "committed and reported" in probed.stdout
        assert "right" not in node.log.read_text()
