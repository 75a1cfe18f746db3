"""A model in shadow: the archive gets what it gets without it, whatever becomes of the shadow."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pydicom

from mammo_node.dimse.archive import LocalArchive, StoredObject
from mammo_node.journal import Journal
from tests.node_process import NodeProcess, wait_until
from tests.studies import new_study, storescu, study_uid

MODEL, NEXT = "lesion-detector", "lesion-detector-next"
OUTPUTS = ["sr", "gsps", "cad-sr"]
#: When it was made is all that may differ between two nodes' results; pictures print it.
_TIMES = frozenset({"DA", "TM", "DT"})


def node(root: Path, archive: LocalArchive, models: Path, *shadow: str) -> NodeProcess:
    """A node that makes the UIDs of every other node of these tests."""
    table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": archive.port}
    made = NodeProcess(
        root,
        [table | {"outputs": OUTPUTS}],
        settings={
            "models": {"folder": str(models), "use": [MODEL], "shadow": list(shadow)},
            "completion": {"settle_s": 0.2, "quiet_s": 0.2},
            "receive": {"processes": 1},
            "worker": {"threads": 1},
        },
    )
    made.storage.mkdir(parents=True)
    (made.storage / "installation").write_text("0" * 32 + "\n")
    return made


def without_times(stored: tuple[StoredObject, ...]) -> dict[str, Any]:
    """Return objects as JSON by their UID, without the times at which they were made."""
    found = {}
    for one in stored:
        ds = pydicom.dcmread(one.path)
        for element in list(ds.iterall()):
            if element.VR in _TIMES:
                element.value = ""
        found[one.sop_instance_uid] = ds.to_json_dict()
    return found


def opinion(running: NodeProcess) -> Any:
    """Return what the model in shadow has said so far, if it was asked."""
    with Journal(running.storage / "journal.db") as journal:
        return next(iter(journal.opinions(NEXT)), None)


def test_the_archive_gets_the_same_whatever_becomes_of_the_shadow(
    phantom_files: list[Path], two_models: Path, tmp_path: Path
):
    """Same UIDs and content as without; `kill -9` in the work loses nothing; `compare` tells."""
    files = new_study(phantom_files[:2], tmp_path / "study")
    with (
        LocalArchive(tmp_path / "plain") as archive,
        node(tmp_path / "a", archive, two_models) as plain,
    ):
        assert storescu(plain.port, files).returncode == 0
        alone = without_times(archive.wait_for(lambda stored: len(stored) >= 4, 120))
    with (
        LocalArchive(tmp_path / "shadowed") as archive,
        node(tmp_path / "b", archive, two_models, NEXT) as shadowed,
    ):
        (ready,) = wait_until(lambda: shadowed.events("shadow-ready"), "the shadow is ready")
        os.kill(ready["pid"], signal.SIGSTOP)
        assert storescu(shadowed.port, files).returncode == 0
        # It has begun, and stands still in the middle: the answer comes all the same.
        wait_until(lambda: opinion(shadowed), "the shadow has begun")
        assert without_times(archive.wait_for(lambda stored: len(stored) >= 4, 120)) == alone
        wait_until(lambda: shadowed.studies()[0]["state"] == "answered", "it is answered")
        os.kill(ready["pid"], signal.SIGKILL)
        wait_until(lambda: opinion(shadowed).document, "it was shown again, and spoke")
        (failed,) = shadowed.events("shadow-failed")
        assert "SIGKILL" in failed["reason"]
        assert len(without_times(archive.wait_for(lambda _: True, 0))) == 4
        assert len(shadowed.events("study-answered")) == 1
        (study,) = shadowed.studies()
        assert (study["state"], study["generation"]) == ("answered", 1)
        _compared(shadowed, study_uid(files[0]))


def _compared(running: NodeProcess, study: str) -> None:
    done = running.command("compare", MODEL, NEXT, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [one["study_instance_uid"] for one in found["disagreements"]] == [study]
    assert found["findings"]["only_a"] == 0
    assert found["findings"]["only_b"] > 0
