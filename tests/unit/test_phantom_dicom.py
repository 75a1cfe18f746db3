"""Phantom studies as DICOM: complete, deterministic, valid."""

import pydicom
import pytest

from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import derived_uid, write_study
from mammo_node.phantom.stored import store


@pytest.fixture(scope="module")
def written(tmp_path_factory, texture_bank):
    """A small study and its files."""
    study = generate_study(8, pixel_spacing_mm=0.6, bank=texture_bank)
    return study, write_study(study, tmp_path_factory.mktemp("phantom"))


def test_files_hold_the_pixels(written):
    """Each file is a For Presentation mammogram with the view's stored values and spacing."""
    study, paths = written
    for view, path in zip(study.views, paths, strict=True):
        ds = pydicom.dcmread(path)
        assert ds.SOPClassUID == "1.2.840.10008.5.1.4.1.1.1.2"
        assert (ds.ImageLaterality, ds.ViewPosition) == (view.laterality, view.view)
        assert str(ds.PatientName).startswith("PHANTOM^")
        assert float(ds.ImagerPixelSpacing[0]) == view.pixel_spacing_mm
        assert (ds.pixel_array == store(view, study.recipe).values).all()


def test_same_study_same_files(written, tmp_path):
    """Writing again gives the same bytes, UIDs included, and every UID is legal."""
    study, paths = written
    again = write_study(study, tmp_path)
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]
    assert derived_uid("x").is_valid
    assert len({pydicom.dcmread(p).SOPInstanceUID for p in paths}) == 4
    assert len({pydicom.dcmread(p).StudyInstanceUID for p in paths}) == 1
