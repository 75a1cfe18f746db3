"""STOW-RS against servers that misbehave: an outcome for each object, in time, and no secrets."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from structlog.testing import capture_logs

from mammo_node.config import WebDestination
from mammo_node.deliver.http import retry_after_s
from mammo_node.deliver.sending import send
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.errors import (
    CredentialsUnavailable,
    DeliveryError,
    DestinationBusy,
    DestinationUnreachable,
    NotConnected,
    RequestRefused,
    ServerFailed,
)
from mammo_node.journal.retry import worth_retry
from tests.dicomweb import Request, dicomweb_server
from tests.peers import require
from tests.ports import free_port
from tests.unit.result_objects import write_report

_SECRET = "s3cr3t.t0ken-of-the_node"  # noqa: S105 - of this test alone


def _destination(url: str, **settings: Any) -> WebDestination:
    values = {"name": "web", "kind": "dicomweb", "url": url, **settings}
    return WebDestination.model_validate(
        {"connect_timeout_s": 2, "response_timeout_s": 2, **values}
    )


@pytest.fixture
def reports(tmp_path: Path) -> list[StoredObject]:
    return [write_report(tmp_path, number) for number in range(1, 5)]


def _send(url: str, items: list[StoredObject], **settings: Any) -> list[SendOutcome]:
    return list(send(_destination(url, **settings), "MAMMO_AI", items))


def test_a_batch_is_one_request_with_every_file(reports: list[StoredObject]) -> None:
    """The server gets the very files, and each object's outcome is a success."""
    with dicomweb_server(lambda r: r.store()) as server:
        outcomes = _send(server.url, reports)
    assert [(o.item, o.status) for o in outcomes] == [(item, 0x0000) for item in reports]
    (request,) = server.requests
    assert request.handler.path == "/dicom-web/studies"
    assert request.handler.headers["Accept"] == "application/dicom+json"
    assert request.files == [pydicom.dcmread(item.path) for item in reports]


def test_files_go_as_the_destination_wants_them(reports: list[StoredObject]) -> None:
    """The first transfer syntax of the destination is used, and its character set."""
    with dicomweb_server(lambda r: r.store()) as server:
        _send(server.url, reports[:1], transfer_syntaxes=["deflated"], character_set="ISO_IR 100")
    (file,) = server.requests[0].files
    assert file.file_meta.TransferSyntaxUID.name == "Deflated Explicit VR Little Endian"
    assert file.SpecificCharacterSet == "ISO_IR 100"


def test_each_instance_has_its_own_outcome(reports: list[StoredObject]) -> None:
    """Stored, warned, full, refused: 202 and 409 are read instance by instance."""
    one, two, three, four = (item.sop_instance_uid for item in reports)
    with dicomweb_server(
        lambda r: r.store(202, failed={three: 0xA700, four: 0xC122}, warned={two: 0xB000})
    ) as server:
        outcomes = _send(server.url, reports)
    assert [o.status for o in outcomes] == [0x0000, 0xB000, 0xA700, 0xC122]
    with dicomweb_server(lambda r: r.store(409, failed=dict.fromkeys(r.uids, 0x0110))) as server:
        outcomes = _send(server.url, reports)
    assert [o.status for o in outcomes] == [0x0110] * 4
    assert one == outcomes[0].item.sop_instance_uid


def test_a_failure_without_a_reason_is_a_failure(reports: list[StoredObject]) -> None:
    """409 with a failed item that says nothing is the processing failure of PS3.7."""
    with dicomweb_server(lambda r: r.store(409, failed=dict.fromkeys(r.uids))) as server:
        assert [o.status for o in _send(server.url, reports)] == [0x0110] * 4


def test_what_is_not_named_is_not_stored(reports: list[StoredObject]) -> None:
    """An instance that a 200 does not mention is tried again, not taken for delivered."""
    last = reports[-1].sop_instance_uid

    def forget(request: Request) -> None:
        request.files = [f for f in request.files if f.SOPInstanceUID != last]
        request.store()

    with dicomweb_server(forget) as server:
        outcomes = _send(server.url, reports)
    assert [o.status for o in outcomes] == [0, 0, 0, None]
    assert isinstance(outcomes[-1].failure, ServerFailed)
    assert worth_retry(outcomes[-1].failure)


