"""Storage commitment with Orthanc, and reports from peers that may and may not bring them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from mammo_node.config import Destination, Retry
from mammo_node.deliver.commitment import Clerk
from mammo_node.deliver.courier import Courier
from mammo_node.dimse.negotiation import STORAGE_COMMITMENT_PUSH_MODEL, Rejection
from mammo_node.dimse.pdu import PduType
from mammo_node.errors import DeliveryRefused, DestinationUnreachable
from mammo_node.journal.states import DeliveryState, StudyState
from tests.answers import answer_with_reports
from tests.orthanc import Orthanc
from tests.ports import free_port
from tests.receiver import running_receiver
from tests.receiving import Peer
from tests.unit.journal_cases import Bench
from tests.unit.result_objects import COMPREHENSIVE_3D_SR

_INSTANCE = "1.2.840.10008.1.20.1.1"
_RETRY = Retry(first_s=0.1, max_s=0.5, jitter=0.0)
_DEADLINE_S = 60.0


def _now() -> datetime:
    return datetime.now(UTC)


def _destination(port: int, **settings: Any) -> Destination:
    return Destination.model_validate(
        {
            "name": "pacs",
            "ae_title": "ORTHANC",
            "host": "127.0.0.1",
            "port": port,
            "commitment": True,
            "commitment_timeout_s": 2,
            "connect_timeout_s": 5,
            "response_timeout_s": 5,
            **settings,
        }
    )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _courier(bench: Bench, destination: Destination) -> Courier:
    return Courier(bench.journal, destination, "MAMMO_AI", _RETRY, "courier", _now, gather_s=0.0)


def _clerk(bench: Bench, destination: Destination) -> Clerk:
    return Clerk(bench.journal, destination, "MAMMO_AI", _RETRY, _now)


def _run_until(steps: list[Callable[[], bool]], done: Callable[[], bool]) -> None:
    idle = threading.Event()
    deadline = _now().timestamp() + _DEADLINE_S
    while not done():
        assert _now().timestamp() < deadline, "not reached in time"
        if not sum(step() for step in steps):
            idle.wait(0.02)


def _state(bench: Bench) -> StudyState:
    return bench.journal.overview()[0].state


def test_orthanc_commits_to_what_it_has(bench: Bench, tmp_path: Path) -> None:
    """Stored, asked, reported on an association of its own; what it lost is sent again first."""
    port = free_port()
    uids = answer_with_reports(bench, 3)
    with running_receiver(bench, _destination(port)) as own_port:
        modality = {"AET": "MAMMO_AI", "Host": "127.0.0.1", "Port": own_port}
        options = {"DicomModalities": {"node": {**modality, "AllowStorageCommitment": True}}}
        with Orthanc(tmp_path / "orthanc", dicom_port=port, options=options) as pacs:
            destination = _destination(port)
            courier, clerk = _courier(bench, destination), _clerk(bench, destination)
            assert courier.step()
            pacs.delete(uids[0])
            assert pacs.sop_instance_uids() == set(uids[1:])
            _run_until([courier.step, clerk.step], lambda: _state(bench) is StudyState.ANSWERED)
            assert pacs.sop_instance_uids() == set(uids)
    deliveries = bench.journal.overview()[0].deliveries
    assert all(d.committed_at for d in deliveries)
    assert {d.sop_instance_uid: d.attempts for d in deliveries} == dict(
        zip(uids, (2, 1, 1), strict=True)
    )


@contextmanager
def _scp(on_action: Callable[[Any], tuple[int, None]], offers: bool = True) -> Iterator[int]:
    """A PACS that stores everything and answers N-ACTION as it is told."""
    ae = AE(ae_title="ORTHANC")
    ae.add_supported_context(COMPREHENSIVE_3D_SR, ExplicitVRLittleEndian)
    if offers:
        ae.add_supported_context(STORAGE_COMMITMENT_PUSH_MODEL)
    handlers = [(evt.EVT_C_STORE, lambda _: 0x0000), (evt.EVT_N_ACTION, on_action)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def _report(transaction_uid: str, uids: list[str], failed: dict[str, int] | None = None) -> Dataset:
    ds = Dataset()
    ds.TransactionUID = transaction_uid
    ds.ReferencedSOPSequence = [_reference(uid) for uid in uids]
    if failed:
        ds.FailedSOPSequence = [_reference(uid, reason) for uid, reason in failed.items()]
    return ds


def _reference(uid: str, reason: int | None = None) -> Dataset:
    ds = Dataset()
    ds.ReferencedSOPClassUID, ds.ReferencedSOPInstanceUID = COMPREHENSIVE_3D_SR, uid
    if reason is not None:
        ds.FailureReason = reason
    return ds


def test_a_report_on_our_own_association_is_taken(bench: Bench) -> None:
    """A peer that reports at once, before we release, is understood as well."""
    answers: list[int] = []

    def act(event: Any) -> tuple[int, None]:
        request = event.action_information
        uids = [item.ReferencedSOPInstanceUID for item in request.ReferencedSOPSequence]

        def report() -> None:
            status, _ = event.assoc.send_n_event_report(
                _report(request.TransactionUID, uids), 1, STORAGE_COMMITMENT_PUSH_MODEL, _INSTANCE
            )
            answers.append(status.Status)

        threading.Timer(0.1, report).start()
        return 0x0000, None

    answer_with_reports(bench, 2)
    with _scp(act) as port:
        destination = _destination(port)
        steps = [_courier(bench, destination).step, _clerk(bench, destination).step]
        _run_until(steps, lambda: _state(bench) is StudyState.ANSWERED)
    assert answers == [0x0000]


def test_a_thread_that_is_late_to_end_holds_nobody_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is released while the library's thread for the report still has to end."""
    serve = Association._serve_request

    def serve_late(association: Association, *request: Any) -> None:
        serve(association, *request)
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            association._is_paused = False  # as `serve` does at its end
            time.sleep(0.0001)

    monkeypatch.setattr(Association, "_serve_request", serve_late)
    began = time.monotonic()
    test_a_report_on_our_own_association_is_taken(bench)
    assert time.monotonic() - began < 6, "the association was not released but given up"


