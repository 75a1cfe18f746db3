"""How the report looks: page, fonts, styles."""

from __future__ import annotations

import io
from typing import Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from mammo_node.encode.typeface import font_bytes

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN: Final = 15 * mm
_HEAD: Final = 4 * mm
_FOOT: Final = 5 * mm
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN
#: Left, bottom, width and height of what is between head and foot line of a page.
BODY_AREA: Final = (MARGIN, MARGIN + _FOOT, WIDTH, PAGE_HEIGHT - 2 * MARGIN - _FOOT - _HEAD)
REGULAR, BOLD = "MammoNodeSans", "MammoNodeSans-Bold"
RULE: Final = colors.HexColor("#b0b0b0")
#: Of tables: without it they name a font that is not embedded, though they write nothing in it.
EMBEDDED: Final = (("FONTNAME", (0, 0), (-1, -1), REGULAR),)

BODY: Final = ParagraphStyle("body", fontName=REGULAR, fontSize=8.5, leading=11)
SMALL: Final = ParagraphStyle("small", BODY, fontSize=7.5, leading=9.5)
LABEL: Final = ParagraphStyle("label", SMALL, textColor=colors.HexColor("#555555"))
HEADING: Final = ParagraphStyle(
    "heading", BODY, fontName=BOLD, fontSize=11, leading=15, spaceBefore=8, keepWithNext=True
)
TITLE: Final = ParagraphStyle("title", BODY, fontName=BOLD, fontSize=15, leading=19)
ANSWER: Final = ParagraphStyle("answer", BODY, fontName=BOLD, fontSize=14, leading=18)
NOTICE: Final = ParagraphStyle("notice", BODY, fontName=BOLD, textColor="#8a4b00")


def register_fonts() -> None:
    """Make the fonts known to ReportLab, which keeps them by name for the whole process."""
    for name, bold in ((REGULAR, False), (BOLD, True)):
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(font_bytes(bold=bold))))
