"""`mammo-node probe` against peers that can much, little and nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pynetdicom import AE, evt

from mammo_node import __version__
from mammo_node.cli import main
from mammo_node.config import Destination, Local
from mammo_node.dimse.negotiation import STORAGE_COMMITMENT_PUSH_MODEL, VERIFICATION
from mammo_node.node import utc_now
from mammo_node.probe.report import markdown, page
from mammo_node.probe.round_trip import RoundTrip
from mammo_node.probe.steps import ProbeReport, Step, Verdict
from mammo_node.probe.test_object import PATIENT_NAME, make_test_object
from tests.dicomweb import dicomweb_server
from tests.node_process import toml
from tests.orthanc import Orthanc, dicomweb_options
from tests.peers import require
from tests.ports import free_port
from tests.receiver import running_receiver
from tests.receiving import until
from tests.unit.journal_cases import Bench

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def _configure(folder: Path, destination: dict[str, Any], **local: Any) -> str:
    folder.mkdir(exist_ok=True)
    local = {"bind": "127.0.0.1", "port": free_port(), **local}
    values = {"name": "pacs", "connect_timeout_s": 3, "response_timeout_s": 5, **destination}
    (folder / "ae_titles.toml").write_text(toml({"local": local, "destination": [values]}))
    settings = {"storage": {"folder": str(folder / "storage")}}
    (folder / "mammo_node.toml").write_text(toml(settings))
    return str(folder)


def _probe(config: str, capsys: Any, *options: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return exit code, verdicts by step, and the whole document."""
    code = main(["probe", "--config", config, "--json", *options, "pacs"])
    document = json.loads(capsys.readouterr().out)
    return code, {step["name"]: step["verdict"] for step in document["steps"]}, document


