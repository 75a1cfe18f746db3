"""A DICOMweb server that answers what it is told, and remembers what it was asked."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pydicom

Behaviour = Callable[["Request"], None]


@dataclass
class Request:
    """One request, and the means to answer it."""

    handler: BaseHTTPRequestHandler
    body: bytes
    files: list[pydicom.Dataset]
    done: threading.Event

    @property
    def uids(self) -> list[str]:
        return [str(file.SOPInstanceUID) for file in self.files]

    def answer(
        self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.handler.send_response(status)
        for name, value in {"Content-Type": "application/dicom+json", **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def store(
        self,
        status: int = 200,
        failed: Mapping[str, int | None] | None = None,
        warned: Mapping[str, int] | None = None,
    ) -> None:
        failed = failed or {}
        stored = [uid for uid in self.uids if uid not in failed]
        self.answer(status, store_response(stored, failed, warned or {}))

    def cut(self) -> None:
        self.handler.close_connection = True
        self.handler.connection.close()


def store_response(
    stored: Iterable[str], failed: Mapping[str, int | None], warned: Mapping[str, int]
) -> bytes:
    """Return a Store Instances Response Module in DICOM JSON."""

    def item(uid: str, tag: str, reason: int | None) -> dict[str, Any]:
        values: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
        if reason is not None:
            values[tag] = {"vr": "US", "Value": [reason]}
        return values

    ds: dict[str, Any] = {
        "00081199": {
            "vr": "SQ",
            "Value": [item(uid, "00081196", warned.get(uid)) for uid in stored],
        },
        "00081198": {
            "vr": "SQ",
            "Value": [item(uid, "00081197", reason) for uid, reason in failed.items()],
        },
    }
    return json.dumps([ds]).encode()


@dataclass
class DicomWebServer:
    """A running server."""

    port: int
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicom-web"


@contextmanager
def dicomweb_server(behave: Behaviour, context: Any = None) -> Iterator[DicomWebServer]:
    """Run a server on a free port; ``context`` is an SSLContext for https."""
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            files = _parts(self.headers["Content-Type"], body)
            request = Request(self, body, files, done)
            server.requests.append(request)
            behave(request)

        def do_GET(self) -> None:
            request = Request(self, b"", [], done)
            server.requests.append(request)
            behave(request)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away is what some tests are about."""

    listener = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    server = DicomWebServer(listener.server_address[1])
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        done.set()
        listener.shutdown()
        thread.join(10)
        listener.server_close()


def _parts(content_type: str, body: bytes) -> list[pydicom.Dataset]:
    assert content_type.startswith('multipart/related; type="application/dicom"; boundary=')
    boundary = b"--" + content_type.rpartition("boundary=")[2].encode()
    first, *parts, last = body.split(boundary)
    assert (first, last) == (b"", b"--\r\n")
    files = []
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        assert head == b"\r\nContent-Type: application/dicom"
        assert content.endswith(b"\r\n")
        files.append(pydicom.dcmread(io.BytesIO(content[:-2])))
    return files
