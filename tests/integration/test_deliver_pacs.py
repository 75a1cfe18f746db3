"""Journal, courier and a real PACS together: down and up again, full, breaking off, contended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

from mammo_node.config import Destination, Retry
from mammo_node.deliver.courier import Courier
from mammo_node.journal import Journal
from mammo_node.journal.states import DeliveryState, StudyState
from tests.answers import answer_with_reports
from tests.orthanc import Orthanc
from tests.ports import free_port
from tests.unit.journal_cases import Bench
from tests.unit.result_objects import COMPREHENSIVE_3D_SR

_RETRY = Retry(first_s=0.1, max_s=0.5, jitter=0.0)
_DEADLINE_S = 30.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _courier(journal: Journal, port: int, owner: str = "courier") -> Courier:
    return Courier(
        journal=journal,
        destination=Destination(
            name="pacs",
            ae_title="ORTHANC",
            host="127.0.0.1",
            port=port,
            connect_timeout_s=5,
            response_timeout_s=5,
        ),
        calling_ae_title="MAMMO_AI",
        retry=_RETRY,
        owner=owner,
        clock=lambda: datetime.now(UTC),
    )


def _run_until(courier: Courier, done: Callable[[], bool]) -> None:
    """Step like the node's loop does, until the condition holds."""
    idle = threading.Event()
    deadline = datetime.now(UTC).timestamp() + _DEADLINE_S
    while not done():
        assert datetime.now(UTC).timestamp() < deadline, "not reached in time"
        if not courier.step():
            idle.wait(0.02)


def _state(bench: Bench) -> StudyState:
    return bench.journal.overview()[0].state


@contextmanager
def _scp(store: Callable[[Any], int]) -> Iterator[int]:
    ae = AE(ae_title="ORTHANC")
    ae.add_supported_context(COMPREHENSIVE_3D_SR, ExplicitVRLittleEndian)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_orthanc_down_then_up_gets_everything_once(bench: Bench, tmp_path: Path) -> None:
    """While the PACS is away results wait; when it is there it holds exactly these objects."""
    uids = answer_with_reports(bench, 5)
    port = free_port()
    courier = _courier(bench.journal, port)
    _run_until(courier, lambda: bench.journal.overview()[0].deliveries[0].attempts >= 3)
    assert {d.state for d in bench.journal.overview()[0].deliveries} == {DeliveryState.PENDING}
    with Orthanc(tmp_path / "orthanc", dicom_port=port) as pacs:
        _run_until(courier, lambda: _state(bench) is StudyState.ANSWERED)
        assert pacs.sop_instance_uids() == set(uids)
        assert pacs.get("/statistics")["CountInstances"] == 5


def test_orthanc_restarted_in_between_keeps_what_it_had(bench: Bench, tmp_path: Path) -> None:
    """A second generation arrives beside the first after the PACS was away."""
    folder, port = tmp_path / "orthanc", free_port()
    courier = _courier(bench.journal, port)
    first = answer_with_reports(bench, 2)
    with Orthanc(folder, dicom_port=port):
        _run_until(courier, lambda: _state(bench) is StudyState.ANSWERED)
    # The same objects by name, made again for a late view: sent before, not sent again.
    second = answer_with_reports(bench, 3)
    _run_until(courier, lambda: bench.journal.overview()[0].deliveries[-1].attempts >= 2)
    with Orthanc(folder, dicom_port=port) as pacs:
        _run_until(courier, lambda: _state(bench) is StudyState.ANSWERED)
        assert pacs.sop_instance_uids() == set(first) | set(second)


def test_a_peer_that_is_full_once_gets_it_later(bench: Bench) -> None:
    """A700 for one object delays that object only."""
    uids = answer_with_reports(bench, 3)
    stored: list[str] = []
    refused: list[str] = []

    def store(event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid == uids[1] and not refused:
            refused.append(uid)
            return 0xA700
        stored.append(uid)
        return 0x0000

    with _scp(store) as port:
        courier = _courier(bench.journal, port)
        courier.step()
        assert stored == [uids[0], uids[2]]
        assert bench.journal.overview()[0].deliveries[1].last_status == 0xA700
        _run_until(courier, lambda: _state(bench) is StudyState.ANSWERED)
    assert stored == [uids[0], uids[2], uids[1]]


def test_a_peer_that_breaks_off_in_the_middle_gets_the_rest_later(bench: Bench) -> None:
    """Each object arrives, and what was acknowledged before the break is not sent again."""
    uids = answer_with_reports(bench, 4)
    stored: list[str] = []
    breaks: list[str] = []

    def store(event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid == uids[1] and not breaks:
            breaks.append(uid)
            event.assoc.abort()
            return 0xC000
        stored.append(uid)
        return 0x0000

    with _scp(store) as port:
        courier = _courier(bench.journal, port)
        _run_until(courier, lambda: _state(bench) is StudyState.ANSWERED)
    assert sorted(stored) == sorted(uids)
    assert stored[0] == uids[0]
    assert stored[-1] == uids[1]


def test_two_couriers_never_send_the_same_object(bench: Bench) -> None:
    """Two processes that serve one destination share the work instead of doubling it."""
    uids = answer_with_reports(bench, 60)
    stored: list[str] = []

    def store(event: Any) -> int:
        stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0x0000

    def work(owner: str) -> None:
        with Journal(bench.spool.root / "journal.db") as journal:
            _run_until(
                _courier(journal, port, owner),
                lambda: journal.overview()[0].state is StudyState.ANSWERED,
            )

    with _scp(store) as port:
        threads = [threading.Thread(target=work, args=(f"courier-{n}",)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_DEADLINE_S)
    assert sorted(stored) == sorted(uids)
