"""Bytes from a peer, through one buffer of fixed size, each wait with a deadline.

Rules:

* Memory does not depend on what the peer sends or claims.
* A view that was handed out is valid until the next call.
* The socket's timeout is poll(2)'s, so descriptors above 1023 are as good as any.
"""

from __future__ import annotations

import socket
import time

from mammo_node.errors import DeadlineExceeded, PeerGone

#: Large enough that a system call costs nothing beside the copy, small enough for 32 peers.
BUFFER_BYTES = 1 << 20


class Inbox:
    """The receiving half of a connection.

    Parameters
    ----------
    sock : socket.socket
        A connected stream socket; its timeout is changed by every wait.
    capacity : int
        Size of the buffer in bytes.
    """

    def __init__(self, sock: socket.socket, capacity: int = BUFFER_BYTES) -> None:
        self._socket = sock
        self._view = memoryview(bytearray(capacity))
        self._start = 0
        self._end = 0

    def wait(self, deadline: float) -> None:
        """Return when at least one byte is there.

        Parameters
        ----------
        deadline : float
            On the clock of :func:`time.monotonic`.

        Raises
        ------
        DeadlineExceeded
            If nothing came in time.
        PeerGone
            If the connection closed or broke.
        """
        if self._start == self._end:
            self._fill(deadline)

    def exactly(self, count: int, deadline: float) -> memoryview:
        """Take ``count`` bytes, at most the capacity, in one piece. Raises as :meth:`wait`."""
        while self._end - self._start < count:
            self._fill(deadline)
        return self._take(count)

    def at_most(self, count: int, deadline: float) -> memoryview:
        """Take what is there, at least one byte, at most ``count``. Raises as :meth:`wait`."""
        self.wait(deadline)
        return self._take(min(count, self._end - self._start))

    def _take(self, count: int) -> memoryview:
        taken = self._view[self._start : self._start + count]
        self._start += count
        return taken

    def _fill(self, deadline: float) -> None:
        self._make_room()
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise DeadlineExceeded("the peer sent too little in time")
        try:
            self._socket.settimeout(remaining)
            count = self._socket.recv_into(self._view[self._end :])
        except TimeoutError as error:
            raise DeadlineExceeded("the peer sent nothing in time") from error
        except OSError as error:
            raise PeerGone(f"the connection broke: {error.strerror or error}") from error
        if count == 0:
            raise PeerGone("the peer closed the connection without a release")
        self._end += count

    def _make_room(self) -> None:
        # What is left over is at most a header, except where exactly() waits for more.
        left = self._end - self._start
        if self._start:
            self._view[:left] = bytes(self._view[self._start : self._end])
            self._start, self._end = 0, left
