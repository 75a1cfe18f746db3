"""What the parts of one CAD report have to know of each other: the lesions and the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mammo_node.encode import statement
from mammo_node.encode.items import Position
from mammo_node.encode.modules import Common
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import Finding, FindingRef, InstanceRef, StudyResult, ViewResult

#: The image library is the second item of the root (TID 4000, row 3; the order is significant).
_LIBRARY: Final[Position] = (1, 2)
_FEWEST_IN_A_LESION: Final = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding with the image that it was seen in."""

    view: ViewResult
    index: int

    @property
    def finding(self) -> Finding:
        """The finding itself."""
        return self.view.findings[self.index]


@dataclass(frozen=True, slots=True)
class Cad:
    """The result, and where its images stand in the tree."""

    result: StudyResult
    common: Common

    @property
    def positions(self) -> Mapping[str, Position]:
        """Position of each image's library entry, by SOP Instance UID."""
        references = self.common.references
        return {r.sop_instance_uid: (*_LIBRARY, n) for n, r in enumerate(references, start=1)}

    @property
    def views(self) -> Mapping[str, ViewResult]:
        """Views by SOP Instance UID."""
        return {view.ref.sop_instance_uid: view for view in self.result.views}

    @property
    def analysed(self) -> tuple[InstanceRef, ...]:
        """Images that a model has seen."""
        views = self.result.views
        return tuple(v.ref for v in views if statement.is_analysed(self.result, v))

    @property
    def not_analysed(self) -> tuple[InstanceRef, ...]:
        """Images that no model has seen."""
        seen = {ref.sop_instance_uid for ref in self.analysed}
        return tuple(r for r in self.common.references if r.sop_instance_uid not in seen)

    def lesions(self) -> list[tuple[Seen, ...]]:
        """Return every finding once: with its likes in other images, or alone.

        Raises
        ------
        EncodingError
            If the result matches findings that are not there, of two breasts, or of one image.
        """
        matched = [tuple(map(self._seen, lesion)) for lesion in self.result.lesions]
        for lesion in matched:
            self._check(lesion)
        taken = {(s.view.ref.sop_instance_uid, s.index) for lesion in matched for s in lesion}
        alone = [
            (Seen(view, index),)
            for view in self.result.views
            for index in range(len(view.findings))
            if (view.ref.sop_instance_uid, index) not in taken
        ]
        return [*matched, *alone]

    def _seen(self, ref: FindingRef) -> Seen:
        view = self.views.get(ref.sop_instance_uid)
        if view is None or not 0 <= ref.index < len(view.findings):
            raise self._wrong(f"finding {ref.index} of image {ref.sop_instance_uid} is not there")
        return Seen(view, ref.index)

    def _check(self, lesion: tuple[Seen, ...]) -> None:
        images = {seen.view.ref.sop_instance_uid for seen in lesion}
        if len(images) < max(len(lesion), _FEWEST_IN_A_LESION):
            raise self._wrong("a lesion needs one finding in each of several images")
        if len({seen.view.laterality for seen in lesion}) > 1:
            raise self._wrong("a lesion cannot be in two breasts")

    def _wrong(self, words: str) -> EncodingError:
        return EncodingError(f"study {self.result.study_instance_uid}: {words}")
