"""Segmentations: maps on the image's own grid, pixel by pixel, and whose they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import OutputKind, StudyResult, ViewPicture
from tests.golden import samples
from tests.pictures import picture, pictures

RESULT = samples.answers()["findings"]


def encoded(result: StudyResult, shown: dict[str, ViewPicture]) -> list:
    return list(
        encode_study(
            result,
            samples.headers(result),
            [OutputKind.SEG],
            equipment=samples.EQUIPMENT,
            content_datetime=samples.WHEN,
            pictures=shown,
        )
    )


def datasets(result: StudyResult, shown: dict[str, ViewPicture]) -> list[Dataset]:
    return [one.dataset for one in encoded(result, shown)]


def test_the_breast_comes_out_as_it_went_in(tmp_path):
    """One bit a pixel, on the stored image's grid, read back by another library."""
    made = encoded(RESULT, pictures(RESULT))
    assert len(made) == 4
    for view, one in zip(RESULT.views, made, strict=True):
        path = tmp_path / "seg.dcm"
        one.write(path)
        # Not highdicom's segread: it wants a Slice Thickness, which a projection does not have.
        read = pydicom.dcmread(path)
        expected = picture(view).breast
        assert read.SegmentationType == "BINARY"
        assert np.array_equal(read.pixel_array.squeeze().astype(bool), expected)
        reference = read.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
        assert reference.ReferencedSOPInstanceUID == view.ref.sop_instance_uid
        assert len(one.to_bytes()) < expected.size / 8 + 4096


def test_relevance_is_fractional_to_one_step_in_255():
    """A relevance map survives to a byte a pixel, and says that it is no probability."""
    view = RESULT.views[0]
    ramp = np.tile(np.linspace(0, 1, view.columns, dtype=np.float32), (view.rows, 1))
    shown = replace(picture(view), breast=None, relevance=ramp)
    (ds,) = datasets(RESULT, {view.ref.sop_instance_uid: shown})
    stored = np.frombuffer(ds.PixelData, np.uint8)[: ramp.size].reshape(ramp.shape)
    assert (ds.SegmentationType, ds.SegmentationFractionalType) == ("FRACTIONAL", "PROBABILITY")
    assert np.abs(stored / ds.MaximumFractionalValue - ramp).max() <= 0.5 / 255 + 1e-6
    assert "no probability" in ds.ContentDescription
    assert ds.SegmentSequence[0].SegmentAlgorithmName == samples.MODEL.name


def test_a_map_without_anything_is_still_a_map():
    """A model that found nothing relevant has an empty map, not none; no breast is no map."""
    view = RESULT.views[0]
    empty = np.zeros((view.rows, view.columns), dtype=np.float32)
    shown = replace(picture(view), breast=empty.astype(bool), relevance=empty)
    (ds,) = datasets(RESULT, {view.ref.sop_instance_uid: shown})
    assert ds.SegmentationType == "FRACTIONAL"
    assert not any(ds.PixelData)


def test_patient_and_identity_are_those_of_all_results():
    """Patient and study are the source's, UIDs are derived, and no clock has a say."""
    first, second = (encoded(RESULT, pictures(RESULT, relevant=True)) for _ in range(2))
    assert [one.to_bytes() for one in first] == [one.to_bytes() for one in second]
    uids = {one.sop_instance_uid for one in first}
    assert len(uids) == len(first) == 8
    for one in first:
        ds = one.dataset
        assert str(ds.PatientName) == "Phantom^Übung"
        assert ds.StudyInstanceUID == samples.STUDY_UID
        assert ds.Manufacturer == "mammo_node"
        assert ds.DimensionOrganizationSequence[0].DimensionOrganizationUID.startswith("2.25.")


def test_without_pictures_there_are_no_maps():
    """A failed study, of which nobody made pictures, has no segmentation."""
    failed = samples.answers()["failed"]
    assert datasets(failed, pictures(failed)) == []
