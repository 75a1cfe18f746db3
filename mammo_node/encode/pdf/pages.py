"""The report as PDF, A4: the only importer of ReportLab.

ReportLab is BSD-licensed and kept up since 2000; its invariant mode leaves the time of day and
random identifiers out, so the same contents give the same bytes. Fonts are embedded (what is
printed does not depend on the reader's machine), and nothing in the file is active.
"""

from __future__ import annotations

import io
from typing import Any, Final
from xml.sax.saxutils import escape

import cv2
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus import Table as Grid

from mammo_node.encode import statement
from mammo_node.encode.overview.canvas import Picture
from mammo_node.encode.overview.light import Light
from mammo_node.encode.pdf.contents import Contents, Fact, Table
from mammo_node.encode.typeface import font_bytes
from mammo_node.errors import EncodingError

_MARGIN: Final = 15 * mm
_HEAD: Final = 4 * mm
_FOOT: Final = 5 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_REGULAR, _BOLD = "MammoNodeSans", "MammoNodeSans-Bold"
_JPEG_QUALITY: Final = 90
_LAMPS: Final = ((Light.RED, "#d62f22"), (Light.AMBER, "#f0a800"), (Light.GREEN, "#2e9d4a"))
_DARK: Final = "#c8c8c8"
_RULE: Final = colors.HexColor("#b0b0b0")

#: Of tables: without it they name a font that is not embedded, though they write nothing in it.
_EMBEDDED: Final = (("FONTNAME", (0, 0), (-1, -1), _REGULAR),)

_BODY: Final = ParagraphStyle("body", fontName=_REGULAR, fontSize=8.5, leading=11)
_SMALL: Final = ParagraphStyle("small", _BODY, fontSize=7.5, leading=9.5)
_LABEL: Final = ParagraphStyle("label", _SMALL, textColor=colors.HexColor("#555555"))
_HEADING: Final = ParagraphStyle(
    "heading", _BODY, fontName=_BOLD, fontSize=11, leading=15, spaceBefore=8
)
_TITLE: Final = ParagraphStyle("title", _BODY, fontName=_BOLD, fontSize=15, leading=19)
_ANSWER: Final = ParagraphStyle("answer", _BODY, fontName=_BOLD, fontSize=14, leading=18)
_NOTICE: Final = ParagraphStyle("notice", _BODY, fontName=_BOLD, textColor="#8a4b00")


def document(
    contents: Contents, answer: tuple[Light, str, str], pictures: list[tuple[str, Picture]]
) -> bytes:
    """Lay the report out.

    Parameters
    ----------
    contents : Contents
        What it says.
    answer : (Light, str, str)
        The light, the headline and the statement of the study.
    pictures : list of (str, Picture)
        A caption and (rows, columns, 3) uint8 RGB each; the first stands on the first page.

    Returns
    -------
    bytes
        A PDF file; the same arguments give the same bytes.

    Raises
    ------
    EncodingError
        If a picture cannot be compressed.
    """
    _register_fonts()
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        invariant=True,
        initialFontName=_REGULAR,
        title="Mammography AI report",
        author="mammo_node",
        subject=statement.RESEARCH_USE,
        lang="en",
    )

    def decorate(canvas: Any, _: Any) -> None:
        _decorate(canvas, contents.identity)

    bottom = _MARGIN + _FOOT
    frame = Frame(
        *(_MARGIN, bottom, _WIDTH, A4[1] - bottom - _MARGIN - _HEAD),
        **dict.fromkeys(("leftPadding", "rightPadding", "topPadding", "bottomPadding"), 0),
    )
    template.addPageTemplates([PageTemplate(frames=[frame], onPage=decorate)])
    template.build(_story(contents, answer, pictures))
    return buffer.getvalue()


def _register_fonts() -> None:
    """Make the fonts known to ReportLab, which keeps them by name for the whole process."""
    for name, bold in ((_REGULAR, False), (_BOLD, True)):
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(font_bytes(bold=bold))))


def _story(
    contents: Contents, answer: tuple[Light, str, str], pictures: list[tuple[str, Picture]]
) -> list[Flowable]:
    light, headline, words = answer
    story: list[Flowable] = [
        _paragraph("Mammography AI report", _TITLE),
        _paragraph(statement.RESEARCH_USE, _NOTICE),
        Spacer(0, 2 * mm),
        _facts_beside(contents.patient, contents.study),
        Spacer(0, 3 * mm),
        _answer(light, headline, words),
        Spacer(0, 3 * mm),
    ]
    for number, (caption, picture) in enumerate(pictures):
        story.append(_picture(caption, picture, tall=number == 0))
    story += [part for table in contents.tables for part in _table(table)]
    story.append(
        KeepTogether([_paragraph("How this came about", _HEADING), _facts(contents.provenance)])
    )
    return story


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


