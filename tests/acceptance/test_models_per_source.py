"""Two rooms, one node: each room's studies are analysed by its own models."""

from __future__ import annotations

from pathlib import Path

import pydicom

from mammo_node.dimse.archive import LocalArchive
from tests.node_process import NodeProcess
from tests.studies import new_study, storescu, study_uid


def test_each_rooms_report_cites_its_models(
    phantom_files: list[Path], two_models: Path, tmp_path: Path
):
    """What a room's report names is what its source is configured with, and nothing else."""
    rooms = {"ROOM_1": "lesion-detector", "ROOM_2": "lesion-detector-next"}
    with LocalArchive(tmp_path / "pacs") as pacs:
        table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}
        node = NodeProcess(
            tmp_path / "node",
            [table | {"outputs": ["sr"]}],
            settings={
                "models": {"folder": str(two_models), "use": ["lesion-detector"]},
                "completion": {"settle_s": 0.2, "quiet_s": 0.2},
                "receive": {"processes": 1},
                "worker": {"threads": 1},
            },
            sources=[{"ae_title": "ROOM_2", "models": ["lesion-detector-next"]}],
        )
        sent = {}
        with node:
            for room, model in rooms.items():
                files = new_study(phantom_files[:1], tmp_path / room)
                assert storescu(node.port, files, "-aet", room).returncode == 0
                sent[study_uid(files[0])] = model
            reports = [pydicom.dcmread(one.path) for one in pacs.wait_for(_two, 120)]
    assert {str(ds.StudyInstanceUID): _cited(ds) for ds in reports} == {
        study: {model} for study, model in sent.items()
    }


def _two(stored: tuple[object, ...]) -> bool:
    return len(stored) >= 2


def _cited(report: pydicom.Dataset) -> set[str]:
    """Return the models that a report names: the algorithms of its contributing equipment."""
    names = {str(item.ManufacturerModelName) for item in report.ContributingEquipmentSequence}
    return {name for name in names if name.startswith("lesion-detector")}
