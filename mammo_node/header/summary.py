"""The header's summary for the study clock: side, view, and whether it counts."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation

from mammo_node.header import attributes
from mammo_node.header.laterality import laterality_evidence
from mammo_node.header.views import ViewEvidence, ViewModifier, view_evidence
from mammo_node.vocabulary import HeaderSummary, View

_SCREENING_VIEWS = frozenset({View.CC, View.MLO})
#: Modifiers with which an image still shows the whole breast in a screening view.
_STILL_STANDARD = frozenset({ViewModifier.IMPLANT_DISPLACED})
#: Image Type value 3 of ordinary mammograms (PS3.3 C.8.11.7.1.4: zero length, or absent;
#: implementation-specific words are met in practice). These words say that it is another thing.
_NOT_ORDINARY = ("STEREO_", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER", "TOMO")
#: Contrast-enhanced subtraction and high-energy images (Tables C.8-74d and C.8-74e).
_NOT_ORDINARY_WORDS = frozenset({"ADDITION", "SUBTRACTION", "HIGH_ENERGY", "GENERATED_2D"})


def summarise(ds: Dataset) -> HeaderSummary:
    """Say what the study clock must know of a received instance.

    Parameters
    ----------
    ds : Dataset
        The header; pixel data is not touched and need not be there.

    Returns
    -------
    HeaderSummary
        ``laterality`` and ``view`` None where the header does not say them or contradicts
        itself; ``standard`` only for a plain full CC or MLO of one breast (implant displaced
        included) for presentation: raw images, which some senders send first, must not make
        a study complete. Never raises, whatever the values are.
    """
    side = laterality_evidence(ds).laterality
    view = view_evidence(ds)
    return HeaderSummary(
        laterality=side,
        view=view.view,
        standard=side is not None and _is_screening_view(view) and _is_ordinary(ds),
    )


def _is_screening_view(view: ViewEvidence) -> bool:
    return view.view in _SCREENING_VIEWS and not view.conflict and view.modifiers <= _STILL_STANDARD


def _is_ordinary(ds: Dataset) -> bool:
    return (
        attributes.uid(ds, "SOPClassUID") == DigitalMammographyXRayImageStorageForPresentation
        and not is_special_image_type(ds)
        and attributes.text(ds, "PartialView") != "YES"
        and attributes.text(ds, "QualityControlImage") != "YES"
    )


def is_special_image_type(ds: Dataset) -> bool:
    """Whether Image Type marks a biopsy, tomosynthesis, contrast or generated 2D image."""
    words = attributes.texts(ds, "ImageType")
    return any(w.startswith(_NOT_ORDINARY) for w in words[2:3]) or any(
        w in _NOT_ORDINARY_WORDS for w in words[2:]
    )
