"""Files on disk: written aside, fsynced, renamed in place, and only then spoken of.

Rules:

* A file in ``studies/`` or ``results/`` is whole and durable: it was written in
  ``incoming/``, fsynced, renamed, and its folder fsynced, in this order.
* Files are named by ids of our own. Nothing that a peer sent becomes part of a path.
* An :class:`IncomingFile` that is not committed leaves neither file nor descriptor behind.
* Whatever the operating system refuses here (full disk, quota, descriptors) is
  :class:`~mammo_node.errors.OutOfResources`: the sender shall try again later.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from mammo_node.errors import JournalError, OutOfResources

_SAFE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}(\.[a-z0-9]{1,8})?", re.ASCII)
_FOLDER_MODE = 0o750
_FILE_MODE = 0o640


class Spool:
    """The storage folder: ``incoming/``, ``studies/``, ``results/`` and ``orphans/``.

    Parameters
    ----------
    root : Path
        The storage folder; it and its sub-folders are made where they are missing. All of
        it must lie on one local file system, for a rename across two is not atomic.

    Raises
    ------
    OutOfResources
        If the folders cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.incoming = self.root / "incoming"
        self.studies = self.root / "studies"
        self.results = self.root / "results"
        self.orphans = self.root / "orphans"
        with _translated(f"cannot prepare {self.root}"):
            for folder in (self.incoming, self.studies, self.results, self.orphans):
                folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)

    def open_incoming(self) -> IncomingFile:
        """Open a new temporary file in ``incoming/``; use it in a ``with`` statement.

        Raises
        ------
        OutOfResources
            If it cannot be created.
        """
        return IncomingFile(self.incoming, self.studies)

    def write_result(self, name: str, content: bytes | memoryview) -> Path:
        """Store a result object durably as ``results/<name>``, replacing an earlier one.

        Raises
        ------
        OutOfResources
            If the disk does not take it; nothing is left behind then.
        """
        with IncomingFile(self.incoming, self.results) as file:
            file.write(content)
            return file.commit(name)

    def free_bytes(self) -> int:
        """Return the space left for an unprivileged process on the spool's file system."""
        with _translated(f"cannot look at {self.root}"):
            return shutil.disk_usage(self.root).free

    def move_to_orphans(self, path: Path) -> Path:
        """Put a file that no row of the journal knows aside, for a person to look at."""
        target = self.orphans / path.name
        with _translated(f"cannot move {path.name} to {self.orphans}"):
            path.rename(target)
            _fsync_folder(self.orphans)
            _fsync_folder(path.parent)
        return target

    def sweep_orphans(self, before: datetime) -> int:
        """Delete orphans that were last written before then; return how many."""
        swept = 0
        for path in self.orphans.iterdir():
            # A person may delete them at the same time.
            with _translated(f"cannot delete {path.name}"), suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    swept += 1
        return swept

    def remove(self, path: Path) -> bool:
        """Delete a file of this spool; return whether it was there.

        Raises
        ------
        JournalError
            If the path does not lie in this spool: nothing else is ever deleted.
        """
        if not path.absolute().is_relative_to(self.root) or ".." in path.parts:
            raise JournalError(f"{path} is not a file of the spool {self.root}")
        with _translated(f"cannot delete {path}"):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the storage folder for this process: one node per folder.

        A POSIX record lock: it dies with the process, and child processes do not share it.

        Raises
        ------
        JournalError
            If another process holds it.
        """
        path = self.root / "lock"
        with _translated(f"cannot open {path}"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JournalError(
                    f"another node already uses {self.root}: stop it first"
                ) from error
            yield
        finally:
            os.close(descriptor)


class IncomingFile:
    """A file being received: a temporary name until :meth:`commit`, gone on any exception."""

    def __init__(self, incoming: Path, target: Path) -> None:
        self._target = target
        self.id = uuid.uuid4().hex
        self.path = incoming / f"{self.id}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = -1
        with _translated("cannot create a file in incoming/"):
            self._descriptor = os.open(self.path, flags, _FILE_MODE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def fileno(self) -> int:
        """Return the descriptor, open for reading and writing; -1 once released."""
        return self._descriptor

    def write(self, content: bytes | memoryview) -> None:
        """Append all of ``content``.

        Raises
        ------
        OutOfResources
            If the disk is full or the file cannot grow.
        """
        view = memoryview(content).cast("B")
        with _translated("cannot write to the spool"):
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self, name: str | None = None) -> Path:
        """Make the file durable under its final name and release the descriptor.

        Parameters
        ----------
        name : str or None
            Our own name: lower-case letters, digits, ``_`` and ``-``, with at most one
            suffix; by default this file's id with ``.dcm``.

        Returns
        -------
        Path
            The whole, fsynced file in its final folder.

        Raises
        ------
        OutOfResources
            If it cannot be made durable; then neither name exists.
        ValueError
            If the name is none of ours.
        """
        name = f"{self.id}.dcm" if name is None else name
        if not _SAFE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of the spool's own making")
        final = self._target / name
        try:
            with _translated(f"cannot store {name}"):
                os.fsync(self._descriptor)
                self._close()
                self.path.rename(final)
                _fsync_folder(self._target)
        except BaseException:
            with suppress(OSError):  # the first failure is the one to tell
                final.unlink(missing_ok=True)
            self.discard()
            raise
        return final

    def discard(self) -> None:
        """Release the descriptor and the temporary file; harmless after commit."""
        self._close()
        with suppress(OSError):  # what cannot be deleted now is swept at the next start
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutOfResources(f"{what}: {error.strerror or error}") from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