@pytest.mark.parametrize(
    ("status", "headers", "error", "retried", "whole"),
    [
        (301, {"Location": "http://elsewhere.invalid/?t=x"}, RequestRefused, False, True),
        (307, {"Location": "/login"}, RequestRefused, False, True),
        (400, {}, RequestRefused, False, False),
        (401, {"WWW-Authenticate": "Bearer"}, DestinationBusy, True, True),
        (403, {}, RequestRefused, False, True),
        (404, {}, RequestRefused, False, True),
        (405, {}, RequestRefused, False, True),
        (413, {}, RequestRefused, False, False),
        (415, {}, RequestRefused, False, False),
        (418, {}, RequestRefused, False, True),
        (429, {"Retry-After": "120"}, DestinationBusy, True, True),
        (500, {}, ServerFailed, True, False),
        (502, {}, DestinationBusy, True, True),
        (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, DestinationBusy, True, True),
        (504, {}, DestinationBusy, True, True),
        (507, {}, ServerFailed, True, True),
        (599, {}, ServerFailed, True, True),
        (204, {}, RequestRefused, False, True),
    ],
)
def test_a_status_without_instances(
    status: int,
    headers: dict[str, str],
    error: type[DeliveryError],
    retried: bool,
    whole: bool,
    reports: list[StoredObject],
) -> None:
    """Each status is retried or left to a person; one that an object may cause is split."""
    body = b"" if status == 204 else b"patient DOE^JANE is unknown here"
    with dicomweb_server(lambda r: r.answer(status, body, headers)) as server:
        outcomes = _send(server.url, reports)
    assert {type(o.failure) for o in outcomes} == {error}
    assert {o.associated for o in outcomes} == {not whole}
    assert len(server.requests) == (1 if whole else 5)
    for outcome in outcomes:
        assert outcome.failure is not None
        assert worth_retry(outcome.failure) is retried
        assert str(status) in str(outcome.failure)
        assert "DOE" not in str(outcome.failure)
    if status == 429:
        assert [o.failure.retry_after_s for o in outcomes] == [120.0] * 4


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("Thu, 01 Jan 1970 00:20:00 GMT", 200),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("1e9", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float) -> None:
    """RFC 9110 10.2.3; what is neither asks for nothing."""
    assert retry_after_s(header, now_s=1000.0) == seconds


def test_one_object_that_a_server_cannot_take_does_not_stop_the_others(
    reports: list[StoredObject],
) -> None:
    """413 and 500 for a group are found out one by one: three stored, one refused."""
    bad = reports[2].sop_instance_uid
    for status in (413, 500, 400):
        with dicomweb_server(
            lambda r, s=status: r.answer(s) if bad in r.uids else r.store()
        ) as server:
            outcomes = _send(server.url, reports)
        assert [o.status for o in outcomes] == [0, 0, None, 0]
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>please log in</html>",
        b"{}{}",
        b"[]",
        b"[1]",
        b'[{"00081199": 5}]',
        b'[{"00081199": {"Value": [{}]}}]',
        b'[{"00081198": {"Value": [{"00081155": {"Value": ["1"]}, "00081197": {"Value": "x"}}]}}]',
        b"[" * 100_000,
        b"\xff\xfe",
        b"{}",
    ],
    ids=range(11),
)
def test_an_answer_that_is_none_has_stored_nothing(
    content: bytes, reports: list[StoredObject]
) -> None:
    """A 200 that names no instance, such as a login page's, is retried, never a success."""
    with dicomweb_server(lambda r: r.answer(200, content)) as server:
        outcomes = _send(server.url, reports)
    assert {type(o.failure) for o in outcomes} == {ServerFailed}


def _drips(request: Request) -> None:
    request.handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not request.done.wait(0.2):
        request.handler.wfile.write(b"x")
        request.handler.wfile.flush()


def _drips_its_body(request: Request) -> None:
    request.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not request.done.wait(0.2):
        request.handler.wfile.write(b" ")
        request.handler.wfile.flush()


