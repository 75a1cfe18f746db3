"""Results into Orthanc's DICOMweb plugin, through journal and courier, down and up again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mammo_node.config import Retry, WebDestination
from mammo_node.deliver.courier import Courier
from mammo_node.deliver.sending import send
from mammo_node.errors import DestinationBusy
from mammo_node.journal.states import DeliveryState, StudyState
from tests.answers import answer_with_reports
from tests.orthanc import Orthanc, dicomweb_options
from tests.unit.journal_cases import Bench
from tests.unit.result_objects import write_report

_DEADLINE_S = 60.0


def _web(pacs: Orthanc, **settings: object) -> WebDestination:
    return WebDestination.model_validate(
        {
            "name": "pacs",
            "kind": "dicomweb",
            "url": f"http://127.0.0.1:{pacs.http_port}/dicom-web",
            "connect_timeout_s": 5,
            "response_timeout_s": 10,
            **settings,
        }
    )


def _run_until(courier: Courier, done: Callable[[], bool]) -> None:
    idle = threading.Event()
    deadline = datetime.now(UTC).timestamp() + _DEADLINE_S
    while not done():
        assert datetime.now(UTC).timestamp() < deadline, "not reached in time"
        if not courier.step():
            idle.wait(0.02)


def test_results_wait_for_a_server_and_arrive(tmp_path: Path) -> None:
    """While the server is away results wait; when it is there it holds exactly these objects."""
    bench = Bench(tmp_path)
    bench.receive("R", "CC")
    uids = answer_with_reports(bench, 4)
    pacs = Orthanc(tmp_path / "orthanc", options=dicomweb_options())
    courier = Courier(
        journal=bench.journal,
        destination=_web(pacs),
        calling_ae_title="MAMMO_AI",
        retry=Retry(first_s=0.05, max_s=0.2, jitter=0.0),
        owner="courier",
        clock=lambda: datetime.now(UTC),
    )
    _run_until(courier, lambda: bench.journal.overview()[0].deliveries[0].attempts >= 3)
    assert {d.state for d in bench.journal.overview()[0].deliveries} == {DeliveryState.PENDING}
    with pacs:
        _run_until(courier, lambda: bench.journal.overview()[0].state is StudyState.ANSWERED)
        assert pacs.sop_instance_uids() == set(uids)
    assert {d.last_status for d in bench.journal.overview()[0].deliveries} == {0x0000}


def test_basic_authentication(tmp_path: Path) -> None:
    """With the right password it is stored; with another the answer says what is wrong."""
    password = tmp_path / "password"
    item = write_report(tmp_path, 1)
    options = dicomweb_options({"node": "right"})
    with Orthanc(options=options, user=("node", "right")) as pacs:
        web = _web(pacs, username="node", password_file=password)
        password.write_text("wrong")
        (refused,) = send(web, "MAMMO_AI", [item])
        password.write_text("right\n")
        (stored,) = send(web, "MAMMO_AI", [item])
        assert pacs.sop_instance_uids() == {item.sop_instance_uid}
    assert isinstance(refused.failure, DestinationBusy)
    assert "401" in str(refused.failure)
    assert stored.status == 0x0000


def test_every_plain_syntax_is_taken(tmp_path: Path) -> None:
    """What a destination may be configured for is what a real server can store."""
    syntaxes = ("explicit", "implicit", "deflated")
    items = [write_report(tmp_path, number) for number, _ in enumerate(syntaxes, 1)]
    with Orthanc(options=dicomweb_options()) as pacs:
        for item, syntax in zip(items, syntaxes, strict=True):
            (outcome,) = send(_web(pacs, transfer_syntaxes=[syntax]), "MAMMO_AI", [item])
            assert outcome.status == 0x0000
        assert pacs.sop_instance_uids() == {item.sop_instance_uid for item in items}
