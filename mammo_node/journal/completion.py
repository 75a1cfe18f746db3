"""When a study is ready to be analysed: a pure rule over what has arrived so far.

* Both views of both breasts are there, and nothing new came for ``settle_s`` or every
  sender has released its association: ready.
* Views are missing, but every sender is gone, and ``quiet_s`` passed: ready.
* Whatever is missing: ready ``deadline_s`` after the first instance.

A sender whose association was aborted is gone, but did not say that it was done: it may
come back, so it never shortens the waiting of a complete study.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mammo_node.config import Completion
from mammo_node.vocabulary import STANDARD_VIEWS, HeaderSummary, Laterality, View


class ReadyReason(StrEnum):
    """Why a study is analysed now."""

    COMPLETE = "complete"
    QUIET = "quiet"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What is known of a study that is still being received."""

    views: frozenset[tuple[Laterality, View]]
    """Standard views that lie in the spool."""
    first_at: datetime
    """First instance of this generation."""
    last_at: datetime
    """Latest instance."""
    senders_open: int
    """Associations that brought instances and are still open."""
    senders_aborted: int
    """Associations that brought instances and broke."""
    last_gone_at: datetime | None
    """When the last association ended, in whichever way."""


def standard_views(summaries: Iterable[HeaderSummary]) -> frozenset[tuple[Laterality, View]]:
    """Return which of the four standard views are among these instances."""
    present = {
        (summary.laterality, summary.view)
        for summary in summaries
        if summary.standard and summary.laterality and summary.view
    }
    return frozenset(view for view in STANDARD_VIEWS if view in present)


def ready_reason(arrivals: Arrivals, now: datetime, settings: Completion) -> ReadyReason | None:
    """Return why the study is ready, or None while it is worth waiting."""
    if _complete(arrivals, now, settings):
        return ReadyReason.COMPLETE
    if not arrivals.senders_open and _passed(_quiet_since(arrivals), now, settings.quiet_s):
        return ReadyReason.QUIET
    if _passed(arrivals.first_at, now, settings.deadline_s):
        return ReadyReason.DEADLINE
    return None


def _complete(arrivals: Arrivals, now: datetime, settings: Completion) -> bool:
    if len(arrivals.views) < len(STANDARD_VIEWS):
        return False
    released = not arrivals.senders_open and not arrivals.senders_aborted
    return released or _passed(arrivals.last_at, now, settings.settle_s)


def _quiet_since(arrivals: Arrivals) -> datetime:
    return max(arrivals.last_at, arrivals.last_gone_at or arrivals.last_at)


def _passed(since: datetime, now: datetime, seconds: float) -> bool:
    return now - since >= timedelta(seconds=seconds)