@pytest.mark.parametrize(
    ("status", "offers", "parked"), [(0x0213, True, False), (0x0000, False, True)]
)
def test_a_peer_that_does_not_commit(bench: Bench, status: int, offers: bool, parked: bool) -> None:
    """One that cannot now is asked again; one that offers no commitment needs a person."""
    answer_with_reports(bench, 1)
    asked: list[int] = []

    def act(_: Any) -> tuple[int, None]:
        asked.append(status)
        return status, None

    with _scp(act, offers) as port:
        destination = _destination(port)
        steps = [_courier(bench, destination).step, _clerk(bench, destination).step]
        _run_until(
            steps,
            lambda: len(asked) >= 2 or _state(bench) is StudyState.UNDELIVERED,
        )
    (delivery,) = bench.journal.overview()[0].deliveries
    assert delivery.state is (DeliveryState.PARKED if parked else DeliveryState.STORED)
    if parked:
        assert "set commitment = false" in str(delivery.reason)


@contextmanager
def _association(port: int, called: str = "MAMMO_AI", role: bool = True) -> Iterator[Any]:
    ae = AE(ae_title="ORTHANC")
    ae.add_requested_context(STORAGE_COMMITMENT_PUSH_MODEL, ExplicitVRLittleEndian)
    ae.add_requested_context("1.2.840.10008.5.1.4.1.1.1.2", ExplicitVRLittleEndian)
    roles = [build_role(STORAGE_COMMITMENT_PUSH_MODEL, scp_role=True)] if role else []
    assoc = ae.associate("127.0.0.1", port, ae_title=called, ext_neg=roles)
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()


