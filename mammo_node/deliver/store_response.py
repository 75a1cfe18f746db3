"""What a DICOMweb server says became of each instance: Store Instances Response Module.

PS3.18 Annex I.2: stored instances stand in Referenced SOP Sequence, perhaps with a Warning
Reason; the others in Failed SOP Sequence with a Failure Reason. The values of both are
statuses as C-STORE has them (PS3.4 B.2-1, PS3.3 C.14.1.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_REFERENCED_SOP_SEQUENCE = "00081199"
_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_INSTANCE_UID = "00081155"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"


@dataclass(frozen=True, slots=True)
class StoreResponse:
    """By SOP Instance UID: warnings of what was stored, reasons of what was not, None unsaid."""

    stored: Mapping[str, int | None]
    failed: Mapping[str, int | None]


def parse(content: bytes) -> StoreResponse:
    """Read a response in DICOM JSON (PS3.18 Annex F).

    Raises
    ------
    ValueError
        If it is not one; the message has nothing of its content.
    """
    try:
        document = json.loads(content)
        # An array by the standard; servers that send the one object alone are well known.
        (ds,) = document if isinstance(document, list) else [document]
        return StoreResponse(
            stored=dict(_items(ds, _REFERENCED_SOP_SEQUENCE, _WARNING_REASON)),
            failed=dict(_items(ds, _FAILED_SOP_SEQUENCE, _FAILURE_REASON)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, LookupError, RecursionError):
        raise ValueError("no DICOM JSON of a store response") from None


def _items(ds: Any, sequence: str, reason: str) -> Iterator[tuple[str, int | None]]:
    for item in ds.get(sequence, {}).get("Value", []):
        (uid,) = item[_REFERENCED_SOP_INSTANCE_UID]["Value"]
        values = item.get(reason, {}).get("Value", [])
        yield str(uid), int(values[0]) if values else None
