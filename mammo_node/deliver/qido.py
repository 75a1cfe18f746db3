"""QIDO-RS (PS3.18 10.6): whether a DICOMweb server has an instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from mammo_node.deliver.credentials import authorization
from mammo_node.deliver.http import HttpClient
from mammo_node.deliver.http_status import failure_of
from mammo_node.destination import WebDestination

_SOP_INSTANCE_UID = "00080018"


def has_instance(
    destination: WebDestination,
    study_instance_uid: str,
    sop_instance_uid: str,
    environment: Mapping[str, str],
) -> bool:
    """Ask a server for one instance of a study.

    Raises
    ------
    DeliveryError
        If there is no answer, or one that is not of QIDO-RS: RequestRefused, or another
        error of :func:`mammo_node.deliver.http_status.failure_of`.
    """
    path = f"/studies/{study_instance_uid}/instances"
    with HttpClient(destination, authorization(destination, environment)) as client:
        answer = client.get(path, {"SOPInstanceUID": sop_instance_uid})
    if answer.status == HTTPStatus.NO_CONTENT:
        return False
    if answer.status != HTTPStatus.OK:
        raise failure_of(destination, answer)
    return _names(answer.content, sop_instance_uid)


def _names(content: bytes, sop_instance_uid: str) -> bool:
    """Whether a result in DICOM JSON (PS3.18 Annex F) holds the instance."""
    try:
        return any(
            sop_instance_uid in found.get(_SOP_INSTANCE_UID, {}).get("Value", [])
            for found in json.loads(content)
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False
