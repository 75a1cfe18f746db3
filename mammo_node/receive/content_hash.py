"""The content hash of a received file, computed while the disk is busy with it.

Hashing takes about as long as fsync does, and the two need different things: one a
processor, the other the disk. So the hash is read back from the page cache in a thread of
its own while the file is made durable, instead of holding up each fragment on its way in.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from mammo_node.errors import OutOfResources


class ContentHash:
    """SHA-256 of a file from an offset on; use it in a ``with`` statement around the fsync.

    Parameters
    ----------
    path : Path
        The file, complete. It may be renamed or removed meanwhile.
    offset : int
        Where the dataset begins, bytes.

    Raises
    ------
    OutOfResources
        If the file cannot be opened.
    """

    def __init__(self, path: Path, offset: int) -> None:
        self._digest = ""
        self._failure: OSError | None = None
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(error) from error
        self._file.seek(offset)
        self._thread = threading.Thread(target=self._compute, name="content hash")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.join()
        self._file.close()

    def hexdigest(self) -> str:
        """Return the hash, after the ``with`` block.

        Raises
        ------
        OutOfResources
            If the file could not be read to its end.
        """
        if self._failure is not None:
            raise _unreadable(self._failure) from self._failure
        return self._digest

    def _compute(self) -> None:
        try:
            self._digest = hashlib.file_digest(self._file, "sha256").hexdigest()
        except OSError as error:
            self._failure = error


def _unreadable(error: OSError) -> OutOfResources:
    return OutOfResources(f"the spool cannot be read: {error.strerror}")
