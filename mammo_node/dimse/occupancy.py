"""How many connections and associations each receiver process has, in memory that all share.

Every process writes its own slot alone and reads all, so that no lock is needed that a
killed process would keep. :meth:`Occupancy.enter` counts first and looks second: with two
at the same moment both may be turned away, but the limit is never exceeded.
"""

from __future__ import annotations

import mmap
import threading

_FIELDS = 2
_CONNECTIONS, _ASSOCIATIONS = range(_FIELDS)
_FIELD_BYTES = 8


class Occupancy:
    """The shared counters, seen from one slot.

    Parameters
    ----------
    memory : mmap.mmap
        Shared by all processes, :meth:`size` bytes, zero at first.
    slot : int
        The slot of this process.
    """

    def __init__(self, memory: mmap.mmap, slot: int = 0) -> None:
        self._counts = memoryview(memory).cast("q")
        self._slot = slot
        self._lock = threading.Lock()

    @staticmethod
    def size(slots: int) -> int:
        """Return the bytes needed for so many processes."""
        return slots * _FIELDS * _FIELD_BYTES

    @property
    def associations(self) -> int:
        """Open associations over all processes."""
        return sum(self._counts[_ASSOCIATIONS::_FIELDS])

    @property
    def surplus(self) -> int:
        """How many connections more this process has than the one that has fewest."""
        connections = self._counts[_CONNECTIONS::_FIELDS]
        return connections[self._slot] - min(connections)

    def enter(self, limit: int) -> bool:
        """Count an association in, unless there are ``limit`` already; return whether."""
        self._add(_ASSOCIATIONS, 1)
        if self.associations <= limit:
            return True
        self._add(_ASSOCIATIONS, -1)
        return False

    def leave(self) -> None:
        """Count an association out."""
        self._add(_ASSOCIATIONS, -1)

    def connected(self) -> None:
        """Count a connection in."""
        self._add(_CONNECTIONS, 1)

    def disconnected(self) -> None:
        """Count a connection out."""
        self._add(_CONNECTIONS, -1)

    def clear(self, slot: int) -> None:
        """Forget what a process that died had open."""
        for field in range(_FIELDS):
            self._counts[slot * _FIELDS + field] = 0

    def _add(self, field: int, step: int) -> None:
        with self._lock:
            self._counts[self._slot * _FIELDS + field] += step
