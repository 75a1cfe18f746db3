"""When a failed delivery is tried again, and when it is left to a person: pure decisions.

Rules:

* What passes by itself is retried with exponential backoff and jitter, for days: no
  association, transient rejection, time-outs, A7xx (out of resources).
* What only a person can change is parked at once: a permanent rejection, A9xx, Cxxx,
  0122 (SOP class not supported), 0124 (not authorised) and every other failure status.
* A peer that says when it wants to be asked again is asked then, but no later than the
  longest delay.
* 0111 (duplicate SOP instance) says that the object is there: that is success. So is
  Bxxx, with a warning to keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from mammo_node.config import Retry
from mammo_node.errors import AssociationRejected, DeliveryError, DeliveryRefused, DestinationBusy

#: PS3.7 C.1.1: Success.
SUCCESS = 0x0000
#: PS3.7 C.5.7: Duplicate SOP Instance.
DUPLICATE_SOP_INSTANCE = 0x0111
#: PS3.7 C.4.3 and PS3.4 B.2-1: warnings are 0001, 0107, 0116 and Bxxx.
_WARNINGS = frozenset((0x0001, 0x0107, 0x0116))
#: PS3.4 B.2-1: A7xx, Refused: Out of Resources.
_OUT_OF_RESOURCES = 0xA7


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at that time."""

    when: datetime


@dataclass(frozen=True, slots=True)
class Park:
    """Leave it to a person; ``reason`` says what would help."""

    reason: str


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The peer has lost what it stored: send it again at that time."""

    when: datetime


#: Failure Reason (0008,1197) of a commitment report (PS3.3 C.14.1.1).
NO_SUCH_OBJECT_INSTANCE = 0x0112
PROCESSING_FAILURE = 0x0110
RESOURCE_LIMITATION = 0x0213
DUPLICATE_TRANSACTION_UID = 0x0131
_FAILURE_REASONS = {
    PROCESSING_FAILURE: "processing failure",
    NO_SUCH_OBJECT_INSTANCE: "no such object instance",
    RESOURCE_LIMITATION: "resource limitation",
    0x0122: "SOP class not supported",
    0x0119: "class / instance conflict",
    DUPLICATE_TRANSACTION_UID: "duplicate Transaction UID",
}
_ASK_AGAIN = frozenset((PROCESSING_FAILURE, RESOURCE_LIMITATION, DUPLICATE_TRANSACTION_UID))


def is_delivered(status: int) -> bool:
    """Return whether a C-STORE status means that the peer has the object (PS3.4 B.2-1)."""
    return status in (SUCCESS, DUPLICATE_SOP_INSTANCE) or is_warning(status)


def is_warning(status: int) -> bool:
    """Return whether a C-STORE status is of the Warning class."""
    return status in _WARNINGS or status >> 12 == 0xB


def decide_retry(
    failure: DeliveryError,
    attempts: int,
    first_failed_at: datetime,
    now: datetime,
    settings: Retry,
    *,
    random: float,
) -> RetryAt | Park:
    """Decide what becomes of a delivery that failed.

    Parameters
    ----------
    failure : DeliveryError
        What happened.
    attempts : int
        Attempts made so far, this one included.
    first_failed_at, now : datetime
        Times of the first failure in this row of failures and of this one.
    settings : Retry
        Delays, and after how many days to stop.
    random : float
        From [0, 1); which part of the jitter is taken.

    Returns
    -------
    RetryAt or Park
    """
    if not worth_retry(failure):
        return Park(str(failure))
    if now - first_failed_at >= timedelta(days=settings.give_up_days):
        return Park(f"given up after {settings.give_up_days:g} days: {failure}")
    asked = timedelta(seconds=min(retry_after_s(failure), settings.max_s))
    return RetryAt(now + max(asked, backoff(attempts, settings, random)))


def decide_commitment(
    reason: int, asked: int, stored_at: datetime, now: datetime, settings: Retry
) -> RetryAt | SendAgain | Park:
    """Decide what becomes of an object that the peer does not commit to.

    What it has lost is sent again, what it may do later is asked for again, the rest is left
    to a person; so is everything after days.

    Parameters
    ----------
    reason : int
        Failure Reason (0008,1197), or status of the N-ACTION.
    asked : int
        How often it was asked so far.
    stored_at, now : datetime
        Since when commitment is waited for, and now.
    settings : Retry
        Delays, and after how many days to stop.
    """
    words = f"not committed: {reason:04X} {_FAILURE_REASONS.get(reason, '')}".strip()
    if now - stored_at >= timedelta(days=settings.give_up_days):
        return Park(f"given up after {settings.give_up_days:g} days: {words}")
    when = now + backoff(asked, settings, 0.0)
    if reason == NO_SUCH_OBJECT_INSTANCE:
        return SendAgain(when)
    return RetryAt(when) if reason in _ASK_AGAIN else Park(words)


def worth_retry(failure: DeliveryError) -> bool:
    """Return whether time alone may cure this failure."""
    if isinstance(failure, DeliveryRefused):
        return failure.status >> 8 == _OUT_OF_RESOURCES
    if isinstance(failure, AssociationRejected):
        return failure.worth_retry
    return failure.retryable


def retry_after_s(failure: DeliveryError) -> float:
    """Return how long the peer asks to be left alone, in seconds."""
    return failure.retry_after_s if isinstance(failure, DestinationBusy) else 0.0


def backoff(attempts: int, settings: Retry, random: float) -> timedelta:
    """Return the delay after so many attempts: doubling, capped, then spread by jitter.

    Jitter only shortens, so that ``max_s`` is the longest delay there is.
    """
    doublings = min(max(attempts, 1) - 1, 32)  # beyond any cap; keeps the power small
    delay_s = min(settings.first_s * 2.0**doublings, settings.max_s)
    return timedelta(seconds=delay_s * (1.0 - settings.jitter * random))