def _facts_beside(left: tuple[Fact, ...], right: tuple[Fact, ...]) -> Grid:
    rows = [
        [_paragraph(part, style) for fact in pair for part, style in zip(fact, styles, strict=True)]
        for pair in zip(left, right, strict=True)
        for styles in [(_LABEL, _BODY)]
    ]
    return _plain_grid(rows, [0.12, 0.38, 0.17, 0.33])


def _facts(facts: tuple[Fact, ...]) -> Grid:
    rows = [[_paragraph(name, _LABEL), _paragraph(value, _SMALL)] for name, value in facts]
    return _plain_grid(rows, [0.17, 0.83])


def _plain_grid(rows: list[list[Paragraph]], shares: list[float]) -> Grid:
    style = [
        *_EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("LINEBELOW", (0, -1), (-1, -1), 0.5, _RULE),
    ]
    return Grid(rows, colWidths=[share * _WIDTH for share in shares], style=style)


def _answer(light: Light, headline: str, words: str) -> Grid:
    said = [_paragraph(headline, _ANSWER), _paragraph(words, _BODY)]
    style = [
        *_EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ]
    return Grid([[_Lamps(light), said]], colWidths=[12 * mm, _WIDTH - 12 * mm], style=style)


class _Lamps(Flowable):  # type: ignore[misc]
    """The traffic light, as tall as three lamps."""

    _RADIUS = 2.4 * mm
    _PITCH = 5.8 * mm

    def __init__(self, light: Light) -> None:
        super().__init__()
        self._light = light
        self.width, self.height = 2 * self._RADIUS, 3 * self._PITCH

    def draw(self) -> None:
        """Draw the lamps from the top down."""
        for place, (lamp, colour) in enumerate(_LAMPS):
            lit = lamp is self._light
            self.canv.setFillColor(colors.HexColor(colour if lit else _DARK))
            self.canv.setStrokeColor(colors.black if lit else _RULE)
            middle = self.height - (place + 0.5) * self._PITCH
            self.canv.circle(self._RADIUS, middle, self._RADIUS, stroke=1, fill=1)


def _picture(caption: str, picture: Picture, *, tall: bool) -> Flowable:
    """Return a picture as wide as the page, or as tall as its part of it: all fits on two."""
    rows, columns = picture.shape[:2]
    most = (0.58 if tall else 0.36) * A4[1]
    width = min(_WIDTH, most * columns / rows)
    image = Image(_jpeg(picture), width=width, height=width * rows / columns)
    return KeepTogether([image, _paragraph(caption, _SMALL)])


def _jpeg(picture: Picture) -> io.BytesIO:
    """Compress for the page: the images themselves are in the archive, without loss."""
    made, jpeg = cv2.imencode(
        ".jpg",
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR),
        [
            cv2.IMWRITE_JPEG_QUALITY,
            _JPEG_QUALITY,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        ],
    )
    if not made:
        raise EncodingError("a picture of the report cannot be made into a JPEG")
    return io.BytesIO(jpeg.tobytes())


def _table(table: Table) -> list[Flowable]:
    rows = [[_paragraph(name, _LABEL) for name in table.columns]]
    rows += [[_paragraph(text, _SMALL) for text in row] for row in table.rows]
    style = [
        *_EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ]
    widths = [share / sum(table.shares) * _WIDTH for share in table.shares]
    grid = Grid(rows, colWidths=widths, style=style, repeatRows=1)
    note = [_paragraph(table.note, _LABEL)] if table.note else []
    # A heading never stands alone at the foot of a page.
    return [_keep_with_next(_paragraph(table.heading, _HEADING)), grid, *note]


def _keep_with_next(paragraph: Paragraph) -> Paragraph:
    paragraph.keepWithNext = True
    return paragraph


def _decorate(canvas: Any, identity: str) -> None:
    """Put who and which study at the head of each page, and what this is at its foot."""
    canvas.saveState()
    canvas.setFont(_REGULAR, 7.5)
    canvas.drawString(_MARGIN, A4[1] - _MARGIN, identity)
    canvas.drawString(_MARGIN, _MARGIN, statement.RESEARCH_USE)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN, f"page {canvas.getPageNumber()}")
    canvas.restoreState()
