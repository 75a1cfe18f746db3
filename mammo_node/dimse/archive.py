"""A small local PACS for the demonstration: it stores what it is sent, and says what came.

It takes any storage SOP class that results use, from anybody, into one folder. It is a
partner to show the node with, not an archive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pynetdicom import AE, AllStoragePresentationContexts, evt

#: Verification SOP Class (PS3.4 A.4).
_VERIFICATION = "1.2.840.10008.1.1"
#: PS3.4 B.2-1: success, and "cannot understand".
_SUCCESS = 0x0000
_CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object the archive holds."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    modality: str
    calling_ae_title: str


class LocalArchive:
    """A Storage SCP on a free port of the loopback interface.

    Parameters
    ----------
    folder : Path
        Where objects are written, as ``<modality>-<number>.dcm``.
    ae_title : str
        AE title to answer to.
    port : int
        TCP port; 0 takes a free one.
    """

    def __init__(self, folder: Path, ae_title: str = "DEMO_PACS", port: int = 0) -> None:
        self._folder = folder
        self._ae_title = ae_title
        self._port = port
        self._stored: list[StoredObject] = []
        self._changed = threading.Condition()
        self._server: Any = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        ae = AE(ae_title=self._ae_title)
        ae.supported_contexts = AllStoragePresentationContexts
        ae.add_supported_context(_VERIFICATION)
        self._server = ae.start_server(
            ("127.0.0.1", self._port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self._server.server_address[1])

    def wait_for(
        self, enough: Callable[[tuple[StoredObject, ...]], bool], timeout_s: float
    ) -> tuple[StoredObject, ...]:
        """Return what is stored as soon as it is enough, or when the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: enough(tuple(self._stored)), timeout=timeout_s)
            return tuple(self._stored)

    def _store(self, event: Any) -> int:
        try:
            dataset = event.dataset
            uid, modality = str(dataset.SOPInstanceUID), str(dataset.Modality)
        except (AttributeError, ValueError):
            return _CANNOT_UNDERSTAND
        with self._changed:
            path = self._folder / f"{modality}-{len(self._stored) + 1:03d}.dcm"
            path.write_bytes(event.encoded_dataset())
            calling = event.assoc.requestor.ae_title
            self._stored.append(
                StoredObject(path, str(dataset.SOPClassUID), uid, modality, calling)
            )
            self._changed.notify_all()
        return _SUCCESS
