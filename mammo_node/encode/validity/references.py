"""Whether an object refers only to what is there, and an SR document lists all it refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mammo_node.encode.validity.complaint import Complaint
from mammo_node.encode.validity.item import Item

#: PS3.3 C.17.2.3: every object in the tree stands in one of these.
_EVIDENCE = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
_INSTANCE, _CLASS = "ReferencedSOPInstanceUID", "ReferencedSOPClassUID"


def of_object(ds: Item, known: Mapping[str, str]) -> Iterator[Complaint]:
    """Check every reference: ``known`` gives the SOP class of each instance that may be named."""
    referring = [(path, item) for path, item in ds.walk() if _INSTANCE in item]
    evidence = {item.text(_INSTANCE) for path, item in referring if path.startswith(_EVIDENCE)}
    for path, item in referring:
        uid = item.text(_INSTANCE)
        if uid not in known:
            yield Complaint(path, "refers to an object that is neither received nor made here")
        elif item.text(_CLASS) != known[uid]:
            yield Complaint(path, "names a wrong SOP class for an object")
        if path.startswith("ContentSequence") and uid not in evidence:
            yield Complaint(path, "refers to an object that is not listed as evidence")
