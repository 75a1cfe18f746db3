"""C-FIND and C-GET with a peer that stops in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from mammo_node.config import Destination
from mammo_node.dimse.query import STUDY_ROOT_FIND, find
from mammo_node.dimse.retrieve import STUDY_ROOT_GET, retrieve
from mammo_node.errors import DestinationUnreachable
from tests.receiving import MG, mammogram

_PENDING = 0xFF00


@pytest.fixture(params=[0, 1], ids=["at once", "after one"])
def peer(request: pytest.FixtureRequest) -> Iterator[Destination]:
    """A PACS that sends as many answers and then nothing more."""
    over = threading.Event()

    def find_some(_: Any) -> Iterator[tuple[int, Dataset]]:
        for _ in range(request.param):
            found = Dataset()
            found.StudyInstanceUID = "2.25.1"
            yield _PENDING, found
        over.wait(60)

    def send_some(_: Any) -> Iterator[Any]:
        yield 2
        for _ in range(request.param):
            image = mammogram("2.25.7")
            image.file_meta = FileMetaDataset()
            image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            yield _PENDING, image
        over.wait(60)

    ae = AE(ae_title="PACS")
    for service in (STUDY_ROOT_FIND, STUDY_ROOT_GET):
        ae.add_supported_context(service)
    ae.add_supported_context(MG, ExplicitVRLittleEndian, scu_role=True, scp_role=True)
    handlers = [(evt.EVT_C_FIND, find_some), (evt.EVT_C_GET, send_some)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield Destination(
            name="pacs",
            ae_title="PACS",
            host="127.0.0.1",
            port=server.server_address[1],
            connect_timeout_s=2,
            response_timeout_s=2,
        )
    finally:
        over.set()
        server.shutdown()


def test_a_query_that_stops_is_given_up(peer: Destination) -> None:
    """The deadline of a response holds for each match."""
    began = time.monotonic()
    with pytest.raises(DestinationUnreachable, match="no answer in time"):
        find(peer, "MAMMO_AI", "STUDY", {"StudyInstanceUID": ""})
    assert time.monotonic() - began < 20


def test_a_retrieval_that_stops_is_given_up(
    peer: Destination, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """What has come by then is there."""
    began = time.monotonic()
    with pytest.raises(DestinationUnreachable, match="no answer in time"):
        retrieve(peer, "MAMMO_AI", "2.25.1", ["2.25.2"], tmp_path)
    assert time.monotonic() - began < 20
    assert len(list(tmp_path.iterdir())) == request.node.callspec.params["peer"]
