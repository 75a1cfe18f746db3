"""`kill -9` at random moments: nothing lost, nothing delivered twice under another UID."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from mammo_node.dimse.archive import LocalArchive
from tests.node_process import NodeProcess, wait_until
from tests.studies import new_study, storescu, study_uid

KILLS = 20
PHASES = ("receive", "analyse", "deliver")
#: Longest random delay into a phase, seconds: about as long as the phase lasts.
LENGTH_S = {"receive": 0.4, "analyse": 1.0, "deliver": 0.6}
_DEADLINE_S = 180.0


class Modality(threading.Thread):
    """Sends one study, again and again until every image is acknowledged, as a modality does."""

    def __init__(self, port: int, files: list[Path], log: Path) -> None:
        super().__init__()
        self.port, self.files, self.log = port, files, log
        self.acknowledged = False

    def run(self) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline and not self.acknowledged:
            sent = storescu(self.port, self.files, "-to", "5")
            self.acknowledged = sent.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_minus_nine_loses_nothing(phantom_files: list[Path], tmp_path: Path):
    """After 20 kills each acknowledged study has one SR and one GSPS an image, under one UID."""
    chance = random.Random(2026)
    with LocalArchive(tmp_path / "pacs") as pacs:
        node = NodeProcess(
            tmp_path / "node",
            [{"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}],
            settings={
                "completion": {"settle_s": 0.3, "quiet_s": 0.3},
                "receive": {"processes": 1},
                # A lease of a killed delivery must not outlast the test.
                "worker": {"max_kills": KILLS},
            },
        )
        node.start().wait_listening()
        modalities = []
        for number in range(KILLS):
            files = new_study(phantom_files[:2], tmp_path / f"study-{number}")
            modality = Modality(node.port, files, node.log)
            modality.start()
            modalities.append(modality)
            phase = PHASES[number % len(PHASES)]
            if phase != "receive":
                event = {"analyse": "study-ready", "deliver": "study-answered"}[phase]
                seen = len(node.events(event))
                wait_until(lambda e=event, s=seen: len(node.events(e)) > s, f"{event} {number}")
            time.sleep(chance.uniform(0, LENGTH_S[phase]))  # the random moment
            node.kill()
            node.start().wait_listening()
        for modality in modalities:
            modality.join(_DEADLINE_S)
        assert all(modality.acknowledged for modality in modalities)
        studies = [study_uid(modality.files[0]) for modality in modalities]

        def all_answered() -> bool:
            states = {s["study_instance_uid"]: s["state"] for s in node.studies()}
            return all(states.get(study) == "answered" for study in studies)

        wait_until(all_answered, "every study is answered", _DEADLINE_S)
        assert node.stop() == 0
        stored = pacs.wait_for(lambda _: True, 0)
    _check_nothing_twice(studies, stored)
    assert not list((tmp_path / "node" / "storage" / "incoming").iterdir())


def _check_nothing_twice(studies: list[str], stored) -> None:
    objects = {o.sop_instance_uid: pydicom.dcmread(o.path) for o in stored}
    last = {}
    for ds in objects.values():
        if ds.Modality == "SR":
            last.setdefault(ds.StudyInstanceUID, []).append(ds)
    # A kill between two images may split a study: its later images then supersede the first
    # answer, which the report says. What must not be is two answers to the same images.
    for study in studies:
        reports = last[study]
        answered = Counter(_images(ds) for ds in reports)
        assert max(answered.values()) == 1, f"{study}: two reports on the same images"
        assert max(len(images) for images in answered) == 2, f"{study}: an image is unanswered"
    by_uid: dict[str, set[bytes]] = {}
    for o in stored:
        by_uid.setdefault(o.sop_instance_uid, set()).add(o.path.read_bytes())
    assert {uid for uid, contents in by_uid.items() if len(contents) > 1} == set()


def _images(report: pydicom.Dataset) -> frozenset[str]:
    """Return the images that a report's evidence names."""
    sequences = [report.get(k, []) for k in ("CurrentRequestedProcedureEvidenceSequence",)]
    return frozenset(
        str(reference.ReferencedSOPInstanceUID)
        for sequence in sequences
        for study in sequence
        for series in study.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    )
