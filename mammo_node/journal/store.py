"""The SQLite file under the journal: connection, transactions, and changes of state.

Rules:

* The only importer of :mod:`sqlite3`. SQL lives in ``schema.sql`` and ``queries.sql``.
* Writes begin IMMEDIATE and are durable when they return (WAL, ``synchronous=FULL``):
  several processes may hold the same file open, one writes at a time.
* A state column is written by :meth:`Transaction.move` only, which asks the transition
  table and leaves an event row in the same transaction.
* One :class:`Store` may be shared by threads; a forked process opens its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from mammo_node.errors import JournalError, OutOfResources
from mammo_node.journal.states import Event, Machine, State, next_state
from mammo_node.journal.times import to_text

#: Goes up with every change of schema.sql, with a migration-N.sql that leads there from the
#: version before; stands in the file as PRAGMA user_version.
SCHEMA_VERSION = 3
_BUSY_TIMEOUT_S = 30.0
_MARK = "-- name:"
#: Primary result codes (https://www.sqlite.org/rescode.html) that pass when space or time comes.
_EXHAUSTED = frozenset(
    (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
    )
)

Row = sqlite3.Row


class Store:
    """One connection to the journal's file.

    Parameters
    ----------
    path : Path
        The file; made where it is missing. Paths in it are kept relative to its folder.
    busy_timeout_s : float
        How long a write waits for another process's.

    Raises
    ------
    JournalError
        If the file is of a newer version of this software, or no journal.
    OutOfResources
        If it cannot be opened or made for lack of space or rights.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = _BUSY_TIMEOUT_S) -> None:
        self.path = path.absolute()
        self._queries = load_queries()
        self._lock = threading.RLock()
        self._process = os.getpid()
        with _translated(self.path):
            self._connection = _connect(self.path, busy_timeout_s)
            try:
                _prepare(self._connection, self.path)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Run the block in one durable transaction, rolled back on any exception."""
        with self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Run the block on one snapshot."""
        with self._transaction("BEGIN") as transaction:
            yield transaction

    def check_integrity(self) -> None:
        """Look through the whole file.

        Raises
        ------
        JournalError
            If it is damaged; the message says where and what to do.
        """
        with self._lock, _translated(self.path):
            findings = [row[0] for row in self._connection.execute("PRAGMA quick_check(3)")]
        if findings != ["ok"]:
            raise JournalError(_damaged(self.path, "; ".join(findings)))

    def to_stored(self, path: Path) -> str:
        """Return a path as it stands in the file: relative to the storage folder, if inside."""
        folder = self.path.parent
        path = path.absolute()
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def from_stored(self, stored: str) -> Path:
        """Return the absolute path again."""
        return self.path.parent / stored

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        if os.getpid() != self._process:
            raise JournalError("a journal must be opened in the process that uses it")
        with self._lock, _translated(self.path):
            self._connection.execute(begin)
            try:
                yield Transaction(self._connection, self._queries)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


class Transaction:
    """What can be done inside a transaction: named queries, births and moves."""

    def __init__(self, connection: sqlite3.Connection, queries: Mapping[str, str]) -> None:
        self._connection = connection
        self._queries = queries

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Return all rows of a query of queries.sql."""
        return self._execute(query, parameters).fetchall()

    def row(self, query: str, **parameters: Any) -> Row | None:
        """Return the first row, or None."""
        found: Row | None = self._execute(query, parameters).fetchone()
        return found

    def insert(self, query: str, **parameters: Any) -> int:
        """Run an INSERT and return the id of the new row."""
        return int(self._execute(query, parameters).lastrowid or 0)

    def change(self, query: str, **parameters: Any) -> int:
        """Run an UPDATE or DELETE and return how many rows it touched."""
        return self._execute(query, parameters).rowcount

    def bear(
        self, machine: Machine, query: str, event: Event, at: datetime, **parameters: Any
    ) -> int:
        """Insert a row in the state that ``event`` gives birth to; return its id.

        The query takes ``:state`` and may take ``:at`` besides ``parameters``.
        """
        state = next_state(machine, None, event)
        entity_id = self.insert(query, state=state.value, at=to_text(at), **parameters)
        self._note(machine, entity_id, event, at, to_state=state.value)
        return entity_id

    def move(
        self,
        machine: Machine,
        entity_id: int,
        event: Event,
        at: datetime,
        *,
        reason: str | None = None,
    ) -> State:
        """Change a state by the transition table and write its event row.

        Raises
        ------
        IllegalTransition
            If the table does not know the step; nothing is changed then.
        JournalError
            If there is no such row.
        """
        found = self.row(f"{machine}_state", id=entity_id)
        if found is None:
            raise JournalError(f"there is no {machine} {entity_id}")
        state = next_state(machine, found["state"], event)
        self.change(f"set_{machine}_state", id=entity_id, state=state.value)
        before = found["state"]
        self._note(
            machine, entity_id, event, at, from_state=before, to_state=state.value, reason=reason
        )
        return state

    def _note(
        self,
        machine: Machine,
        entity_id: int,
        event: Event,
        at: datetime,
        *,
        from_state: str | None = None,
        to_state: str,
        reason: str | None = None,
    ) -> None:
        self.insert(
            "insert_event",
            at=to_text(at),
            entity=machine.value,
            entity_id=entity_id,
            event=event.value,
            from_state=from_state,
            to_state=to_state,
            reason=reason,
        )

    def _execute(self, query: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        return self._connection.execute(self._queries[query], parameters)


def load_queries() -> dict[str, str]:
    """Return the statements of queries.sql by name.

    Raises
    ------
    JournalError
        If a name is there twice.
    """
    queries: dict[str, str] = {}
    for block in _resource("queries.sql").split(_MARK)[1:]:
        name, _, statement = block.partition("\n")
        if name.strip() in queries:
            raise JournalError(f"queries.sql has {name.strip()!r} twice")
        queries[name.strip()] = statement.strip()
    return queries


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file; bring ours up to date; refuse all others."""
    if _version(connection) != SCHEMA_VERSION:
        # A migration makes tables anew that others refer to; outside a transaction only.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Looked at again under the lock: another process may just have made the file.
            _bring_up_to_date(connection, path, _version(connection))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise JournalError(
            f"{path} is a journal of version {version}, this software knows version"
            f" {SCHEMA_VERSION}: install the newer software again, or use another storage folder"
        )
    if version == 0:
        _create(connection, path)
        version = SCHEMA_VERSION
    for following in range(version + 1, SCHEMA_VERSION + 1):
        _run(connection, f"migration-{following}.sql")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _create(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalError(f"{path} is an SQLite file, but no journal: use another storage folder")
    _run(connection, "schema.sql")


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in _statements(_resource(script)):
        connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split a script; a trigger with its inner semicolons stays whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in _EXHAUSTED:
            raise OutOfResources(f"the journal {path} cannot be used for now: {error}") from error
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise JournalError(_damaged(path, str(error))) from error
        raise JournalError(f"{path}: {error}") from error


def _damaged(path: Path, findings: str) -> str:
    return (
        f"the journal {path} is damaged ({findings}): stop the node, keep a copy, and restore"
        " it from a backup or with 'sqlite3 journal.db .recover'"
    )
