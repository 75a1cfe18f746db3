"""Which images are analysed, and why the others are not: a pure gate on the header.

The checks stand in the order of a reader's questions (what is it, is it a whole breast,
which one, can its greys and sizes be understood) and the first that fails is the answer.
Details name attributes and what they say, never anything about the patient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from mammo_node.header import ViewModifier, attributes, laterality_evidence, view_evidence
from mammo_node.image import kind
from mammo_node.image.orientation import directions, rotated
from mammo_node.image.policy import Policy
from mammo_node.image.spacing import MAGNIFIED, magnification, spacing_from
from mammo_node.vocabulary import Laterality, Refusal, RefusalReason, Spacing, View

__all__ = ["Policy", "Suitable", "assess"]

#: Modifiers of images that show the whole breast all the same.
_WHOLE_BREAST = frozenset(
    {
        ViewModifier.IMPLANT_DISPLACED,
        ViewModifier.NIPPLE_IN_PROFILE,
        ViewModifier.ROLLED_INFERIOR,
        ViewModifier.ROLLED_LATERAL,
        ViewModifier.ROLLED_MEDIAL,
        ViewModifier.ROLLED_SUPERIOR,
    }
)


@dataclass(frozen=True, slots=True)
class Suitable:
    """What the gate read on the way, for an image that may be analysed."""

    laterality: Laterality
    view: View
    spacing: Spacing
    implant_displaced: bool


_Check = Callable[[Dataset, Policy], Refusal | None]


def assess(ds: Dataset, policy: Policy) -> Refusal | Suitable:
    """Say whether an image is analysed, by its header alone.

    Never raises: garbled attributes count as absent.
    """
    for check in _CHECKS:
        refusal = check(ds, policy)
        if refusal is not None:
            return refusal
    return _suitable(ds)


def _suitable(ds: Dataset) -> Refusal | Suitable:
    side, view, spacing = laterality_evidence(ds), view_evidence(ds), spacing_from(ds)
    if side.laterality is None:
        return _no_laterality(conflict=side.conflict, both=side.both)
    if view.view is None:
        return Refusal(RefusalReason.VIEW, "neither View Code Sequence nor View Position is known")
    if spacing is None:
        return Refusal(
            RefusalReason.SPACING,
            "no Imager Pixel Spacing or Pixel Spacing between 0.005 and 1 mm: sizes are unknown",
        )
    displaced = ViewModifier.IMPLANT_DISPLACED in view.modifiers
    return Suitable(side.laterality, view.view, spacing, displaced)


def _whole_breast(ds: Dataset, _policy: Policy) -> Refusal | None:
    view = view_evidence(ds)
    if view.specimen:
        return Refusal(RefusalReason.SPECIMEN, "the view is a tissue specimen")
    special = sorted(m.name.lower().replace("_", " ") for m in view.modifiers - _WHOLE_BREAST)
    if special:
        return Refusal(RefusalReason.PARTIAL_VIEW, f"view modifier: {', '.join(special)}")
    factor = magnification(ds)
    if factor is not None and factor >= MAGNIFIED:
        return Refusal(RefusalReason.PARTIAL_VIEW, f"magnified by {factor:g}")
    if attributes.text(ds, "PartialView") == "YES":
        return Refusal(RefusalReason.PARTIAL_VIEW, "Partial View: a part of the breast")
    return None


def _view(ds: Dataset, policy: Policy) -> Refusal | None:
    view = view_evidence(ds)
    if view.conflict:
        return Refusal(RefusalReason.VIEW, "View Code Sequence and View Position contradict")
    if view.view is not None and view.view not in policy.views:
        return Refusal(RefusalReason.VIEW_NOT_ANALYSED, f"{view.view} views are not analysed")
    return None


def _no_laterality(*, conflict: bool, both: bool) -> Refusal:
    detail = "no Image Laterality or Laterality"
    if conflict:
        detail = "laterality attributes contradict each other"
    if both:
        detail = "both breasts in one image"
    return Refusal(RefusalReason.LATERALITY, detail)


def _implant(ds: Dataset, policy: Policy) -> Refusal | None:
    present = attributes.text(ds, "BreastImplantPresent") == "YES"
    displaced = ViewModifier.IMPLANT_DISPLACED in view_evidence(ds).modifiers
    if present and not displaced and not policy.implants:
        return Refusal(
            RefusalReason.IMPLANT, "an implant is present and not displaced in this view"
        )
    return None


def _grey(ds: Dataset, _policy: Policy) -> Refusal | None:
    photometric = attributes.text(ds, "PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        return Refusal(
            RefusalReason.PHOTOMETRIC,
            f"Photometric Interpretation is {kind.shown(photometric)}, not MONOCHROME1 or 2",
        )
    samples = attributes.integer(ds, "SamplesPerPixel")
    if samples not in (None, 1):
        return Refusal(RefusalReason.PHOTOMETRIC, f"{samples} samples per pixel")
    return None


def _frames(ds: Dataset, _policy: Policy) -> Refusal | None:
    frames = attributes.integer(ds, "NumberOfFrames")
    if frames in (None, 1):
        return None
    return Refusal(RefusalReason.MULTI_FRAME, f"{frames} frames")


def _upright(ds: Dataset, _policy: Policy) -> Refusal | None:
    if not rotated(ds):
        return None
    return Refusal(
        RefusalReason.ORIENTATION,
        f"turned by 90 degrees: Patient Orientation is {'/'.join(directions(ds) or ())}",
    )


_CHECKS: tuple[_Check, ...] = (
    kind.sop_class,
    kind.for_processing,
    kind.modality,
    kind.image_type,
    _whole_breast,
    _view,
    _implant,
    _grey,
    _frames,
    _upright,
)
