"""Where truth and images come from together: a list of records, or phantoms made on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mammo_node.evaluate.images import read_image
from mammo_node.evaluate.records import ImageRecord
from mammo_node.image.policy import Policy
from mammo_node.vocabulary import MammoImage, Refusal


@dataclass(frozen=True, slots=True)
class Sample:
    """One image's truth, and how to get its pixels when they are needed."""

    record: ImageRecord
    read: Callable[[], MammoImage | Refusal]


class Truth(Protocol):
    """A source of samples."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    def __len__(self) -> int:
        """Return how many images it has."""
        ...

    def samples(self, policy: Policy) -> Iterator[Sample]:
        """Give each image once, always in the same order."""
        ...


@dataclass(frozen=True, slots=True)
class ListedTruth:
    """Truth that was read from tables."""

    name: str
    records: Sequence[ImageRecord]

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.records)

    def samples(self, policy: Policy) -> Iterator[Sample]:
        """Give the records in order; an image is read only when it is asked for."""
        for record in self.records:
            yield Sample(record, partial(read_image, record, policy))
