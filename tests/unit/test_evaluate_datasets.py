"""Public data sets are read as they are distributed, traps included."""

from __future__ import annotations

import builtins
import shutil

import numpy as np
import pytest

from mammo_node.errors import GroundTruthError
from mammo_node.evaluate.datasets import READERS, load, split_by_patient
from mammo_node.evaluate.images import read_image
from mammo_node.evaluate.labels import CLUSTER, MASS, TEN_FINDINGS
from mammo_node.evaluate.records import Density, ImageRecord
from mammo_node.image.policy import Policy
from mammo_node.vocabulary import Box, Laterality, MammoImage, SpacingOrigin, View
from tests.unit import data_sets

POLICY = Policy(secondary_capture=True)


def by_name(records):
    """Records by their name."""
    return {record.image_id: record for record in records}


def test_cbis_finds_images_and_masks_whatever_the_tables_paths_say(tmp_path):
    """Folders' names lead to the files; the mask is known by its size, not by its name."""
    records = by_name(load("cbis-ddsm", data_sets.cbis(tmp_path)))
    assert sorted(records) == [
        "Calc-Test_P_00001_LEFT_CC",
        "Mass-Test_P_00002_RIGHT_MLO",
        "Mass-Training_P_00001_LEFT_CC",
    ]
    film = records["Mass-Training_P_00001_LEFT_CC"]
    assert film.path.name == "1-1.dcm"
    assert "full mammogram" in str(film.path)
    assert [f.box_px for f in film.findings] == [Box(30, 20, 70, 50), Box(40, 100, 60, 120)]
    assert [f.malignant for f in film.findings] == [True, False]
    assert film.findings[0].original_label == "ROUND, SPICULATED"
    assert {f.label for f in film.findings} == {MASS}
    assert (film.patient, film.laterality, film.view) == ("P_00001", Laterality.LEFT, View.CC)
    assert (film.density, film.split, film.malignant) == (Density.C, "training", True)
    # A density of 0 was never read.
    assert records["Mass-Test_P_00002_RIGHT_MLO"].density is None


def test_cbis_mask_of_another_size_is_scaled(tmp_path):
    """A mask of half the size gives the box in the mammogram's pixels."""
    records = by_name(load("cbis-ddsm", data_sets.cbis(tmp_path)))
    calc = records["Calc-Test_P_00001_LEFT_CC"]
    assert [(f.label, f.box_px) for f in calc.findings] == [(CLUSTER, Box(40, 20, 80, 60))]
    assert calc.annotated == frozenset({CLUSTER})
    assert calc.split == "test"


def test_cbis_film_is_completed_from_the_record(tmp_path):
    """Side, view and pitch that the file does not say come from the tables."""
    film = by_name(load("cbis-ddsm", data_sets.cbis(tmp_path)))["Mass-Test_P_00002_RIGHT_MLO"]
    image = read_image(film, POLICY)
    assert isinstance(image, MammoImage)
    assert (image.laterality, image.view) == (Laterality.RIGHT, View.MLO)
    assert image.spacing.row_mm == pytest.approx(0.046)
    assert image.orientation.chest_wall_right


def test_cbis_says_which_mask_is_missing(tmp_path):
    """Without a mask's folder there is an error that names its line; or the film is left out."""
    root = data_sets.cbis(tmp_path)
    shutil.rmtree(root / "CBIS-DDSM" / "Mass-Test_P_00002_RIGHT_MLO_1")
    with pytest.raises(GroundTruthError, match=r"test_set.csv: line .*Mass-Test_P_00002_RIGHT_MLO"):
        load("cbis-ddsm", root)
    assert len(load("cbis-ddsm", root, skip_missing=True)) == 2


def test_vindr_lists_every_image_and_finding(tmp_path):
    """A box of two categories is two findings; an image without findings is normal."""
    records = by_name(load("vindr-mammo", data_sets.vindr(tmp_path)))
    assert sorted(records) == ["i1", "i2", "i3", "i4"]
    first = records["i1"]
    assert [f.label for f in first.findings] == [MASS, CLUSTER, "skin-thickening"]
    assert first.findings[1].original_label == "Suspicious Calcification"
    assert first.findings[1].box_px == Box(10.5, 20, 40, 60.25)
    assert [f.malignant for f in first.findings] == [True, True, False]
    assert (first.density, first.malignant, first.split) == (Density.C, True, "training")
    assert first.annotated == frozenset(TEN_FINDINGS)
    assert (records["i3"].findings, records["i3"].malignant) == ((), False)
    assert isinstance(read_image(first, POLICY), MammoImage)


def test_inbreast_reads_regions_and_patients(tmp_path):
    """Regions are boxes round their points; patients come from the files' names."""
    records = by_name(load("inbreast", data_sets.inbreast(tmp_path)))
    first = records["22678622"]
    assert [(f.label, f.original_label) for f in first.findings] == [
        (MASS, "Mass"),
        ("calcification", "Calcification"),
        ("other", "Espiculated Region"),
        (CLUSTER, "Cluster"),
    ]
    assert first.findings[0].box_px == Box(30.5, 40.25, 60, 80)
    assert first.findings[1].box_px == Box(99.5, 100.5, 100.5, 101.5)
    assert first.patient == records["22678646"].patient != records["22678787"].patient
    assert [records[n].malignant for n in sorted(records)] == [True, False, True]
    assert [records[n].density for n in sorted(records)] == [Density.D, Density.D, None]


def test_cmmd_takes_the_breasts_that_are_in_the_table(tmp_path):
    """Findings are of the breast, without boxes; a breast without a line is left out."""
    records = load("cmmd", data_sets.cmmd(tmp_path))
    assert [(r.patient, r.laterality, r.view) for r in records] == [
        ("D1-0001", "R", "CC"),
        ("D1-0001", "R", "MLO"),
        ("D1-0002", "L", "CC"),
        ("D1-0002", "L", "MLO"),
    ]
    assert [f.label for f in records[2].findings] == [MASS, CLUSTER]
    assert [f.box_px for f in records[2].findings] == [None, None]
    assert [r.malignant for r in records] == [False, False, True, True]
    assert records[0].sop_instance_uid == "1.2.1.82.1"


def test_cmmd_reads_the_excel_sheet(tmp_path):
    """The table as TCIA has it gives the same records as a CSV saved from it."""
    openpyxl = pytest.importorskip("openpyxl")
    root = data_sets.cmmd(tmp_path)
    from_csv = load("cmmd", root)
    table = root / "CMMD_clinicaldata_revision.csv"
    book = openpyxl.Workbook()
    for line in table.read_text().splitlines():
        book.active.append([int(c) if c.isdigit() else c or None for c in line.split(",")])
    book.save(root / "CMMD_clinicaldata_revision.xlsx")
    table.unlink()
    assert load("cmmd", root) == from_csv


def test_excel_without_its_library_says_what_to_do(tmp_path, monkeypatch):
    """Without openpyxl the error names the extra, and the other way: a CSV."""
    root = data_sets.cmmd(tmp_path)
    (root / "CMMD_clinicaldata_revision.csv").rename(root / "CMMD_clinicaldata_revision.xlsx")
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("openpyxl"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GroundTruthError, match=r"mammo-node\[training\].*revision.csv beside"):
        load("cmmd", root)


def test_what_is_no_excel_sheet_is_an_error(tmp_path):
    """Another file under the sheet's name is told as such, not as a library's trace."""
    pytest.importorskip("openpyxl")
    root = data_sets.cmmd(tmp_path)
    (root / "CMMD_clinicaldata_revision.csv").rename(root / "CMMD_clinicaldata_revision.xlsx")
    with pytest.raises(GroundTruthError, match="not an Excel file"):
        load("cmmd", root)


def test_mini_mias_turns_circles_over(tmp_path):
    """Circles count from the bottom left; records have boxes that count from the top."""
    records = by_name(load("mini-mias", data_sets.mini_mias(tmp_path)))
    first, second, third, fourth = (records[f"mdb{n:03d}"] for n in range(1, 5))
    assert first.findings[0].box_px == Box(535 - 197, 599 - 197, 535 + 197, 599 + 197)
    assert (first.findings[0].label, first.malignant) == (MASS, False)
    assert (second.findings, second.malignant) == ((), False)
    assert [(f.label, f.malignant) for f in third.findings] == [(MASS, True), (CLUSTER, False)]
    assert [(f.label, f.box_px) for f in fourth.findings] == [(CLUSTER, None)]
    assert first.patient == second.patient != third.patient
    assert [r.laterality for r in (first, second)] == ["R", "L"]


def test_mini_mias_films_are_read(tmp_path):
    """A PGM becomes an upright image of 0.2 mm, its bytes as they are in the file."""
    record = load("mini-mias", data_sets.mini_mias(tmp_path))[1]
    image = read_image(record, POLICY)
    assert isinstance(image, MammoImage)
    assert np.array_equal(image.stored, data_sets.breast(right=False) >> 4)
    assert (image.spacing.row_mm, image.spacing.origin) == (0.2, SpacingOrigin.PIXEL_SPACING)
    assert not image.orientation.chest_wall_right


def test_a_broken_picture_is_a_refusal(tmp_path):
    """A file that is no picture is refused with a reason, as broken DICOM is."""
    root = data_sets.mini_mias(tmp_path)
    (root / "mdb001.pgm").write_bytes(b"P5\n1024")
    refusal = read_image(load("mini-mias", root)[0], POLICY)
    assert refusal.reason == "pixel-data"


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_folder_of_something_else_says_what_is_missing(tmp_path, name):
    """Each reader names the file that it does not find."""
    with pytest.raises(GroundTruthError, match=str(tmp_path)):
        load(name, tmp_path)
    with pytest.raises(GroundTruthError, match="no such folder"):
        load(name, tmp_path / "nowhere")


def test_missing_images_are_counted_and_named(tmp_path):
    """An image that is not there is an error with its path, or left out on demand."""
    root = data_sets.vindr(tmp_path)
    (root / "images" / "s1" / "i2.dicom").unlink()
    with pytest.raises(GroundTruthError, match=r"1 of 4 images.*i2\.dicom.*--skip-missing"):
        load("vindr-mammo", root)
    assert len(load("vindr-mammo", root, skip_missing=True)) == 3


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("'Skin Thickening'", "'Elephant'", "line 3: unknown label 'Elephant'"),
        ("xmin", "left", "column 'xmin' is missing"),
        ("10.5", "ten", "line 2: xmin = 'ten' is not a number"),
    ],
)
def test_mistakes_in_a_table_name_file_and_line(tmp_path, old, new, message):
    """What is wrong in a table is told with the place and what would be right."""
    table = data_sets.vindr(tmp_path) / "finding_annotations.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(GroundTruthError, match=message) as raised:
        load("vindr-mammo", tmp_path)
    assert "finding_annotations.csv" in str(raised.value)


def records_of(patients: int, split: str | None = None, each: int = 2) -> list[ImageRecord]:
    """Bare records."""
    return [
        ImageRecord(f"{p}-{n}", None, f"p{p}", f"p{p}", Laterality.LEFT, View.CC, split=split)
        for p in range(patients)
        for n in range(each)
    ]


def test_split_keeps_patients_together_and_stays():
    """No patient in two groups, shares as asked, and more patients move none of the others."""
    split = split_by_patient(records_of(500), validation=0.1, test=0.2)
    groups = [{r.patient for r in part} for part in (split.training, split.validation, split.test)]
    assert sum(map(len, groups)) == 500
    assert len(set().union(*groups)) == 500
    assert 0.15 < len(groups[2]) / 500 < 0.25
    assert 0.05 < len(groups[1]) / 400 < 0.15
    more = split_by_patient(records_of(600), validation=0.1, test=0.2)
    assert groups[2] <= {r.patient for r in more.test}
    assert split_by_patient(records_of(500), seed=1) != split


def test_official_split_holds_and_leaks_nothing(tmp_path):
    """CBIS-DDSM's test films are the test; a patient who is in both is not trained on."""
    split = split_by_patient(load("cbis-ddsm", data_sets.cbis(tmp_path)), validation=0)
    assert [r.image_id for r in split.test] == [
        "Calc-Test_P_00001_LEFT_CC",
        "Mass-Test_P_00002_RIGHT_MLO",
    ]
    assert split.training == ()
