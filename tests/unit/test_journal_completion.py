"""When a study is ready: each rule by itself, and at its very second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mammo_node.config import Completion
from mammo_node.journal.completion import Arrivals, ReadyReason, ready_reason, standard_views
from mammo_node.vocabulary import STANDARD_VIEWS, HeaderSummary, Laterality, View
from tests.unit.journal_cases import START, after

_SETTINGS = Completion(settle_s=3, quiet_s=60, deadline_s=1800)
_ALL = frozenset(STANDARD_VIEWS)
#: Four views, the last 10 s after the first; the sender still holds its association.
_COMPLETE = Arrivals(
    views=_ALL,
    first_at=START,
    last_at=after(seconds=10),
    senders_open=1,
    senders_aborted=0,
    last_gone_at=None,
)
_INCOMPLETE = replace(_COMPLETE, views=frozenset(STANDARD_VIEWS[:3]))
_GONE = {"senders_open": 0, "last_gone_at": after(seconds=12)}


@pytest.mark.parametrize(
    ("arrivals", "waits_until_s", "reason"),
    [
        pytest.param(_COMPLETE, 13, ReadyReason.COMPLETE, id="complete settles"),
        pytest.param(replace(_COMPLETE, **_GONE), 10, ReadyReason.COMPLETE, id="released at once"),
        pytest.param(
            replace(_COMPLETE, **_GONE, senders_aborted=1),
            13,
            ReadyReason.COMPLETE,
            id="an abort is no release",
        ),
        pytest.param(_INCOMPLETE, 1800, ReadyReason.DEADLINE, id="incomplete and still sending"),
        pytest.param(
            replace(_INCOMPLETE, **_GONE), 72, ReadyReason.QUIET, id="quiet from the release"
        ),
        pytest.param(
            replace(_INCOMPLETE, **_GONE, last_at=after(seconds=40)),
            100,
            ReadyReason.QUIET,
            id="quiet from the last instance",
        ),
        pytest.param(
            replace(_INCOMPLETE, **_GONE, senders_aborted=1),
            72,
            ReadyReason.QUIET,
            id="quiet after an abort",
        ),
        pytest.param(
            replace(_INCOMPLETE, senders_open=1, last_gone_at=after(seconds=12)),
            1800,
            ReadyReason.DEADLINE,
            id="one of two senders is still there",
        ),
    ],
)
def test_a_study_waits_until_its_rule_holds(
    arrivals: Arrivals, waits_until_s: float, reason: ReadyReason
) -> None:
    """Not ready a millisecond before, ready at the second itself, for the right reason."""
    assert ready_reason(arrivals, after(seconds=waits_until_s), _SETTINGS) is reason
    if waits_until_s > 10:
        assert ready_reason(arrivals, after(seconds=waits_until_s - 0.001), _SETTINGS) is None


def test_only_plain_standard_views_count() -> None:
    """A spot view, an ML view and a view without side do not make a study complete."""
    summaries = [
        HeaderSummary(Laterality.RIGHT, View.CC, standard=True),
        HeaderSummary(Laterality.RIGHT, View.CC, standard=True),
        HeaderSummary(Laterality.LEFT, View.CC, standard=False),
        HeaderSummary(Laterality.LEFT, View.ML, standard=True),
        HeaderSummary(None, View.MLO, standard=True),
        HeaderSummary(Laterality.LEFT, None, standard=True),
    ]
    assert standard_views(summaries) == {(Laterality.RIGHT, View.CC)}
