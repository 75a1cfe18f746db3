"""What is wrong, and where: words for a log, never a value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complaint:
    """One violation; ``path`` names the attribute, such as ``SegmentSequence[0].SegmentLabel``."""

    path: str
    problem: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.path}: {self.problem}"


def item_path(path: str, keyword: str, index: int) -> str:
    """Return the path of an item of a sequence."""
    return f"{inside(path, keyword)}[{index}]"


def inside(path: str, keyword: str) -> str:
    """Return the path of an attribute of an item; '' is the dataset itself."""
    return f"{path}.{keyword}" if path else keyword


def summary(complaints: Iterable[Complaint], most: int = 3) -> str:
    """Return the first complaints in one line, and how many more there are."""
    words = [str(complaint) for complaint in complaints]
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
