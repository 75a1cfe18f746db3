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


def test_names_arrive_as_they_are(tmp_path: Path) -> None:
    """A peer that wants Latin gets Latin; what Latin cannot carry stays as it is, with a note."""
    names = ("Müller^", "山田^")
    items = [write_report(tmp_path, number) for number, _ in enumerate(names, 1)]
    for item, name in zip(items, names, strict=True):
        ds = pydicom.dcmread(item.path)
        ds.SpecificCharacterSet, ds.PatientName = "ISO_IR 192", name
        ds.save_as(item.path)
    with Orthanc() as pacs:
        outcomes = [
            _send(pacs.dicom_port, item, "ORTHANC", character_set="ISO_IR 100") for item in items
        ]
        held = pacs.files()
    assert [outcome.status for outcome in outcomes] == [0x0000, 0x0000]
    assert [outcome.note for outcome in outcomes] == [
        None,
        "kept in ISO_IR 192: ISO_IR 100 cannot carry PatientName",
    ]
    latin, kept = (held[item.sop_instance_uid] for item in items)
    assert "Müller^".encode("latin-1") in latin
    assert "山田^".encode() in kept
