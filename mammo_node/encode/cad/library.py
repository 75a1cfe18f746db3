"""The image library: every image that the answer speaks of (PS3.16 TID 4020)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from mammo_node.encode import codes, items, source, statement
from mammo_node.encode.cad import concepts
from mammo_node.encode.cad.tree import Cad
from mammo_node.header import attributes
from mammo_node.vocabulary import InstanceRef, ViewResult

#: Distances at the receptor's plane are what 111026 and 111066 mean for projection images;
#: on digitised film the pitch of the scan is the same thing.
_SPACINGS = ("ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelSpacing")
_MICROMETERS = 1000.0
_MICROMETER_DECIMALS = 3


def image_library(cad: Cad) -> Dataset:
    """Return the library, in the order that :attr:`Cad.positions` counts by."""
    entries = [_entry(cad, ref) for ref in cad.common.references]
    return items.container(items.CONTAINS, codes.IMAGE_LIBRARY, entries)


def _entry(cad: Cad, ref: InstanceRef) -> Dataset:
    """Return TID 4020: the image, with what is known of it."""
    view = cad.views.get(ref.sop_instance_uid)
    header = cad.common.headers.get(ref.sop_instance_uid, Dataset())
    known = [] if view is None else list(_view(view))
    known += [*_orientation(header), *_times(header), *_spacing(header)]
    return items.image(items.CONTAINS, ref, known)


def _view(view: ViewResult) -> Iterator[Dataset]:
    context = items.HAS_ACQ_CONTEXT
    if view.laterality is not None:
        yield items.code(context, codes.IMAGE_LATERALITY, concepts.SIDES[view.laterality])
    if view.view is not None and view.view in codes.VIEWS:
        yield items.code(context, codes.IMAGE_VIEW, codes.VIEWS[view.view])


def _orientation(header: Dataset) -> Iterator[Dataset]:
    found = attributes.words(header, "PatientOrientation")
    if len(found) == 2 and all(found):  # row, column (PS3.3 C.7.6.1.1.1)
        names = (concepts.ROW_ORIENTATION, concepts.COLUMN_ORIENTATION)
        for name, value in zip(names, found, strict=True):
            yield items.text(items.HAS_ACQ_CONTEXT, name, statement.plain(value))


def _times(header: Dataset) -> Iterator[Dataset]:
    context = items.HAS_ACQ_CONTEXT
    dates = (("StudyDate", concepts.STUDY_DATE), ("ContentDate", concepts.CONTENT_DATE))
    times = (("StudyTime", concepts.STUDY_TIME), ("ContentTime", concepts.CONTENT_TIME))
    for (date, date_name), (time, time_name) in zip(dates, times, strict=True):
        if (value := source.source_value(header, date)) is not None:
            yield items.date(context, date_name, value)
        if (value := source.source_value(header, time)) is not None:
            yield items.time(context, time_name, value)


def _spacing(header: Dataset) -> Iterator[Dataset]:
    found = (attributes.numbers(header, keyword) for keyword in _SPACINGS)
    pairs = (pair for pair in found if len(pair) == 2 and min(pair) > 0)
    row_mm, column_mm = next(pairs, (0.0, 0.0))
    if row_mm and column_mm:
        names = (concepts.HORIZONTAL_SPACING, concepts.VERTICAL_SPACING)
        for name, value_mm in zip(names, (column_mm, row_mm), strict=True):
            micrometers = round(value_mm * _MICROMETERS, _MICROMETER_DECIMALS)
            yield items.number(items.HAS_ACQ_CONTEXT, name, micrometers, concepts.MICROMETER)
