"""Retry decisions: what time cures is tried again, what needs a person is parked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo_node.config import Retry
from mammo_node.errors import (
    AssociationRejected,
    CredentialsUnavailable,
    DeliveryError,
    DeliveryRefused,
    DestinationBusy,
    DestinationUnreachable,
    NotConnected,
    RequestRefused,
    ServerFailed,
)
from mammo_node.journal.retry import Park, RetryAt, backoff, decide_retry, is_delivered, is_warning
from tests.unit.journal_cases import START, after

_SETTINGS = Retry(first_s=10, max_s=100, give_up_days=1, jitter=0.5)


def _decide(failure: DeliveryError, attempts: int = 1, seconds: float = 0) -> RetryAt | Park:
    now = after(seconds=seconds)
    return decide_retry(failure, attempts, START, now, _SETTINGS, random=0.0)


@pytest.mark.parametrize(
    ("status", "delivered", "warning"),
    [
        (0x0000, True, False),
        (0x0111, True, False),
        (0xB000, True, True),
        (0xB007, True, True),
        (0xBFFF, True, True),
        (0x0107, True, True),
        (0xA700, False, False),
        (0xA900, False, False),
        (0xC000, False, False),
        (0x0122, False, False),
        (0x0124, False, False),
        (0x0110, False, False),
        (0xFE00, False, False),
    ],
)
def test_statuses_are_read_as_the_standard_says(
    status: int, delivered: bool, warning: bool
) -> None:
    """Each class of C-STORE status (PS3.4 B.2-1, PS3.7 C) means one thing."""
    assert (is_delivered(status), is_warning(status)) == (delivered, warning)


@pytest.mark.parametrize(
    ("failure", "retried"),
    [
        (DestinationUnreachable("down"), True),
        (AssociationRejected("full", transient=True), True),
        (AssociationRejected("unknown", transient=False), False),
        (DeliveryRefused("full", status=0xA700), True),
        (DeliveryRefused("full", status=0xA7FF), True),
        (DeliveryRefused("no match", status=0xA900), False),
        (DeliveryRefused("undecodable", status=0xC123), False),
        (DeliveryRefused("class", status=0x0122), False),
        (DeliveryRefused("not you", status=0x0124), False),
        (DeliveryError("file cannot be read"), False),
    ],
)
def test_what_time_cures_is_retried(failure: DeliveryError, retried: bool) -> None:
    """Transient failures are tried again, permanent ones parked with their words."""
    decision = _decide(failure)
    assert isinstance(decision, RetryAt if retried else Park)
    if isinstance(decision, Park):
        assert decision.reason == str(failure)


def test_delays_double_up_to_the_cap() -> None:
    """10, 20, 40, 80, then 100 seconds for ever."""
    delays = [backoff(attempts, _SETTINGS, 0.0).total_seconds() for attempts in range(1, 7)]
    assert delays == [10, 20, 40, 80, 100, 100]


def test_it_ends_after_days_not_after_attempts() -> None:
    """A week-end without a PACS costs nothing; after give_up_days a person is asked."""
    down = DestinationUnreachable("down")
    assert isinstance(_decide(down, attempts=10_000, seconds=86_399), RetryAt)
    decision = _decide(down, attempts=2, seconds=86_400)
    assert decision == Park("given up after 1 days: down")


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (DestinationBusy("401"), True),
        (ServerFailed("500"), True),
        (CredentialsUnavailable("no token yet"), True),
        (NotConnected("down"), True),
        (RequestRefused("404"), False),
    ],
)
def test_dicomweb_failures_have_the_same_two_classes(failure: DeliveryError, again: bool) -> None:
    """What passes is tried again, what needs a person is parked, as on the DICOM network."""
    assert isinstance(_decide(failure), RetryAt if again else Park)


@pytest.mark.parametrize(("asked_s", "waits_s"), [(0, 10), (5, 10), (60, 60), (86_400, 100)])
def test_a_peer_that_wants_to_be_left_alone_is(asked_s: float, waits_s: float) -> None:
    """Retry-After lengthens the delay, up to the longest there is."""
    decision = _decide(DestinationBusy("busy", retry_after_s=asked_s))
    assert decision == RetryAt(after(seconds=waits_s))


@given(
    attempts=st.integers(0, 10**9),
    random=st.floats(0, 1, exclude_max=True),
    first_s=st.floats(0.1, 1e4),
    max_s=st.floats(0.1, 1e6),
    jitter=st.floats(0, 1),
)
def test_a_delay_is_never_negative_and_never_above_the_cap(
    attempts: int, random: float, first_s: float, max_s: float, jitter: float
) -> None:
    """Whatever the settings: 0 <= delay <= max_s, and jitter takes at most its share."""
    settings = Retry(first_s=first_s, max_s=max_s, jitter=jitter)
    delay = backoff(attempts, settings, random)
    longest = backoff(attempts, settings, 0.0)
    slack = timedelta(microseconds=1)
    assert timedelta(0) <= delay <= longest <= timedelta(seconds=max_s) + slack
    assert delay >= longest * (1 - jitter) - slack
