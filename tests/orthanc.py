"""Orthanc as a PACS under test: started on free ports, asked over REST, thrown away."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers import require, require_file
from tests.ports import free_port

_START_S = 90.0  # half a second, but for machines that do much else
_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def dicomweb_options(users: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return options for an Orthanc with its DICOMweb plugin, at ``/dicom-web``."""
    plugin = require_file(_DICOMWEB, "orthanc-dicomweb")
    return {
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "AuthenticationEnabled": users is not None,
        "RegisteredUsers": dict(users or {}),
    }


class Orthanc:
    """A running Orthanc; use it in a ``with`` statement.

    Parameters
    ----------
    folder : Path or None
        Storage, kept over a restart; by default a temporary one that is deleted at the end.
    ae_title : str
        Its AE title.
    dicom_port, http_port : int
        0 takes free ones; given ones let a peer come back where it was.
    options : mapping
        Merged over the configuration, e.g. ``{"DicomModalities": {...}}``.
    user : tuple of str or None
        Name and password for its REST interface.
    """

    def __init__(
        self,
        folder: Path | None = None,
        ae_title: str = "ORTHANC",
        dicom_port: int = 0,
        http_port: int = 0,
        options: Mapping[str, Any] | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        self._program = require("Orthanc")
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="orthanc-"))
        self.ae_title = ae_title
        self.dicom_port = dicom_port or free_port()
        self.http_port = http_port or free_port()
        self._options = dict(options or {})
        pair = base64.b64encode(":".join(user or ()).encode()).decode()
        self._headers = {"Authorization": f"Basic {pair}"} if user else {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration()))
        self._log = (self.folder / "orthanc.log").open("ab")
        self._process = subprocess.Popen(
            [self._program, str(configuration)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # Debian's DCMTK runs with Nagle on: 44 ms a message without this.
            env={**os.environ, "TCP_NODELAY": "1"},
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """End the process; the storage stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)
            self._process = None
            self._log.close()

    def get(self, path: str) -> Any:
        """GET a REST resource and return its JSON."""
        return json.loads(self.get_bytes(path))

    def get_bytes(self, path: str) -> bytes:
        """GET a REST resource."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        request = urllib.request.Request(url, headers=self._headers)
        with urllib.request.urlopen(request, timeout=30) as got:  # noqa: S310 - http, see above
            return bytes(got.read())

    def post(self, path: str, body: Any) -> Any:
        """POST JSON to a REST resource and return the answer's."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}",
            data=body if isinstance(body, bytes) else json.dumps(body).encode(),
            method="POST",
            headers=self._headers,
        )
        with urllib.request.urlopen(request, timeout=60) as got:  # noqa: S310 - http, see above
            return json.loads(got.read() or b"null")

    def sop_instance_uids(self) -> set[str]:
        """Return the SOP Instance UIDs of everything it holds."""
        return {
            instance["MainDicomTags"]["SOPInstanceUID"]
            for instance in self.get("/instances?expand")
        }

    def delete(self, sop_instance_uid: str) -> None:
        """Delete one instance."""
        for instance in self.get("/instances?expand"):
            if instance["MainDicomTags"]["SOPInstanceUID"] == sop_instance_uid:
                url = f"http://127.0.0.1:{self.http_port}/instances/{instance['ID']}"
                request = urllib.request.Request(url, method="DELETE", headers=self._headers)
                urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - http, see above

    def files(self) -> dict[str, bytes]:
        """Return every stored file by SOP Instance UID, as Orthanc gives it out."""
        return {
            instance["MainDicomTags"]["SOPInstanceUID"]: self.get_bytes(
                f"/instances/{instance['ID']}/file"
            )
            for instance in self.get("/instances?expand")
        }

    def _configuration(self) -> dict[str, Any]:
        return {
            "Name": "test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "Plugins": [],
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": self.ae_title,
            "DicomPort": self.dicom_port,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": True,
            **self._options,
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self.get("/system")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self.folder / "orthanc.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"Orthanc does not start: {log}") from None
                time.sleep(0.05)
