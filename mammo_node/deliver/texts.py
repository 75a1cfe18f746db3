"""The texts of an object in another character set: nothing lost silently, no name changed.

Rules:

* A person's name or an identifier that the wanted set cannot carry leaves the whole object
  in the set that it came in: a changed name files a patient twice.
* In descriptive text a character that the set cannot carry becomes ``?``, and is counted.
* Text that is not in the set that the object declares is nobody's to translate: the
  object stays as it is.
* What was not done, or not without loss, is said in words for the journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from mammo_node.header.character_set import TEXT_VRS, CharacterSet

#: Beside all person names: what archives file objects and orders by (PS3.3 C.7.1.1, C.7.2.1).
_IDENTIFIERS = frozenset(
    {
        "PatientID",
        "OtherPatientIDs",
        "IssuerOfPatientID",
        "AccessionNumber",
        "StudyID",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
    }
)
#: What pydicom puts where bytes are not of the declared set.
_UNDECODABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Recoding:
    """What became of the texts; ``note`` says what could not be done as asked."""

    changed: bool
    note: str | None = None


def recode(ds: Dataset, wanted: CharacterSet) -> Recoding:
    """Declare another character set on a dataset and make its texts fit, in place.

    Parameters
    ----------
    ds : Dataset
        As read from a file. It is written in the wanted set afterwards.
    wanted : CharacterSet
        What it shall declare (PS3.3 C.12.1.1.2).
    """
    declared = CharacterSet.of(ds)
    if declared == wanted or (declared.is_default and wanted.is_default):
        return Recoding(changed=False)
    elements = [element for element in _elements(ds) if element.VR in TEXT_VRS and element.value]
    texts = {id(element): _texts(element) for element in elements}
    if not all(_is_decoded(t, declared) for element in elements for t in texts[id(element)]):
        return Recoding(False, f"kept in {declared}: its texts are not what it declares")
    for element in filter(_identifies, elements):
        if not wanted.can_carry(texts[id(element)]):
            what = element.keyword or str(element.tag)
            return Recoding(False, f"kept in {declared}: {wanted} cannot carry {what}")
    lost = sum(_replace(element, wanted) for element in elements if not _identifies(element))
    _declare(ds, wanted)
    note = f"{lost} characters that {wanted} cannot carry became '?'" if lost else None
    return Recoding(True, note)


def _elements(ds: Dataset) -> Iterator[DataElement]:
    """Yield all elements, also of items that declare a set of their own."""
    yield from ds.iterall()


def _texts(element: DataElement) -> list[str]:
    values = [element.value] if element.VM <= 1 else list(element.value)
    # Each component group of a name is encoded by itself (PS3.5 6.2.1.1).
    return [t for v in values for t in (str(v).split("=") if element.VR == "PN" else [str(v)])]


def _is_decoded(text: str, declared: CharacterSet) -> bool:
    return _UNDECODABLE not in text and (text.isascii() or not declared.is_default)


def _identifies(element: DataElement) -> bool:
    return element.VR == "PN" or element.keyword in _IDENTIFIERS


def _replace(element: DataElement, wanted: CharacterSet) -> int:
    if wanted.can_carry(_texts(element)):
        return 0
    fitted = [wanted.legible(text) for text in _texts(element)]
    values = [text for text, _ in fitted]
    element.value = values if element.VM > 1 else values[0]
    return sum(lost for _, lost in fitted)


def _declare(ds: Dataset, wanted: CharacterSet) -> None:
    for nested in _datasets(ds):
        if "SpecificCharacterSet" in nested:
            del nested.SpecificCharacterSet
    if not wanted.is_default:  # the default repertoire is declared by saying nothing
        wanted.apply(ds)


def _datasets(ds: Dataset) -> Iterator[Dataset]:
    yield ds
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield from _datasets(item)
