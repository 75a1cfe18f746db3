"""Fetch images from a peer: C-GET, Study Root (PS3.4 C.6.2); it sends them back on the association.

No port of ours is called, so the peer need not know us but as a calling AE title.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom import evt
from pynetdicom.presentation import build_context, build_role

from mammo_node.destination import Destination
from mammo_node.dimse.outgoing import associate, end, no_answer, not_accepted, status_of
from mammo_node.errors import DeliveryRefused, DestinationUnreachable

#: Study Root Query/Retrieve Information Model - GET (PS3.4 C.6.2.3).
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
#: Digital Mammography X-Ray Image - For Presentation, and Secondary Capture: what is analysed.
_IMAGES = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7")
#: Each in a context of its own: the peer sends an image as it lies there.
_SYNTAXES = (
    *(ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless),
    *(JPEG2000Lossless, JPEG2000, JPEGExtended12Bit, RLELossless),
)
_SUCCESS = 0x0000
#: PS3.4 C.4.3.1.4: sub-operations are continuing; complete, one or more failed.
_PENDING, _SOME_FAILED = 0xFF00, 0xB000
#: PS3.4 B.2-1: out of resources.
_OUT_OF_RESOURCES = 0xA700


def retrieve(
    destination: Destination,
    calling_ae_title: str,
    study_instance_uid: str,
    series_instance_uids: Sequence[str],
    folder: Path,
) -> list[Path]:
    """Fetch the images of some series into a folder, and return the files.

    Objects other than images are left out by the peer or refused.

    Raises
    ------
    DestinationUnreachable, AssociationRejected
        If there is no association, or no answer.
    DeliveryRefused
        If the peer offers no C-GET (0122), or answers with a failure.
    """
    files: list[Path] = []
    contexts = [build_context(STUDY_ROOT_GET, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])]
    contexts += [build_context(image, syntax) for image, syntax in product(_IMAGES, _SYNTAXES)]
    association = associate(
        destination,
        calling_ae_title,
        contexts,
        [(evt.EVT_C_STORE, _keep, [folder, files])],
        [build_role(image, scp_role=True) for image in _IMAGES],
    )
    try:
        accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
        if STUDY_ROOT_GET not in accepted:
            raise not_accepted(destination, STUDY_ROOT_GET)
        for series in series_instance_uids:
            _get(association, destination, study_instance_uid, series)
    except (RuntimeError, ValueError) as error:
        raise DestinationUnreachable(f"{destination.address}: {error}") from error
    finally:
        end(association)
    return files


def _get(association: Any, destination: Destination, study: str, series: str) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "SERIES"
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = study, series
    status: int | None = None
    for answer, _ in association.send_c_get(identifier, STUDY_ROOT_GET):
        status = status_of(answer)
        if status is None:
            raise no_answer(association, destination)
    if status is None:
        raise no_answer(association, destination)
    # Some failed: objects that are no images, which were not asked for.
    if status not in (_SUCCESS, _PENDING, _SOME_FAILED):
        message = f"{destination.address} answered C-GET with {status:04X}"
        raise DeliveryRefused(message, status=status)


def _keep(event: Any, folder: Path, files: list[Path]) -> int:
    path = folder / f"{len(files) + 1:05d}.dcm"
    try:
        path.write_bytes(event.encoded_dataset())
    except OSError:
        return _OUT_OF_RESOURCES
    files.append(path)
    return _SUCCESS
