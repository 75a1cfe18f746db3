"""Results on their way to a real Storage SCP: in which syntax and character set they arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt

from mammo_node.config import Destination
from mammo_node.deliver.sending import send
from mammo_node.destination import TransferSyntax
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from tests.orthanc import Orthanc
from tests.unit.result_objects import COMPREHENSIVE_3D_SR, write_report

_DEFLATED = TransferSyntax.DEFLATED.uid


@contextmanager
def _scp(taken: tuple[str, ...], seen: list[tuple[str, Any]]) -> Iterator[int]:
    def store(event: Any) -> int:
        seen.append((event.context.transfer_syntax, event.dataset))
        return 0x0000

    ae = AE(ae_title="PACS")
    ae.add_supported_context(COMPREHENSIVE_3D_SR, list(taken))
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def _send(port: int, item: StoredObject, ae_title: str = "PACS", **wishes: Any) -> SendOutcome:
    values = {"name": "pacs", "ae_title": ae_title, "host": "127.0.0.1", "port": port, **wishes}
    (outcome,) = send(Destination.model_validate(values), "MAMMO_AI", [item])
    return outcome


@pytest.mark.parametrize(
    ("wanted", "taken", "used"),
    [
        (("implicit", "explicit"), (ExplicitVRLittleEndian, ImplicitVRLittleEndian), "implicit"),
        (("explicit", "implicit"), (ImplicitVRLittleEndian, ExplicitVRLittleEndian), "explicit"),
        (("deflated", "explicit"), (ExplicitVRLittleEndian, _DEFLATED), "deflated"),
        (("deflated", "explicit"), (ExplicitVRLittleEndian,), "explicit"),
        (("explicit",), (ImplicitVRLittleEndian,), "implicit"),
        (("rle",), (ImplicitVRLittleEndian,), "implicit"),
    ],
)
def test_our_order_decides_among_what_the_peer_takes(
    wanted: tuple[str, ...], taken: tuple[str, ...], used: str, tmp_path: Path
) -> None:
    """The first transfer syntax of the destination that the peer accepts is used."""
    seen: list[tuple[str, Any]] = []
    item = write_report(tmp_path, 1)
    with _scp(taken, seen) as port:
        assert _send(port, item, transfer_syntaxes=wanted).status == 0x0000
    ((syntax, arrived),) = seen
    assert syntax == TransferSyntax(used).uid
    assert arrived == pydicom.dcmread(item.path)


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    """An object that stays in its own character set arrives, with a note in its outcome."""
    item = write_report(tmp_path, 1)
    ds = pydicom.dcmread(item.path)
    ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "山田^"
    ds.save_as(item.path)
    with Orthanc() as pacs:
        outcome = _send(pacs.dicom_port, item, "ORTHANC", character_set="ISO_IR 100")
        assert outcome.status == 0x0000
        assert outcome.note == "kept in ISO_IR 192: ISO_IR 100 cannot carry PatientName"
        (content,) = pacs.files().values()
    (tmp_path / "got.dcm").write_bytes(content)
    assert pydicom.dcmread(tmp_path / "got.dcm").PatientName == "山田^"


def test_a_latin_peer_gets_latin(tmp_path: Path) -> None:
    """A destination with a character set holds the same name in that set."""
    item = write_report(tmp_path, 1)
    ds = pydicom.dcmread(item.path)
    ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", "Müller^"
    ds.save_as(item.path)
    with Orthanc() as pacs:
        outcome = _send(pacs.dicom_port, item, "ORTHANC", character_set="ISO_IR 100")
        assert (outcome.status, outcome.note) == (0x0000, None)
        (content,) = pacs.files().values()
    assert "Müller^".encode("latin-1") in content
