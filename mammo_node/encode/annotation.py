"""Marks and words of a presentation state (PS3.3 C.10.5 Graphic Annotation, C.10.7 Layer)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mammo_node.encode import layout, outline, statement
from mammo_node.encode.identity import ResultIdentity
from mammo_node.encode.layout import Area
from mammo_node.vocabulary import StudyResult, ViewResult

LAYER: Final = "MAMMO_AI"
#: A light yellow as PCS values (PS3.3 C.10.7.1.1): L* 0..65535 is 0..100, a* and b* are
#: offset by 128: L* 90, a* -10, b* 70.
_LAYER_CIELAB = [58982, 30326, 50886]
#: Lines at the bottom edge of the display, as parts of it.
_FOOT_LINES = ((0.93, 0.96), (0.96, 0.99))
#: What fits a portrait display at a legible size.
_FOOT_LETTERS = 110
_FOOT_LEFT, _FOOT_RIGHT = 0.02, 0.98


def put_annotations(
    ds: Dataset, result: StudyResult, view: ViewResult, image: Dataset, identity: ResultIdentity
) -> None:
    """Put one annotation per lesion, and one with the answer, on a presentation state."""
    layer = Dataset()
    layer.GraphicLayer = LAYER
    layer.GraphicLayerOrder = 1
    layer.GraphicLayerRecommendedDisplayCIELabValue = _LAYER_CIELAB
    layer.GraphicLayerDescription = "AI marks, research use only"
    ds.GraphicLayerSequence = Sequence([layer])
    ds.GraphicAnnotationSequence = Sequence(
        [*_lesions(result, view, image, identity), _answer(result, view, image)]
    )


def _lesions(
    result: StudyResult, view: ViewResult, image: Dataset, identity: ResultIdentity
) -> list[Dataset]:
    outlines = [outline.polygon(finding, view) for finding in view.findings]
    captions = [statement.finding_caption(i, f) for i, f in enumerate(view.findings)]
    whole = Area(0.0, 0.0, float(view.columns), float(view.rows))
    height = view.rows * layout.LINE_HEIGHT
    widths = [layout.text_width(caption, height) for caption in captions]
    areas = layout.caption_areas(outlines, widths, whole, height)
    annotations = []
    for index, (points, caption, area) in enumerate(zip(outlines, captions, areas, strict=True)):
        graphic = _polyline(outline.closed(points))
        graphic.TrackingID = statement.finding_name(result, view, index)
        graphic.TrackingUID = UID(identity.tracking_uid(view.ref.sop_instance_uid, index))
        item = _annotation(image)
        item.GraphicObjectSequence = Sequence([graphic])
        item.TextObjectSequence = Sequence([_text(caption, area, points)])
        annotations.append(item)
    return annotations


def _annotation(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedImageSequence = Sequence([image])
    item.GraphicLayer = LAYER
    return item


def _polyline(points: npt.NDArray[np.float64]) -> Dataset:
    """Return a closed outline in image pixels (PS3.3 C.10.5.1.2)."""
    graphic = Dataset()
    graphic.GraphicAnnotationUnits = "PIXEL"
    graphic.GraphicDimensions = 2
    graphic.NumberOfGraphicPoints = len(points)
    graphic.GraphicData = [float(value) for value in points.ravel()]
    graphic.GraphicType = "POLYLINE"
    graphic.GraphicFilled = "N"
    return graphic


def _text(caption: str, area: Area, points: npt.NDArray[np.float64]) -> Dataset:
    """Return a caption near its lesion, anchored to it for viewers that place text themselves."""
    mark = layout.bounds(points)
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "PIXEL"
    item.AnchorPointAnnotationUnits = "PIXEL"
    item.UnformattedTextValue = caption
    item.BoundingBoxTopLeftHandCorner = [area.left, area.top]
    item.BoundingBoxBottomRightHandCorner = [area.right, area.bottom]
    item.BoundingBoxTextHorizontalJustification = "LEFT"
    item.AnchorPoint = [mark.left, mark.top]
    item.AnchorPointVisibility = "N"
    return item


def _answer(result: StudyResult, view: ViewResult, image: Dataset) -> Dataset:
    """Return what the answer says of the image, at the foot of the display."""
    words = f"AI: {statement.view_statement(result, view)}"
    lines = (statement.shortened(words, _FOOT_LETTERS), statement.RESEARCH_USE)
    item = _annotation(image)
    item.TextObjectSequence = Sequence(
        [_foot(line, *place) for line, place in zip(lines, _FOOT_LINES, strict=True)]
    )
    return item


def _foot(line: str, top: float, bottom: float) -> Dataset:
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "DISPLAY"
    item.UnformattedTextValue = line
    item.BoundingBoxTopLeftHandCorner = [_FOOT_LEFT, top]
    item.BoundingBoxBottomRightHandCorner = [_FOOT_RIGHT, bottom]
    item.BoundingBoxTextHorizontalJustification = "CENTER"
    return item
