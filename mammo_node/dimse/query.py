"""What a peer has: C-FIND, Study Root (PS3.4 C.6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import build_context

from mammo_node.destination import Destination
from mammo_node.dimse.outgoing import associate, end, no_answer, not_accepted, status_of
from mammo_node.errors import DeliveryRefused, DestinationUnreachable

#: Study Root Query/Retrieve Information Model - FIND (PS3.4 C.6.2.3).
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_SUCCESS = 0x0000
#: PS3.4 C.4.1.1.4: matches are continuing.
_PENDING = frozenset((0xFF00, 0xFF01))


def has_instance(
    destination: Destination,
    calling_ae_title: str,
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
) -> bool:
    """Ask a peer for one instance, at the level IMAGE. Raises as :func:`find`."""
    keys = {
        "StudyInstanceUID": study_instance_uid,
        "SeriesInstanceUID": series_instance_uid,
        "SOPInstanceUID": sop_instance_uid,
    }
    return bool(find(destination, calling_ae_title, "IMAGE", keys))


def find(
    destination: Destination,
    calling_ae_title: str,
    level: Literal["STUDY", "SERIES", "IMAGE"],
    keys: Mapping[str, str],
) -> list[Dataset]:
    """Ask a peer what matches.

    Parameters
    ----------
    level : str
        Query/Retrieve Level (0008,0052).
    keys : mapping of str to str
        Matching keys by their keywords; an empty one asks for the value (PS3.4 C.2.2.1.2).

    Raises
    ------
    DestinationUnreachable, AssociationRejected
        If there is no association, or no answer.
    DeliveryRefused
        If the peer offers no query (0122), or answers with a failure.
    """
    context = build_context(STUDY_ROOT_FIND, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    association = associate(destination, calling_ae_title, [context])
    try:
        if not association.accepted_contexts:
            raise not_accepted(destination, STUDY_ROOT_FIND)
        matches: list[Dataset] = []
        identifier = _identifier(level, keys)
        for answer, found in association.send_c_find(identifier, STUDY_ROOT_FIND):
            status = status_of(answer)
            if status is None:
                raise no_answer(association, destination)
            if status not in {_SUCCESS, *_PENDING}:
                message = f"{destination.address} answered C-FIND with {status:04X}"
                raise DeliveryRefused(message, status=status)
            if status in _PENDING:
                matches.append(Dataset() if found is None else found)
        return matches
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    finally:
        end(association)


def _identifier(level: str, keys: Mapping[str, str]) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds
