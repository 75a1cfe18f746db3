"""What the pages are put together from: paragraphs, tables, pictures, the traffic light."""

from __future__ import annotations

import io
from typing import Final
from xml.sax.saxutils import escape

import cv2
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph
from reportlab.platypus import Table as Grid

from mammo_node.encode.overview.canvas import Picture
from mammo_node.encode.pdf import styles
from mammo_node.encode.pdf.contents import Fact
from mammo_node.encode.pdf.table import Table
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import Light

_JPEG_QUALITY: Final = 90
_LAMPS: Final = ((Light.RED, "#d62f22"), (Light.AMBER, "#f0a800"), (Light.GREEN, "#2e9d4a"))
_DARK: Final = "#c8c8c8"


def paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """Return a paragraph; signs of markup in it are printed as they are."""
    return Paragraph(escape(text), style)


def facts_beside(left: tuple[Fact, ...], right: tuple[Fact, ...]) -> Grid:
    """Return two lists of facts beside each other."""
    rows = [[*_fact(one), *_fact(other)] for one, other in zip(left, right, strict=True)]
    return _plain_grid(rows, [0.12, 0.38, 0.17, 0.33])


def facts(listed: tuple[Fact, ...]) -> Grid:
    """Return one list of facts."""
    return _plain_grid([_fact(fact) for fact in listed], [0.17, 0.83])


def _fact(fact: Fact) -> list[Paragraph]:
    name, value = fact
    return [paragraph(name, styles.LABEL), paragraph(value, styles.SMALL)]


def _plain_grid(rows: list[list[Paragraph]], shares: list[float]) -> Grid:
    style = [
        *styles.EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("LINEBELOW", (0, -1), (-1, -1), 0.5, styles.RULE),
    ]
    return Grid(rows, colWidths=[share * styles.WIDTH for share in shares], style=style)


def answer_block(light: Light, headline: str, words: str) -> Grid:
    """Return the answer: the light, and what it says in words."""
    said = [paragraph(headline, styles.ANSWER), paragraph(words, styles.BODY)]
    style = [
        *styles.EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ]
    return Grid([[_Lamps(light), said]], colWidths=[12 * mm, styles.WIDTH - 12 * mm], style=style)


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
            self.canv.setStrokeColor(colors.black if lit else styles.RULE)
            middle = self.height - (place + 0.5) * self._PITCH
            self.canv.circle(self._RADIUS, middle, self._RADIUS, stroke=1, fill=1)


def figure(caption: str, picture: Picture, *, tall: bool) -> Flowable:
    """Return a picture as wide as the page, or as tall as its part of it: all fits on two."""
    rows, columns = picture.shape[:2]
    most = (0.58 if tall else 0.3) * styles.PAGE_HEIGHT
    width = min(styles.WIDTH, most * columns / rows)
    image = Image(_jpeg(picture), width=width, height=width * rows / columns)
    return KeepTogether([image, paragraph(caption, styles.SMALL)])


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


def tabled(table: Table) -> list[Flowable]:
    """Return a table with its heading and note; it may run over pages."""
    rows = [[paragraph(name, styles.LABEL) for name in table.columns]]
    rows += [[paragraph(text, styles.SMALL) for text in row] for row in table.rows]
    style = [
        *styles.EMBEDDED,
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, styles.RULE),
        ("TOPPADDING", (0, 0), (-1, -1), 1.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ]
    widths = [share / sum(table.shares) * styles.WIDTH for share in table.shares]
    grid = Grid(rows, colWidths=widths, style=style, repeatRows=1)
    note = [paragraph(table.note, styles.LABEL)] if table.note else []
    return [paragraph(table.heading, styles.HEADING), grid, *note]
