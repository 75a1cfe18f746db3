"""Times as they stand in the journal: UTC, fixed width, sorting as text, readable."""

from __future__ import annotations

from datetime import UTC, datetime

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def to_text(at: datetime) -> str:
    """Return a time as it stands in the file: UTC, fixed width, sorting as text.

    Raises
    ------
    ValueError
        If the time has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a time zone means nothing in the journal")
    return at.astimezone(UTC).strftime(_TIME_FORMAT)


def from_text(text: str) -> datetime:
    """Return the time again, in UTC."""
    return datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)


def optional_time(text: str | None) -> datetime | None:
    """Return the time, or None where none is noted."""
    return None if text is None else from_text(text)
