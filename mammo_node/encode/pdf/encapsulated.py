"""The report as Encapsulated PDF (PS3.3 A.45.1).

Unlike on the overview, the patient's name and ID stand on its pages, as on any report:
a page that is printed must say whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import EncapsulatedPDFStorage

from mammo_node.encode import codes, maps, modules, references, statement
from mammo_node.encode.modules import Common, SeriesIdentity
from mammo_node.encode.objects import PriorResult
from mammo_node.encode.overview import board, canvas, hanging, light
from mammo_node.encode.pdf.contents import contents_of
from mammo_node.encode.pdf.pages import document
from mammo_node.encode.typeface import Typeface
from mammo_node.vocabulary import StudyResult

SERIES: Final = SeriesIdentity(
    role="pdf",
    modality="DOC",
    number=9931,
    description="Mammography AI report (research use only)",
)
TITLE: Final = "Mammography AI report (research use only, not a medical device)"
_WIDTH: Final = 1600
#: Height of a picture, and of one with a single row of images, which need not be as tall.
_HEIGHT: Final = 1560
_HEIGHT_OF_ONE_ROW: Final = 1100
#: Of the answer in words: it leaves the rest of the page to the pictures.
_MOST_LETTERS: Final = 900
_CAPTION: Final = "Marks carry number and score. Not for measuring, not for reading images."


def reports(
    result: StudyResult, common: Common, predecessors: Sequence[PriorResult] = ()
) -> list[Dataset]:
    """Return the report of a study."""
    number = max(common.generation, 1)
    ds = modules.base_dataset(common, SERIES, EncapsulatedPDFStorage, "pdf", number)
    _put_document(ds, common, pdf_of(result, common, predecessors))
    return [modules.finish(ds, common)]


def pdf_of(result: StudyResult, common: Common, predecessors: Sequence[PriorResult] = ()) -> bytes:
    """Return the PDF file."""
    words = statement.shortened(statement.study_statement(result), _MOST_LETTERS)
    answer = (light.light_of(result), light.headline(result), words)
    contents = contents_of(result, common, predecessors)
    return document(contents, answer, _pictures(result, common))


def _pictures(result: StudyResult, common: Common) -> list[tuple[str, canvas.Picture]]:
    """Return the board, and once more with relevance maps; nothing where no image is shown."""
    arranged = hanging.hang(result)
    if not arranged.rows or not common.pictures:
        return []
    shown = [(_CAPTION, False)]
    if any(picture.heat is not None for picture in common.pictures.values()):
        shown.append((maps.explained(maps.kinds_of(common.pictures)), True))
    typeface = Typeface()
    return [(word, _board(result, common, arranged, typeface, heat=heat)) for word, heat in shown]


def _board(
    result: StudyResult,
    common: Common,
    arranged: hanging.Hanging,
    typeface: Typeface,
    *,
    heat: bool,
) -> canvas.Picture:
    height = _HEIGHT_OF_ONE_ROW if len(arranged.rows) == 1 else _HEIGHT
    drawn = canvas.Canvas(_WIDTH, height, typeface)
    board.draw_board(drawn, result, arranged, common.pictures, (0, height), heat=heat)
    return drawn.rgb


def _put_document(ds: Dataset, common: Common, pdf: bytes) -> None:
    """Fill the Encapsulated Document module (PS3.3 C.24.2)."""
    ds.ConversionType = "WSD"
    ds.AcquisitionDateTime = None
    ds.BurnedInAnnotation = "YES"
    ds.DocumentTitle = TITLE
    ds.ConceptNameCodeSequence = references.code_sequence(codes.CAD_REPORT)
    ds.VerificationFlag = "UNVERIFIED"
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    if common.references:
        ds.SourceInstanceSequence = DicomSequence(
            [
                references.reference_item(r.sop_class_uid, r.sop_instance_uid)
                for r in common.references
            ]
        )
    ds.EncapsulatedDocumentLength = len(pdf)
    ds.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