def _floods(request: Request) -> None:
    request.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while not request.done.is_set():
        request.handler.wfile.write(b" " * 65536)


def _says(content: bytes) -> Callable[[Request], None]:
    def behave(request: Request) -> None:
        request.handler.wfile.write(content)
        request.cut()

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        lambda r: r.done.wait(30),
        _drips,
        _drips_its_body,
        _floods,
        Request.cut,
        _says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[{"),
        _says(b"SSH-2.0-OpenSSH\r\n"),
        _says(b"\x00" * 100),
    ],
    ids=["silent", "drip", "drip-body", "flood", "cut", "cut-body", "ssh", "zeros"],
)
def test_no_server_can_hold_us(
    behave: Callable[[Request], None], reports: list[StoredObject]
) -> None:
    """Silence, one byte at a time, too much, half an answer and nonsense end in time."""
    started = time.monotonic()
    with dicomweb_server(behave) as server:
        outcomes = _send(server.url, reports[:1], connect_timeout_s=0.5, response_timeout_s=0.5)
    assert isinstance(outcomes[0].failure, DestinationUnreachable)
    assert outcomes[0].associated
    assert time.monotonic() - started < 8


def test_a_server_that_dies_in_a_batch_is_not_asked_for_each(reports: list[StoredObject]) -> None:
    """The group breaks, then the first by itself: the others are left for the next round."""
    with dicomweb_server(Request.cut) as server:
        outcomes = _send(server.url, reports)
    assert isinstance(outcomes[0].failure, DestinationUnreachable)
    assert [o.tried for o in outcomes] == [True, False, False, False]
    assert len(server.requests) == 2


def test_a_server_that_closes_while_objects_are_sent_one_by_one(
    reports: list[StoredObject],
) -> None:
    """Once it says that it cannot now, the others are left for the next round, untried."""
    statuses = iter((413, 200, 503))

    def behave(request: Request) -> None:
        status = next(statuses)
        if status == 200:
            request.store()
        else:
            request.answer(status)

    with dicomweb_server(behave) as server:
        outcomes = _send(server.url, reports)
    assert outcomes[0].status == 0
    assert isinstance(outcomes[1].failure, DestinationBusy)
    assert not outcomes[1].associated
    assert [o.tried for o in outcomes] == [True, True, False, False]


def test_nobody_there_fails_the_whole_batch(reports: list[StoredObject]) -> None:
    """Connection refused and a name that does not resolve: of the server alone, retried."""
    for url in (f"http://127.0.0.1:{free_port()}/x", "http://no-such-host.invalid/"):
        outcomes = _send(url, reports)
        assert {type(o.failure) for o in outcomes} == {NotConnected}
        assert not any(o.associated for o in outcomes)


def test_a_missing_file_fails_alone(reports: list[StoredObject]) -> None:
    """An object that cannot be read does not hold up the others, and order is kept."""
    reports[1].path.unlink()
    with dicomweb_server(lambda r: r.store()) as server:
        outcomes = _send(server.url, reports)
    assert [o.status for o in outcomes] == [0, None, 0, 0]
    assert "cannot be read" in str(outcomes[1].failure)


def test_large_objects_go_in_requests_of_their_own(tmp_path: Path) -> None:
    """No request grows beyond the limit for groups, unless one object is larger."""
    items = [write_report(tmp_path, n, padding_bytes=20_000_000) for n in range(1, 4)]
    with dicomweb_server(lambda r: r.store()) as server:
        outcomes = _send(server.url, items, response_timeout_s=20)
    assert [o.status for o in outcomes] == [0, 0, 0]
    assert [len(r.files) for r in server.requests] == [1, 1, 1]


def _token(request: Request) -> None:
    wanted = f"Bearer {_SECRET}"
    if request.handler.headers["Authorization"] == wanted:
        request.store()
    else:
        request.answer(401)


