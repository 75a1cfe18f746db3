"""A moment's SCP for a commitment report, for a probe while the node itself does not run."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from mammo_node.dimse.negotiation import STORAGE_COMMITMENT_PUSH_MODEL

_SUCCESS = 0x0000


class ReportListener:
    """Takes N-EVENT-REPORTs of storage commitment; use it in a ``with`` statement.

    Parameters
    ----------
    ae_title : str
        What peers must call.
    address : tuple of (str, int)
        Where to listen.

    Raises
    ------
    OSError
        On entering, if the address is taken.
    """

    def __init__(self, ae_title: str, address: tuple[str, int]) -> None:
        self._ae_title = ae_title
        self._address = address
        self._reports: list[Dataset] = []
        self._lock = threading.Lock()
        self._server: Any = None

    def __enter__(self) -> Self:
        ae = AE(ae_title=self._ae_title)
        ae.require_called_aet = True
        # The peer is the SCP of commitment, although it calls (PS3.7 D.3.3.4).
        ae.add_supported_context(STORAGE_COMMITMENT_PUSH_MODEL, scu_role=False, scp_role=True)
        self._server = ae.start_server(
            self._address, block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._take)]
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    def take(self, information: Dataset) -> int:
        """Take a report, from wherever it came; return the status to answer."""
        with self._lock:
            self._reports.append(information)
        return _SUCCESS

    def report(self, transaction_uid: str) -> Dataset | None:
        """Return the report of a transaction, or None while there is none."""
        with self._lock:
            found = (r for r in self._reports if r.get("TransactionUID") == transaction_uid)
            return next(found, None)

    def _take(self, event: Any) -> tuple[int, None]:
        return self.take(event.event_information), None
