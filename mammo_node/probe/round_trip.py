"""A commitment from request to report: through the running node, or in its place.

The peer reports to our AE title's address. While the node runs it has the port, so that the
transaction is noted in its journal and looked up there; else the probe listens itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic

from pydicom.dataset import Dataset

from mammo_node.config import Local
from mammo_node.deliver.commitment import new_transaction_uid
from mammo_node.destination import Destination
from mammo_node.dimse.commitment import OnReport, request_commitment
from mammo_node.dimse.report_listener import ReportListener
from mammo_node.errors import DeliveryError, MammoNodeError
from mammo_node.header.commitment import report_of
from mammo_node.journal.journal import Journal
from mammo_node.probe.steps import Step, Verdict
from mammo_node.probe.test_object import TestObject

_NAME = "storage commitment"
_REPORT_S = 20.0
_PAUSE_S = 0.2
#: A report on our own association comes at once, or not that way.
_LINGER_S = 1.0
_SUCCESS = 0x0000

#: Returns how many objects were committed to and refused, or None while there is no report.
_Result = Callable[[], tuple[int, int] | None]


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How to get at a report.

    Parameters
    ----------
    local : Local
        The node's address, where peers report to.
    journal : Path
        The node's journal; need not be there.
    now : callable
        The clock, UTC.
    pause : callable
        Waits so many seconds.
    report_s : float
        How long to wait for a report.
    """

    local: Local
    journal: Path
    now: Callable[[], datetime]
    pause: Callable[[float], object]
    report_s: float = _REPORT_S

    def run(self, destination: Destination, calling_ae_title: str, test: TestObject) -> Step:
        """Ask for a commitment to the test object and wait for the report."""
        with ExitStack() as stack:
            try:
                listener = ReportListener(calling_ae_title, (self.local.bind, self.local.port))
                stack.enter_context(listener)
            except OSError:
                return self._by_journal(destination, calling_ae_title, test)
            return self._by_listener(destination, calling_ae_title, test, listener)

    def _by_listener(
        self,
        destination: Destination,
        calling_ae_title: str,
        test: TestObject,
        listener: ReportListener,
    ) -> Step:
        transaction_uid = new_transaction_uid()

        def result() -> tuple[int, int] | None:
            report = listener.report(transaction_uid)
            return None if report is None else _counted(report)

        ask = partial(self._ask, destination, calling_ae_title, test, transaction_uid)
        return ask(on_report=listener.take, result=result)

    def _by_journal(
        self, destination: Destination, calling_ae_title: str, test: TestObject
    ) -> Step:
        if not self.journal.is_file():
            detail = f"port {self.local.port} is taken, and not by this node"
            advice = "Probe as it is configured to run: reports come to this port."
            return Step(_NAME, Verdict.FAILED, detail, advice)
        transaction_uid = new_transaction_uid()
        ours: list[Dataset] = []

        def take(information: Dataset) -> int:
            ours.append(information)
            return _SUCCESS

        try:
            with Journal(self.journal) as journal:
                journal.open_commitment(destination.name, transaction_uid, self.now())

                def result() -> tuple[int, int] | None:
                    return _counted(ours[0]) if ours else journal.commitment_result(transaction_uid)

                ask = partial(self._ask, destination, calling_ae_title, test, transaction_uid)
                return ask(on_report=take, result=result)
        except MammoNodeError as error:
            advice = "Run the probe as the node's user while the node runs."
            return Step(_NAME, Verdict.FAILED, str(error), advice)

    def _ask(
        self,
        destination: Destination,
        calling_ae_title: str,
        test: TestObject,
        transaction_uid: str,
        *,
        on_report: OnReport,
        result: _Result,
    ) -> Step:
        started = monotonic()
        reference = (test.sop_class_uid, test.sop_instance_uid)
        try:
            request_commitment(
                destination,
                calling_ae_title,
                transaction_uid,
                [reference],
                on_report=on_report,
                linger_s=_LINGER_S,
            )
        except DeliveryError as error:
            advice = "Let the peer accept storage commitment from our AE title."
            return Step(_NAME, Verdict.FAILED, str(error), advice)
        while (found := result()) is None and monotonic() - started < self.report_s:
            self.pause(_PAUSE_S)
        return self._judge(found, calling_ae_title, monotonic() - started)

    def _judge(
        self, found: tuple[int, int] | None, calling_ae_title: str, elapsed_s: float
    ) -> Step:
        if found is None:
            detail = f"the request was taken, but no report came within {self.report_s:.0f} s"
            advice = (
                f"The peer must know {calling_ae_title} with this host and port {self.local.port};"
                " a node that runs must have been started with commitment = true for it;"
                " some archives commit only after hours."
            )
            return Step(_NAME, Verdict.FAILED, detail, advice)
        committed, refused = found
        if refused or not committed:
            detail = "reported: the peer does not commit to the test object"
            return Step(_NAME, Verdict.FAILED, detail, "The peer's log says why.")
        return Step(_NAME, Verdict.OK, f"committed and reported after {elapsed_s:.1f} s")


def _counted(information: Dataset) -> tuple[int, int]:
    report = report_of(information)
    return len(report.committed), len(report.failed)