def test_a_bearer_token_from_a_file_is_read_for_each_batch(
    reports: list[StoredObject], tmp_path: Path
) -> None:
    """A token that is renewed on disk is used at the next attempt, without a restart."""
    file = tmp_path / "token"
    file.write_text("expired\n")
    with dicomweb_server(_token) as server:
        first = _send(server.url, reports, token_file=file)
        file.write_text(f"{_SECRET}\n")
        second = _send(server.url, reports, token_file=file)
    assert {type(o.failure) for o in first} == {DestinationBusy}
    assert [o.status for o in second] == [0] * 4


def test_secrets_from_the_environment(
    reports: list[StoredObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token and password may come from variables; basic authentication is RFC 7617's."""
    variable = "MAMMO_TOKEN"
    monkeypatch.setenv(variable, _SECRET)
    with dicomweb_server(lambda r: r.store()) as server:
        _send(server.url, reports[:1], token_env=variable)
        _send(server.url, reports[:1], username="nöde", password_env=variable)
    bearer, basic = (r.handler.headers["Authorization"] for r in server.requests)
    assert bearer == f"Bearer {_SECRET}"
    assert base64.b64decode(basic.removeprefix("Basic ")).decode() == f"nöde:{_SECRET}"


@pytest.mark.parametrize("content", [None, "", "two words", "bad\nheader", "ümlaut"])
def test_a_token_that_cannot_be_one_is_told_without_being_told(
    content: str | None, reports: list[StoredObject], tmp_path: Path
) -> None:
    """A missing, empty or impossible token names its place, is never sent and never shown."""
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with dicomweb_server(lambda r: r.store()) as server:
        outcomes = _send(server.url, reports, token_file=file)
    assert {type(o.failure) for o in outcomes} == {CredentialsUnavailable}
    assert str(file) in str(outcomes[0].failure)
    assert not content or content not in str(outcomes[0].failure)
    assert server.requests == []


def test_no_secret_in_logs_or_errors(
    reports: list[StoredObject], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever goes wrong, the token stands in no failure, log line or traceback."""
    file = tmp_path / "token"
    file.write_text(_SECRET)
    said = []
    with capture_logs() as lines:
        for behave in (_says(b"nonsense"), lambda r: r.answer(500), lambda r: r.answer(302)):
            with dicomweb_server(behave) as server:
                said += [repr(o) for o in _send(server.url, reports, token_file=file)]
    captured = capfd.readouterr()
    assert _SECRET not in "".join([*said, str(lines), captured.out, captured.err])


def test_proxies_of_the_environment_are_not_used(
    reports: list[StoredObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results and tokens go to the configured server, whatever the environment says."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    with dicomweb_server(lambda r: r.store()) as server:
        assert _send(server.url, reports[:1])[0].status == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, made anew: nothing that expires is kept."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [require("openssl"), "req", "-x509", *options, *names, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_tls_is_checked_against_the_given_authority(
    reports: list[StoredObject], certificate: tuple[Path, Path]
) -> None:
    """With ca_file it is trusted; without, not connected; unchecked only where it is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with dicomweb_server(lambda r: r.store(), context) as server:
        url = server.url.replace("http:", "https:")
        (trusted,) = _send(url, reports[:1], ca_file=certificate[0])
        (unknown,) = _send(url, reports[:1])
        (unchecked,) = _send(url, reports[:1], tls_verify=False)
    assert (trusted.status, unchecked.status) == (0, 0)
    assert isinstance(unknown.failure, NotConnected)
    assert "CERTIFICATE_VERIFY_FAILED" in str(unknown.failure)


def test_a_missing_authority_is_a_refusal_with_its_path(
    reports: list[StoredObject], tmp_path: Path
) -> None:
    """A ca_file that is not there is for a person, and named."""
    (outcome,) = _send("https://127.0.0.1:1/", reports[:1], ca_file=tmp_path / "none.pem")
    assert isinstance(outcome.failure, RequestRefused)
    assert "none.pem" in str(outcome.failure)


def test_a_tls_handshake_that_stalls_ends_in_time(reports: list[StoredObject]) -> None:
    """A server that accepts and then says nothing of TLS costs the connect deadline."""
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        started = time.monotonic()
        (outcome,) = _send(url, reports[:1], connect_timeout_s=0.5)
        stopped.set()
    assert isinstance(outcome.failure, NotConnected)
    assert time.monotonic() - started < 5
