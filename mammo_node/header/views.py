"""Which projection: View Code Sequence, its modifiers, and View Position as the fallback.

Views are compared whole, never by prefix or substring: 'ML' is a true lateral and 'MLO' an
oblique, and 'LM' is not 'LMO'.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset

from mammo_node.header import attributes
from mammo_node.vocabulary import View


class ViewModifier(StrEnum):
    """Modifiers of CID 4015, by the abbreviation of PS3.3 C.8.11.7 (ACR MQCM 1999)."""

    AXILLARY_TAIL = "AT"
    AXILLARY_TISSUE = "AX"
    ANTERIOR_COMPRESSION = "AC"
    CLEAVAGE = "CV"
    IMPLANT_DISPLACED = "ID"
    INFRAMAMMARY_FOLD = "IMF"
    MAGNIFICATION = "M"
    NIPPLE_IN_PROFILE = "NP"
    ROLLED_INFERIOR = "RI"
    ROLLED_LATERAL = "RL"
    ROLLED_MEDIAL = "RM"
    ROLLED_SUPERIOR = "RS"
    SPOT_COMPRESSION = "S"
    TANGENTIAL = "TAN"
    UNKNOWN = "?"
    """A modifier that the node does not know: the view is not taken for a plain one."""


#: CID 4014 View for Mammography: SNOMED CT codes, then SNOMED-RT ('SNM3', 'SRT', '99SDM').
_VIEW_CODES = {
    "399162004": View.CC,
    "R-10242": View.CC,
    "399368009": View.MLO,
    "R-10226": View.MLO,
    "399260004": View.ML,
    "R-10224": View.ML,
    "399352003": View.LM,
    "R-10228": View.LM,
    "399099002": View.LMO,
    "R-10230": View.LMO,
    "399192008": View.XCCL,
    "R-1024A": View.XCCL,
    "399101009": View.XCCM,
    "R-1024B": View.XCCM,
    "399196006": View.FB,
    "R-10244": View.FB,
    "399188001": View.SIO,
    "R-102D0": View.SIO,
    "441555000": View.ISO,
    "R-40AAA": View.ISO,
}
_EXAGGERATED = frozenset({View.XCCL, View.XCCM})
#: CID 4014 'tissue specimen from breast', SNOMED CT and SNOMED-RT.
_SPECIMEN_CODES = frozenset({"127457009", "G-8310"})

#: CID 4015 View Modifier for Mammography: SNOMED CT, then SNOMED-RT.
_MODIFIER_CODES = {
    "399011000": ViewModifier.AXILLARY_TAIL,
    "R-102D1": ViewModifier.AXILLARY_TAIL,
    "442580003": ViewModifier.AXILLARY_TISSUE,
    "R-40AB2": ViewModifier.AXILLARY_TISSUE,
    "441752004": ViewModifier.ANTERIOR_COMPRESSION,
    "P2-00161": ViewModifier.ANTERIOR_COMPRESSION,
    "399161006": ViewModifier.CLEAVAGE,
    "R-102D2": ViewModifier.CLEAVAGE,
    "399209000": ViewModifier.IMPLANT_DISPLACED,
    "R-102D5": ViewModifier.IMPLANT_DISPLACED,
    "442593008": ViewModifier.INFRAMAMMARY_FOLD,
    "R-40ABE": ViewModifier.INFRAMAMMARY_FOLD,
    "399163009": ViewModifier.MAGNIFICATION,
    "R-102D6": ViewModifier.MAGNIFICATION,
    "442581004": ViewModifier.NIPPLE_IN_PROFILE,
    "R-40AB3": ViewModifier.NIPPLE_IN_PROFILE,
    "414493004": ViewModifier.ROLLED_INFERIOR,
    "R-102CA": ViewModifier.ROLLED_INFERIOR,
    "399197002": ViewModifier.ROLLED_LATERAL,
    "R-102D3": ViewModifier.ROLLED_LATERAL,
    "399226006": ViewModifier.ROLLED_MEDIAL,
    "R-102D4": ViewModifier.ROLLED_MEDIAL,
    "415670009": ViewModifier.ROLLED_SUPERIOR,
    "R-102C9": ViewModifier.ROLLED_SUPERIOR,
    "399055006": ViewModifier.SPOT_COMPRESSION,
    "R-102D7": ViewModifier.SPOT_COMPRESSION,
    "399110001": ViewModifier.TANGENTIAL,
    "R-102C2": ViewModifier.TANGENTIAL,
}

#: View Position (0018,5101) is free text in practice: modalities write the view with the
#: modifier appended ('MLOID', 'CCM'), and some put the side in front ('RCC', 'L-MLO').
_MODIFIER_SUFFIXES = {m.value: m for m in ViewModifier if m is not ViewModifier.UNKNOWN}
_SIDES = ("R", "L")


@dataclass(frozen=True, slots=True)
class ViewEvidence:
    """The projection with its modifiers; ``conflict`` when code and position disagree."""

    view: View | None
    modifiers: frozenset[ViewModifier] = frozenset()
    specimen: bool = False
    conflict: bool = False


def view_evidence(ds: Dataset) -> ViewEvidence:
    """Read the view (PS3.3 C.8.11.7: View Code Sequence is Type 1, View Position is not).

    A known code wins over View Position; the two are compared only so that a contradiction
    can be seen (``conflict``), as the code is what the standard makes mandatory.
    """
    coded, modifiers, specimen = _coded(ds)
    positioned, more = parse_view_position(attributes.text(ds, "ViewPosition") or "")
    view = coded or (None if specimen else positioned)
    return ViewEvidence(
        view=view,
        modifiers=frozenset(modifiers | more),
        specimen=specimen,
        conflict=_contradict(coded, positioned),
    )


def _contradict(coded: View | None, positioned: View | None) -> bool:
    if coded is None or positioned is None or coded is positioned:
        return False
    # View Position has no room for exaggeration at some modalities: they write the base view.
    return not (positioned is View.CC and coded in _EXAGGERATED)


def _coded(ds: Dataset) -> tuple[View | None, set[ViewModifier], bool]:
    view, modifiers, specimen = None, set[ViewModifier](), False
    for item in _view_items(ds):
        code = attributes.text(item, "CodeValue") or ""
        view = view or _VIEW_CODES.get(code)
        specimen = specimen or code in _SPECIMEN_CODES
        for modifier, _ in attributes.codes(item, "ViewModifierCodeSequence"):
            modifiers.add(_MODIFIER_CODES.get(modifier, ViewModifier.UNKNOWN))
    return view, modifiers, specimen


def _view_items(ds: Dataset) -> tuple[Dataset, ...]:
    """Return View Code Sequence's items; enhanced objects may have them in a functional group."""
    found = attributes.items(ds, "ViewCodeSequence")
    for group in attributes.functional_groups(ds):
        found += attributes.items(group, "ViewCodeSequence")
    return found


def parse_view_position(position: str) -> tuple[View | None, set[ViewModifier]]:
    """Read View Position: a view, alone or with a side before and modifiers behind it."""
    word = "".join(c for c in position.upper() if c.isalnum())
    for candidate in (word, word[1:] if word.startswith(_SIDES) else ""):
        view, modifiers = _split(candidate)
        if view is not None:
            return view, modifiers
    return None, set()


def _split(word: str) -> tuple[View | None, set[ViewModifier]]:
    if word in View.__members__:
        return View(word), set()
    for suffix, modifier in sorted(_MODIFIER_SUFFIXES.items(), key=lambda pair: -len(pair[0])):
        if word.endswith(suffix) and word[: -len(suffix)] in View.__members__:
            return View(word[: -len(suffix)]), {modifier}
    return None, set()
