"""Whether each frame of a multi-frame object says what it is (PS3.3 C.7.6.16, A.51.5)."""

from __future__ import annotations

from collections.abc import Iterator

from mammo_node.encode.validity.complaint import Complaint, item_path
from mammo_node.encode.validity.item import Item

_SHARED, _EACH = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
#: Of every frame of a segmentation, in its own groups or in the shared ones.
_OF_SEGMENTATIONS = ("SegmentIdentificationSequence", "DerivationImageSequence")


def of_object(ds: Item) -> Iterator[Complaint]:
    """Check the functional groups of a segmentation; other objects of ours have none."""
    if "SegmentSequence" not in ds:
        return
    frames = ds.items(_EACH)
    if str(len(frames)) != ds.text("NumberOfFrames"):
        yield Complaint(_EACH, "has not one item for each frame")
    shared = {keyword for item in ds.items(_SHARED) for keyword in item.sequences}
    indices = len(ds.items("DimensionIndexSequence"))
    for number, frame in enumerate(frames):
        path = item_path("", _EACH, number)
        for keyword in _OF_SEGMENTATIONS:
            if keyword not in shared and keyword not in frame:
                yield Complaint(path, f"has no {keyword}")
        content = frame.items("FrameContentSequence")
        values = [item.elements.get("DimensionIndexValues") for item in content]
        if len(values) != 1 or values[0] is None or indices != values[0].VM:
            yield Complaint(path, "does not say where it stands in each dimension")
