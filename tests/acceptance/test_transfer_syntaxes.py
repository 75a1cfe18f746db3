"""One image, sent in every transfer syntax: received as it is, analysed to the same findings."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from mammo_node.dimse.archive import LocalArchive
from mammo_node.encode.parse import Report, parse_report
from tests.integration.test_transfer_syntaxes import ENCODINGS
from tests.node_process import NodeProcess
from tests.peers import require
from tests.studies import QUICK_NETWORK, dcmsend, new_study, storescu, study_uid

_SR = "1.2.840.10008.5.1.4.1.1.88.34"
#: Lossy encodings move grey levels, so that scores and edges move a little.
_SCORE, _EDGE_PX = 0.05, 6.0
#: What is weaker than this may peak in the next cell of the network's answer, 8 px of this image.
_WEAK, _CELL_PX = 0.2, 9.0
#: What the default operating point leaves out is the less certain: dcmcjpeg's 12 bit encoder remaps
#: grey levels, and with them the darkest of the skin, by which all others are scaled.
_LEFT_OUT, _UNCERTAIN = 0.38, 0.15


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalArchive]:
    with LocalArchive(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, pacs: LocalArchive) -> Iterator[NodeProcess]:
    table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}
    settings = {
        "completion": {"settle_s": 0.2, "quiet_s": 0.2},
        # Low, so that there are findings to compare.
        "models": {"thresholds": {"mass": 0.05}},
    }
    folder = tmp_path_factory.mktemp("node")
    with NodeProcess(folder, [table], settings=settings) as running:
        yield running


def answer(node: NodeProcess, pacs: LocalArchive, file: Path, *, implicit: bool = False) -> Report:
    """Send one image and return the report that comes back."""
    # dcmsend proposes what the file is in, but turns implicit files into explicit ones.
    sent = storescu(node.port, [file], "-xi") if implicit else dcmsend(node.port, [file])
    assert sent.returncode == 0, sent.stderr
    study = study_uid(file)

    def report_of(stored):
        return [o for o in stored if o.sop_class_uid == _SR and study_uid(o.path) == study]

    (found,) = report_of(pacs.wait_for(report_of, 120))
    return parse_report(pydicom.dcmread(found.path))


@pytest.fixture(scope="module")
def expected(
    node: NodeProcess, pacs: LocalArchive, phantom_files: list[Path], tmp_path_factory
) -> Report:
    """The answer to the image as it was made, Explicit VR Little Endian."""
    folder = tmp_path_factory.mktemp("explicit")
    report = answer(node, pacs, new_study(phantom_files[-1:], folder)[0])
    assert report.findings, "nothing to compare"
    return report


@pytest.mark.parametrize("name", [n for n in ENCODINGS if "-sv" not in n or n.endswith("-sv6")])
def test_same_findings_in_every_syntax(
    name: str,
    node: NodeProcess,
    pacs: LocalArchive,
    expected: Report,
    phantom_files: list[Path],
    tmp_path: Path,
):
    """An image in this syntax is taken as it is and gives the findings of the original."""
    (program, *options), syntax, lossless = ENCODINGS[name]
    (plain,) = new_study(phantom_files[-1:], tmp_path / "plain")
    file = tmp_path / "encoded.dcm"
    command = [require(program), *options, str(plain), str(file)]
    subprocess.run(command, check=True, capture_output=True, env=QUICK_NETWORK)
    report = answer(node, pacs, file, implicit=name == "implicit")
    assert syntax in _received_syntaxes(node)
    if lossless:
        assert _facts(report) == _facts(expected)
    else:
        _check_close(report, expected)


def _received_syntaxes(node: NodeProcess) -> set[str]:
    files = (node.storage / "studies").iterdir()
    return {str(pydicom.filereader.read_file_meta_info(f).TransferSyntaxUID) for f in files}


def _facts(report: Report) -> list[tuple]:
    return [(f.label, f.score, f.box_px, f.long_axis_mm) for f in report.findings]


def _check_close(report: Report, expected: Report) -> None:
    """Each finding that is clearly above the threshold has its counterpart."""
    for finding in expected.findings:
        if finding.score < 0.05 + _SCORE:
            continue
        near_px = _CELL_PX if finding.score < _WEAK else _EDGE_PX
        close = _UNCERTAIN if finding.score < _LEFT_OUT else _SCORE
        assert any(
            other.label == finding.label
            and abs(other.score - finding.score) <= close
            and abs(other.box_px.centre[0] - finding.box_px.centre[0]) <= near_px
            and abs(other.box_px.centre[1] - finding.box_px.centre[1]) <= near_px
            for other in report.findings
        ), finding
