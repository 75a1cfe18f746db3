"""The steps that both kinds of destinations share: store a test object, and find it again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from mammo_node.deliver.sending import send
from mammo_node.destination import AnyDestination
from mammo_node.dimse.outcome import SendOutcome, StoredObject
from mammo_node.errors import DeliveryError, DeliveryRefused, RequestRefused
from mammo_node.journal.retry import is_delivered
from mammo_node.probe.steps import Step, Verdict
from mammo_node.probe.test_object import TestObject

#: How long an archive may take to index what it stored, and the pause between two questions.
_INDEXING_S = 10.0
_PAUSE_S = 0.5


def store(
    destination: AnyDestination, calling_ae_title: str, test: TestObject, *, needed: bool
) -> Step:
    """Store the test object the way results are stored.

    Parameters
    ----------
    needed : bool
        Whether the destination gets objects of this SOP class at all.
    """
    name = "store a test object"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.dcm"
        path.write_bytes(test.content)
        item = StoredObject(
            path, test.sop_class_uid, test.sop_instance_uid, test.transfer_syntax_uid
        )
        (outcome,) = send(destination, calling_ae_title, [item])
    if outcome.status is not None and is_delivered(outcome.status):
        note = f" ({outcome.note})" if outcome.note else ""
        detail = f"Secondary Capture {test.sop_instance_uid}: status {outcome.status:04X}{note}"
        advice = f"Delete the test study {test.study_instance_uid} when it is no longer needed."
        return Step(name, Verdict.OK, detail, advice)
    failed = Verdict.FAILED if needed else Verdict.NOT_SUPPORTED
    return Step(name, failed, _words(outcome), _advice(outcome))


def _words(outcome: SendOutcome) -> str:
    if outcome.status is not None:
        comment = f": {outcome.comment}" if outcome.comment else ""
        return f"refused with status {outcome.status:04X}{comment}"
    return str(outcome.failure)


def _advice(outcome: SendOutcome) -> str:
    if isinstance(outcome.failure, DeliveryRefused):
        return "Let the peer accept Secondary Capture from us, or ask for outputs that it takes."
    if isinstance(outcome.failure, RequestRefused):
        return "Compare url, credentials and rights with the server's documentation."
    return "The peer's log says why; statuses are explained in PS3.4 B.2-1."


def find(has_instance: Callable[[], bool], pause: Callable[[float], object]) -> Step:
    """Look for the test object, for as long as indexing may take.

    Parameters
    ----------
    has_instance : callable
        Asks once. Raises DeliveryError.
    pause : callable
        Waits so many seconds.
    """
    name = "find it again"
    started = monotonic()
    try:
        while not has_instance():
            if monotonic() - started > _INDEXING_S:
                advice = "Look for it in the archive: it may be filed elsewhere, or filtered."
                detail = f"stored, but not found within {_INDEXING_S:.0f} s"
                return Step(name, Verdict.FAILED, detail, advice)
            pause(_PAUSE_S)
    except (DeliveryRefused, RequestRefused) as error:
        return Step(name, Verdict.NOT_SUPPORTED, str(error), "Look for it in the archive by hand.")
    except DeliveryError as error:
        return Step(name, Verdict.FAILED, str(error), "Probe again; see the peer's log.")
    return Step(name, Verdict.OK, f"found after {monotonic() - started:.1f} s")
