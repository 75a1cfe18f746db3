"""The open associations of one process, each in a thread that sleeps until its peer sends."""

from __future__ import annotations

import threading
import time

from mammo_node import log
from mammo_node.dimse.association import Association
from mammo_node.dimse.occupancy import Occupancy

_LOG = log.get("dimse")

#: How long threads of killed associations may take to clean up.
_KILLED_S = 3.0


class Roster:
    """Starts associations, counts them out when they end, and ends them when asked.

    Parameters
    ----------
    occupancy : Occupancy
        Where each association and its connection were counted in before :meth:`start`.
    """

    def __init__(self, occupancy: Occupancy) -> None:
        self._occupancy = occupancy
        self._threads: dict[Association, threading.Thread] = {}
        self._lock = threading.Lock()

    def start(self, association: Association, acceptance: bytes) -> None:
        """Run an association in its own thread; its first act is to send ``acceptance``."""
        thread = threading.Thread(
            target=self._serve,
            args=(association, acceptance),
            name=association.info.association_id,
            daemon=True,  # a disk that hangs must not keep the process
        )
        with self._lock:
            self._threads[association] = thread
        try:
            thread.start()
        except RuntimeError:  # the system has no thread for us
            _LOG.warning("no-thread", peer_address=association.info.peer_address)
            association.refuse()
            self._end(association)

    def stop(self, grace_s: float) -> None:
        """End all: idle ones now, messages in flight within ``grace_s``, then the rest."""
        deadline = time.monotonic() + grace_s
        for association, _ in self._open():
            association.stop()
        for _, thread in self._open():
            thread.join(max(0.0, deadline - time.monotonic()))
        for association, _ in self._open():
            association.kill()
        for _, thread in self._open():
            thread.join(_KILLED_S)

    def _serve(self, association: Association, acceptance: bytes) -> None:
        try:
            association.run(acceptance)
        except Exception:  # noqa: BLE001 - the thread's boundary: it ends one association only
            _LOG.exception("association-failed", association_id=association.info.association_id)
        finally:
            self._end(association)

    def _end(self, association: Association) -> None:
        # The place is free again before the peer has taken its time to close.
        self._occupancy.leave()
        association.close()
        self._occupancy.disconnected()
        with self._lock:
            del self._threads[association]

    def _open(self) -> list[tuple[Association, threading.Thread]]:
        with self._lock:
            return list(self._threads.items())
