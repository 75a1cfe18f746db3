"""PNG and PDF out of result objects: what they hold, byte by byte and pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np

from mammo_node.encode.extract import extract
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import OutputKind
from tests.golden import samples
from tests.pictures import pictures


def test_pictures_and_documents_come_out_as_they_are() -> None:
    """Overviews are PNGs of the same pixels, the report is its PDF, other kinds are nothing."""
    result = samples.answers()["findings"]
    made = encode_study(
        result,
        samples.headers(result),
        [OutputKind.SR, OutputKind.OVERVIEW, OutputKind.PDF],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, relevant=True),
    )
    found = {e.name: e.content for e in (extract(one.dataset) for one in made) if e is not None}
    assert list(found) == ["overview.png", "overview-relevance.png", "report.pdf"]
    png = cv2.imdecode(np.frombuffer(found["overview.png"], np.uint8), cv2.IMREAD_COLOR)
    assert cv2.cvtColor(png, cv2.COLOR_BGR2RGB).tobytes() == made[1].dataset.PixelData
    assert found["report.pdf"].startswith(b"%PDF-")
    assert found["report.pdf"].rstrip().endswith(b"%%EOF")
