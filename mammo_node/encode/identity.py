"""Deterministic identity: the same question gives the same UIDs, another question others.

Rules:

* A UID is ``2.25.`` and a UUID (PS3.5 B.2, RFC 9562 version 8) made from SHA-256 over a
  canonical JSON list, so no two field contents can run into each other.
* Objects are identified by the study, the input instances with their content hashes, the
  model hashes, the configuration hash, the kind of answer and the installation; not by the
  scores, which may differ in the last digit between two runs.
* Series are identified by study, installation and software version only, so a superseding
  result joins the series of the one it supersedes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from mammo_node.vocabulary import FindingRef, StudyResult

_UUID_VERSION_CUSTOM = 0x8000
_UUID_VERSION_MASK = 0x0FFF
_UUID_VARIANT_RFC = 0x80
_UUID_VARIANT_MASK = 0x3F


def derived_uid(*parts: object) -> str:
    """Return the UID that belongs to these parts (strings, numbers, lists of them)."""
    canonical = json.dumps(parts, separators=(",", ":"), ensure_ascii=True)
    digest = bytearray(hashlib.sha256(canonical.encode("ascii")).digest()[:16])
    version = int.from_bytes(digest[6:8], "big") & _UUID_VERSION_MASK | _UUID_VERSION_CUSTOM
    digest[6:8] = version.to_bytes(2, "big")
    digest[8] = digest[8] & _UUID_VARIANT_MASK | _UUID_VARIANT_RFC
    return f"2.25.{uuid.UUID(bytes=bytes(digest)).int}"


def device_uid(manufacturer: str, model_name: str, serial_number: str) -> str:
    """Return the UID of an installation."""
    return derived_uid("device", manufacturer, model_name, serial_number)


@dataclass(frozen=True, slots=True)
class ResultIdentity:
    """Hands out the UIDs of one study result."""

    study_instance_uid: str
    installation: tuple[str, str]
    answer: tuple[object, ...]
    lesions: tuple[tuple[FindingRef, ...], ...] = ()

    def instance_uid(self, role: str) -> str:
        """Return the SOP Instance UID of the object with this role."""
        return derived_uid("instance", self.study_instance_uid, self.answer, role)

    def series_uid(self, role: str) -> str:
        """Return the Series Instance UID for objects with this role."""
        return derived_uid("series", self.study_instance_uid, self.installation, role)

    def tracking_uid(self, sop_instance_uid: str, index: int) -> str:
        """Return the Tracking UID of the lesion of that index in that image.

        Findings that were matched are one lesion, and have that of the first of them.
        """
        ref = FindingRef(sop_instance_uid, index)
        first = next((lesion[0] for lesion in self.lesions if ref in lesion), ref)
        return derived_uid(
            "tracking", self.study_instance_uid, self.answer, first.sop_instance_uid, first.index
        )

    def evaluation_uid(self, what: str, *of: object) -> str:
        """Return the Tracking UID of what is said of an image, a breast or the patient."""
        return derived_uid("tracking", self.study_instance_uid, self.answer, what, *of)


def result_identity(
    result: StudyResult,
    instance_uids: Sequence[str],
    device: str,
    software_version: str,
) -> ResultIdentity:
    """Gather what makes this result the one it is.

    Parameters
    ----------
    result : StudyResult
        The answer; its scores do not take part.
    instance_uids : sequence of str
        Instances of the study beyond those of ``result.views``, such as those of a study
        that failed before its images were looked at.
    device, software_version : str
        The installation.
    """
    views = sorted((v.ref.sop_instance_uid, v.ref.content_hash) for v in result.views)
    refusals = sorted(
        (v.ref.sop_instance_uid, v.refusal.reason.value) for v in result.views if v.refusal
    )
    models = sorted((m.name, m.version, m.sha256) for m in result.models)
    answer = (
        views,
        sorted(instance_uids),
        models,
        result.configuration_hash,
        result.outcome.value,
        refusals,
        device,
        software_version,
    )
    installation = (device, software_version)
    return ResultIdentity(result.study_instance_uid, installation, answer, result.lesions)