def _dimse(port: int, **values: Any) -> dict[str, Any]:
    return {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": port, **values}


def test_orthanc_is_ready(tmp_path: Path, capsys: Any) -> None:
    """Every output is negotiated, the object stored, found and committed to; a page is filed."""
    own_port, page_file = free_port(), tmp_path / "report.html"
    modality = {"AET": "MAMMO_AI", "Host": "127.0.0.1", "Port": own_port}
    options = {"DicomModalities": {"node": {**modality, "AllowStorageCommitment": True}}}
    with Orthanc(options={**options, "DicomAlwaysAllowFind": True}) as pacs:
        outputs = {"outputs": ["research"], "commitment": True}
        config = _configure(tmp_path / "c", _dimse(pacs.dicom_port, **outputs), port=own_port)
        code, verdicts, document = _probe(config, capsys, "--out", str(page_file))
        (instance,) = pacs.get("/instances?expand")
        (patient,) = pacs.get("/patients?expand")
    assert code == 0, document
    assert set(verdicts.values()) == {"ok"}
    assert [name for name in verdicts if name.startswith("accept ")] == [
        f"accept {kind}" for kind in document["outputs"]
    ]
    assert list(verdicts)[-3:] == ["store a test object", "find it again", "storage commitment"]
    assert patient["MainDicomTags"]["PatientName"] == PATIENT_NAME
    assert instance["MainDicomTags"]["SOPInstanceUID"] in str(document)
    assert "Ready: everything" in page_file.read_text()


def test_storescp_has_no_query(tmp_path: Path, capsys: Any) -> None:
    """What the peer does not offer and nobody needs is not supported, and no failure."""
    port, folder = free_port(), tmp_path / "received"
    folder.mkdir()
    program = [require("storescp"), "-aet", "ORTHANC", "-od", str(folder), str(port)]
    with subprocess.Popen(program, env={**os.environ, "TCP_NODELAY": "1"}) as peer:
        try:
            config = _configure(tmp_path / "c", _dimse(port))
            until(lambda: main(["echo", "--config", config, "pacs"]) == 0)
            capsys.readouterr()
            code, verdicts, _ = _probe(config, capsys)
        finally:
            peer.terminate()
    assert code == 0
    assert verdicts["store a test object"] == "ok"
    assert verdicts["find it again"] == "not supported"
    assert verdicts["storage commitment"] == "not tried"
    (stored,) = folder.iterdir()
    assert pydicom.dcmread(stored).PatientName == PATIENT_NAME


def test_commitment_that_the_peer_does_not_offer_is_a_failure(tmp_path: Path, capsys: Any) -> None:
    """What the configuration asks for and the peer cannot do makes the exit code 1."""
    port, folder = free_port(), tmp_path / "received"
    folder.mkdir()
    program = [require("storescp"), "-od", str(folder), str(port)]
    with subprocess.Popen(program, env={**os.environ, "TCP_NODELAY": "1"}) as peer:
        try:
            config = _configure(tmp_path / "c", _dimse(port, commitment=True))
            until(lambda: main(["echo", "--config", config, "pacs"]) == 0)
            capsys.readouterr()
            code, verdicts, document = _probe(config, capsys)
        finally:
            peer.terminate()
    assert code == 1
    assert verdicts["storage commitment"] == "failed"
    assert "commitment = false" in document["steps"][-1]["advice"]


def test_the_running_node_takes_the_report(tmp_path: Path, capsys: Any) -> None:
    """While another process has the port, the report is looked up in the node's journal."""
    bench = Bench(tmp_path / "c")
    dicom_port = free_port()
    peer = Destination.model_validate(
        {"name": "pacs", **_dimse(dicom_port, commitment=True)}  # as the command will read it
    )
    with running_receiver(bench, peer) as own_port:
        modality = {"AET": "MAMMO_AI", "Host": "127.0.0.1", "Port": own_port}
        options = {"DicomModalities": {"node": {**modality, "AllowStorageCommitment": True}}}
        with Orthanc(dicom_port=dicom_port, options=options):
            table = _dimse(dicom_port, commitment=True)
            config = _configure(tmp_path / "c", table, port=own_port)
            code, verdicts, document = _probe(config, capsys)
    assert verdicts["storage commitment"] == "ok", document
    assert code == 0


def test_a_port_of_somebody_else_is_told(tmp_path: Path, capsys: Any) -> None:
    """Without a journal a taken port is no running node: the report could not come."""
    classes = [VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL, _SECONDARY_CAPTURE]
    with _scp(classes) as port, socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        table = _dimse(port, ae_title="PEER", outputs=["overview"], commitment=True)
        config = _configure(tmp_path / "c", table, port=taken)
        code, verdicts, document = _probe(config, capsys)
    assert (code, verdicts["storage commitment"]) == (1, "failed")
    assert f"port {taken} is taken" in document["steps"][-1]["detail"]


def test_a_report_that_does_not_come(tmp_path: Path) -> None:
    """A peer that takes the request and stays silent is a failure, with what it must know."""
    classes = [VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL, _SECONDARY_CAPTURE]
    test = make_test_object("A@h:1", __version__, utc_now())
    trip = RoundTrip(
        local=Local(bind="127.0.0.1", port=free_port()),
        journal=tmp_path / "none.db",
        now=utc_now,
        pause=lambda _: None,
        report_s=0.0,
    )
    with _scp(classes) as port:
        peer = Destination.model_validate({"name": "p", **_dimse(port, ae_title="PEER")})
        step = trip.run(peer, "MAMMO_AI", test)
    assert step.verdict is Verdict.FAILED
    assert "no report came" in step.detail
    assert f"port {trip.local.port}" in step.advice


def test_a_peer_that_does_not_know_us(tmp_path: Path, capsys: Any) -> None:
    """A rejection says which side must change what, and nothing more is tried."""
    with _scp(require_calling_aet=["SOMEBODY"]) as port:
        config = _configure(tmp_path / "c", _dimse(port))
        code, verdicts, document = _probe(config, capsys)
    assert (code, list(verdicts.values())) == (1, ["ok", "failed"])
    assert "Register the AE title MAMMO_AI" in document["steps"][-1]["advice"]


def test_a_wrong_title(tmp_path: Path, capsys: Any) -> None:
    """A peer of another AE title: the advice names the key to correct."""
    with _scp(require_called_aet=True) as port:
        config = _configure(tmp_path / "c", _dimse(port))
        code, _, document = _probe(config, capsys)
    assert code == 1
    assert "correct ae_title" in document["steps"][-1]["advice"]


def test_a_peer_that_takes_too_little(tmp_path: Path, capsys: Any) -> None:
    """Each output that is not accepted is a failed step of its own."""
    with _scp(classes=["1.2.840.10008.5.1.4.1.1.88.34"]) as port:
        config = _configure(tmp_path / "c", _dimse(port, ae_title="PEER", outputs=["sr", "gsps"]))
        code, verdicts, _ = _probe(config, capsys)
    assert code == 1
    assert verdicts == {
        "connect": "ok",
        "verify (C-ECHO)": "not supported",
        "accept sr": "ok",
        "accept gsps": "failed",
        "store a test object": "not supported",
    }


def test_nobody_listening(tmp_path: Path, capsys: Any) -> None:
    """A closed port ends the probe at its first step, of either kind."""
    for table in (
        _dimse(free_port()),
        {"kind": "dicomweb", "url": f"http://127.0.0.1:{free_port()}/x"},
    ):
        config = _configure(tmp_path / "c", table)
        code, verdicts, document = _probe(config, capsys)
        assert (code, verdicts) == (1, {"connect": "failed"})
        assert "firewall" in document["steps"][0]["advice"]


@contextmanager
def _scp(classes: Sequence[str] = (VERIFICATION,), **requirements: Any) -> Iterator[int]:
    ae = AE(ae_title="PEER")
    for sop_class in classes:
        ae.add_supported_context(sop_class)
    for name, value in requirements.items():
        setattr(ae, name, value)
    handlers = [(evt.EVT_C_STORE, lambda _: 0x0000), (evt.EVT_N_ACTION, lambda _: (0x0000, None))]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_orthanc_by_dicomweb(tmp_path: Path, capsys: Any) -> None:
    """With credentials: stored by STOW-RS and found by QIDO-RS; with wrong ones, told."""
    password = tmp_path / "password"
    password.write_text("right")
    options = dicomweb_options({"node": "right"})
    with Orthanc(options=options, user=("node", "right")) as pacs:
        table = {
            "kind": "dicomweb",
            "url": f"http://127.0.0.1:{pacs.http_port}/dicom-web",
            "username": "node",
            "password_file": str(password),
        }
        config = _configure(tmp_path / "c", table)
        code, verdicts, document = _probe(config, capsys)
        assert (code, set(verdicts.values())) == (0, {"ok"}), document
        assert list(verdicts) == ["connect", "credentials", "store a test object", "find it again"]
        password.write_text("wrong")
        code, verdicts, document = _probe(config, capsys)
    assert (code, verdicts["store a test object"]) == (1, "failed")
    assert "401" in document["steps"][-1]["detail"]
    assert "wrong" not in str(document)


def test_a_server_without_qido(tmp_path: Path, capsys: Any) -> None:
    """STOW-RS alone is enough: what cannot be found is said to be looked for by hand."""
    with dicomweb_server(lambda r: r.store() if r.files else r.answer(404)) as server:
        config = _configure(tmp_path / "c", {"kind": "dicomweb", "url": server.url})
        code, verdicts, _ = _probe(config, capsys)
    assert (code, verdicts["find it again"]) == (0, "not supported")


def test_the_terminal_and_the_file(tmp_path: Path, capsys: Any) -> None:
    """Steps are printed with their advice, and --out wants a kind of page that there is."""
    config = _configure(tmp_path / "c", _dimse(free_port()))
    out = tmp_path / "report.md"
    assert main(["probe", "--config", config, "--out", str(out), "pacs"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "Check host, port and firewall" in printed
    assert "Not ready: connect failed." in printed
    assert out.read_text().startswith("# Go-live report: pacs\n")
    assert main(["probe", "--config", config, "--out", str(tmp_path / "x.pdf"), "pacs"]) == 2
    assert ".md or .html" in capsys.readouterr().err


def test_a_peers_words_break_no_page() -> None:
    """Markup and table bars in an Error Comment stay words."""
    step = Step("store", Verdict.FAILED, "refused: <b>|x</b>\n# y", "a|b")
    report = ProbeReport("pacs", "A@h:1", "US", ("sr",), "1", utc_now(), (step,))
    assert "<b>" not in page(report)
    (row,) = [line for line in markdown(report).splitlines() if line.startswith("| store")]
    assert row == "| store | FAILED | refused: &lt;b>\\|x&lt;/b> # y | a\\|b |"


def test_the_test_object_is_valid_and_says_what_it_is(tmp_path: Path) -> None:
    """Dciodvfy finds no error; one study per destination, one instance per probe."""
    now = utc_now()
    first = make_test_object("A@h:1", __version__, now)
    assert make_test_object("A@h:1", __version__, now) == first
    path = tmp_path / "probe.dcm"
    path.write_bytes(first.content)
    done = subprocess.run([require("dciodvfy"), path], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr
    other = make_test_object("B@h:1", __version__, now)
    assert other.study_instance_uid != first.study_instance_uid
    ds = pydicom.dcmread(path)
    assert (ds.PatientName, ds.PatientID) == (PATIENT_NAME, "MAMMO_NODE-PROBE")
    assert "TEST" in ds.StudyDescription
    assert ds.pixel_array.max() == 255