def _rejection(port: int, calling: str = "ORTHANC", called: str = "MAMMO_AI") -> Rejection:
    """Return why a peer gets no association, as it reads it on the wire."""
    contexts = [(1, STORAGE_COMMITMENT_PUSH_MODEL, [ExplicitVRLittleEndian])]
    with Peer(port) as peer:
        kind, body = peer.associate(contexts, calling=calling, called=called)
        assert kind == PduType.A_ASSOCIATE_RJ
        assert peer.read_pdu()[0] == 0
    return Rejection((body[1], body[2], body[3]))


def _send(assoc: Any, report: Dataset, event_type: int = 1) -> int:
    status, _ = assoc.send_n_event_report(
        report, event_type, STORAGE_COMMITMENT_PUSH_MODEL, _INSTANCE
    )
    return int(status.Status)


def test_reports_from_destinations_alone(bench: Bench) -> None:
    """Who is not asked to commit gets no association; who is may report and nothing else."""
    bench.journal.open_commitment("pacs", "2.25.7", _now())
    destination = _destination(104)
    with running_receiver(bench, destination) as port:
        assert _rejection(port, calling="STRANGER") is Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED
        assert _rejection(port, called="OTHER") is Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED
        with _association(port) as assoc:
            (context,) = assoc.accepted_contexts
            assert context.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL
            assert context.as_scp
            assert _send(assoc, _report("2.25.8", [])) == 0x0115
            assert _send(assoc, _reference("1.2")) == 0x0115
            assert _send(assoc, _report("2.25.7", ["1.2"]), event_type=3) == 0x0113
            endless = _report("2.25.7", ["1.2"])
            endless.add_new((0x0009, 0x0010), "LO", "PADDING")
            endless.add_new((0x0009, 0x1001), "OB", bytes(5 << 20))
            assert _send(assoc, endless) == 0x0213
            assert bench.journal.commitment_result("2.25.7") is None
            assert _send(assoc, _report("2.25.7", ["1.2"])) == 0x0000
        assert bench.journal.commitment_result("2.25.7") == (1, 0)


def test_a_peer_calls_whom_we_called_ourselves(bench: Bench) -> None:
    """With a calling AE title of its own, that title is what the destination reports to."""
    bench.journal.open_commitment("pacs", "2.25.7", _now())
    destination = _destination(104, calling_ae_title="MAMMO_RESULTS")
    with running_receiver(bench, destination) as port:
        assert _rejection(port, called="MAMMO_AI") is Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED
        with _association(port, called="MAMMO_RESULTS") as assoc:
            assert _send(assoc, _report("2.25.7", ["1.2"])) == 0x0000


def test_without_commitment_nobody_may_report(bench: Bench) -> None:
    """A destination that is not asked, even if it is a source, has the context refused."""
    destination = _destination(104, commitment=False)
    with (
        running_receiver(bench, destination, accept_unknown_sources=True) as port,
        _association(port) as assoc,
    ):
        accepted = [str(context.abstract_syntax) for context in assoc.accepted_contexts]
        assert accepted == ["1.2.840.10008.5.1.4.1.1.1.2"]


def test_a_peer_that_is_down_or_refuses_is_an_error(bench: Bench) -> None:
    """Asking has the same errors as sending."""
    answer_with_reports(bench, 1)
    clerk = _clerk(bench, _destination(free_port()))
    with pytest.raises(DestinationUnreachable):
        clerk.ask(clerk.destination, "MAMMO_AI", "2.25.1", [], on_report=lambda _: 0, linger_s=0.0)
    with _scp(lambda _: (0x0110, None)) as port, pytest.raises(DeliveryRefused) as caught:
        clerk.ask(_destination(port), "MAMMO_AI", "2.25.1", [], on_report=lambda _: 0, linger_s=0.0)
    assert caught.value.status == 0x0110
