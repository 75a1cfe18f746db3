"""The report as PDF, A4; with its neighbours the only importer of ReportLab.

ReportLab is BSD-licensed and kept up since 2000; its invariant mode leaves the time of day and
random identifiers out, so the same contents give the same bytes. Fonts are embedded (what is
printed does not depend on the reader's machine), and nothing in the file is active.
"""

from __future__ import annotations

import io
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Spacer
from reportlab.platypus.doctemplate import LayoutError

from mammo_node.encode import statement
from mammo_node.encode.overview.canvas import Picture
from mammo_node.encode.pdf import parts, styles
from mammo_node.encode.pdf.contents import Contents
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import Light


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
        If a picture cannot be compressed, or something does not fit on a page.
    """
    styles.register_fonts()
    buffer = io.BytesIO()
    template = BaseDocTemplate(
        buffer,
        pagesize=A4,
        invariant=True,
        initialFontName=styles.REGULAR,
        title="Mammography AI report",
        author="mammo_node",
        subject=statement.RESEARCH_USE,
        lang="en",
    )

    def decorate(canvas: Any, _: Any) -> None:
        _decorate(canvas, contents.identity)

    no_padding = dict.fromkeys(("leftPadding", "rightPadding", "topPadding", "bottomPadding"), 0)
    frame = Frame(*styles.BODY_AREA, **no_padding)
    template.addPageTemplates([PageTemplate(frames=[frame], onPage=decorate)])
    try:
        template.build(_story(contents, answer, pictures))
    except LayoutError as error:
        # Its text quotes what does not fit, so it stays in the cause.
        raise EncodingError("something in the report is larger than a page") from error
    return buffer.getvalue()


def _story(
    contents: Contents, answer: tuple[Light, str, str], pictures: list[tuple[str, Picture]]
) -> list[Flowable]:
    light, headline, words = answer
    story: list[Flowable] = [
        parts.paragraph("Mammography AI report", styles.TITLE),
        parts.paragraph(statement.RESEARCH_USE, styles.NOTICE),
        Spacer(0, 2 * mm),
        parts.facts_beside(contents.patient, contents.study),
        Spacer(0, 3 * mm),
        parts.answer_block(light, headline, words),
        Spacer(0, 3 * mm),
    ]
    for number, (caption, picture) in enumerate(pictures):
        story.append(parts.figure(caption, picture, tall=number == 0))
    story += [part for table in contents.tables for part in parts.tabled(table)]
    story.append(parts.paragraph("How this came about", styles.HEADING))
    story.append(parts.facts(contents.provenance))
    return story


def _decorate(canvas: Any, identity: str) -> None:
    """Put who and which study at the head of each page, and what this is at its foot."""
    canvas.saveState()
    canvas.setFont(styles.REGULAR, 7.5)
    canvas.drawString(styles.MARGIN, styles.PAGE_HEIGHT - styles.MARGIN, identity)
    canvas.drawString(styles.MARGIN, styles.MARGIN, statement.RESEARCH_USE)
    right, number = styles.PAGE_WIDTH - styles.MARGIN, canvas.getPageNumber()
    canvas.drawRightString(right, styles.MARGIN, f"page {number}")
    canvas.restoreState()
