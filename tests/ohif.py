"""OHIF, the web viewer, as a user has it: built, served beside a DICOMweb server, in Chromium.

The page and the archive share one origin, as behind a hospital's reverse proxy: what begins
with ``/dicom-web`` goes to Orthanc, everything else is OHIF's own files.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.orthanc import Orthanc
from tests.peers import require

VERSION = "3.13.2"
#: As npm names it: dist.integrity of @ohif/app.
_INTEGRITY = (
    "WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="
)
_CONFIG = """
window.config = {
  routerBasename: '/', extensions: [], modes: [], customizationService: {},
  showStudyList: true, investigationalUseDialog: { option: 'never' },
  disableConfirmationPrompts: true, defaultDataSourceName: 'dicomweb',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
    sourceName: 'dicomweb',
    configuration: {
      friendlyName: 'Orthanc', name: 'orthanc',
      wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web', wadoRoot: '/dicom-web',
      qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      dicomUploadEnabled: false, omitQuotationForMultipartRequest: true,
      bulkDataURI: { enabled: true, relativeResolution: 'studies' },
    },
  }],
};
"""


def dist() -> Path:
    """Return the folder of OHIF's built files; fetched once by npm, and checked."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mammo-node-tests"
    folder = cache / f"ohif-{VERSION}"
    if not (folder / "package" / "dist" / "index.html").is_file():
        _fetch(folder)
    return folder / "package" / "dist"


def _fetch(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [require("npm"), "pack", f"@ohif/app@{VERSION}", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archive = folder / f"ohif-app-{VERSION}.tgz"
    if done.returncode or not archive.is_file():
        message = f"npm cannot fetch @ohif/app {VERSION}: {done.stderr.strip()[-200:]}"
        if os.environ.get("MAMMO_NODE_REQUIRE_PEERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    content = archive.read_bytes()
    assert b64encode(hashlib.sha512(content).digest()).decode() == _INTEGRITY
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    archive.unlink()


class _Pages(SimpleHTTPRequestHandler):
    """OHIF's files, its configuration, and the archive behind ``/dicom-web``."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, archive: int, **more: Any) -> None:
        self._archive = archive
        super().__init__(*arguments, **more)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's name
        """Keep the test's output quiet."""

    def end_headers(self) -> None:
        # Decoders share memory between threads: only isolated pages may.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/dicom-web"):
            self._forward()
        elif path == "/app-config.js":
            self._send(200, "text/javascript", _CONFIG.encode())
        else:
            if not (Path(self.directory) / path.lstrip("/")).is_file():
                self.path = "/index.html"
            super().do_GET()

    def _forward(self) -> None:
        url = f"http://127.0.0.1:{self._archive}{self.path}"
        # Orthanc names its own address in what it answers, unless it is told of the proxy.
        told = {
            "Accept": self.headers.get("Accept", "*/*"),
            "Forwarded": f"host={self.headers['Host']};proto=http",
        }
        asked = urllib.request.Request(url, headers=told)
        try:
            with urllib.request.urlopen(asked, timeout=60) as got:  # noqa: S310 - http, see above
                self._send(200, got.headers["Content-Type"], got.read())
        except urllib.error.HTTPError as error:
            self._send(error.code, "text/plain", error.read())

    def _send(self, status: int, kind: str | None, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(orthanc: Orthanc) -> Iterator[str]:
    """Serve OHIF on this Orthanc; give its address."""
    handler = partial(_Pages, archive=orthanc.http_port, directory=str(dist()))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
