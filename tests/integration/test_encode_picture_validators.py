"""Other people's validators on the objects that show images: overview, PDF and maps."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import pydicom
import pytest

from mammo_node.encode.extract import extract
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import OutputKind, StudyResult
from tests.golden import samples
from tests.peers import require
from tests.pictures import pictures
from tests.studies import dciodvfy

ANSWERS = samples.answers()
SHOWING = [OutputKind.OVERVIEW, OutputKind.PDF, OutputKind.SEG]


def written(
    result: StudyResult, folder: Path, kinds: list[OutputKind], **headers: object
) -> list[Path]:
    sources = samples.headers(result)
    for source in sources.values():
        for keyword, value in headers.items():
            setattr(source, keyword, value)
    made = encode_study(
        result,
        sources,
        kinds,
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, relevant=True),
    )
    paths = [folder / f"{number}-{one.kind.value}.dcm" for number, one in enumerate(made)]
    for one, path in zip(made, paths, strict=True):
        one.write(path)
    return paths


@pytest.mark.parametrize("name", ANSWERS)
def test_dciodvfy_has_nothing_to_say(name: str, tmp_path: Path):
    """No overview, report or map of any answer has an error or a warning."""
    files = written(ANSWERS[name], tmp_path, SHOWING)
    assert {path.name: dciodvfy(path) for path in files if dciodvfy(path)} == {}
    assert len(files) >= 2


def test_dciodvfy_has_nothing_to_say_of_other_sources(tmp_path: Path):
    """The same holds for lossy images with a name burned in, and for a second generation."""
    files = written(
        replace(ANSWERS["findings"], generation=2),
        tmp_path,
        SHOWING,
        BurnedInAnnotation="YES",
        LossyImageCompression="01",
        LossyImageCompressionRatio="12.5",
        LossyImageCompressionMethod="ISO_15444_1",
        PatientOrientation=["P", "L"],
        TimezoneOffsetFromUTC="+0100",
    )
    assert {path.name: dciodvfy(path) for path in files if dciodvfy(path)} == {}


def test_dcmtk_shows_the_overview_and_takes_the_report_out(tmp_path: Path):
    """DCMTK shows the overview as it is, pixel by pixel, and takes the same PDF out."""
    overview, _, report, *_ = written(ANSWERS["findings"], tmp_path, SHOWING)
    picture, pdf = tmp_path / "overview.ppm", tmp_path / "report.pdf"
    subprocess.run([require("dcm2pnm"), str(overview), str(picture)], check=True, timeout=60)
    subprocess.run([require("dcm2pdf"), str(report), str(pdf)], check=True, timeout=60)
    shown = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
    assert shown.tobytes() == pydicom.dcmread(overview).PixelData
    extracted = extract(pydicom.dcmread(report))
    assert extracted is not None
    assert pdf.read_bytes().rstrip(b"\0") == extracted.content


@pytest.mark.parametrize("name", ["findings", "partial", "failed-unread"])
def test_dcentvfy_finds_one_patient_one_study(name: str, tmp_path: Path):
    """Patient, study, series and equipment agree over all results and the images themselves."""
    result = ANSWERS[name]
    files = written(result, tmp_path, list(OutputKind))
    for number, header in enumerate(samples.headers(result).values()):
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        files.append(tmp_path / f"image-{number}.dcm")
        header.save_as(files[-1], enforce_file_format=True)
    done = subprocess.run(
        [require("dcentvfy"), *map(str, files)], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).splitlines()
    complaints = [line for line in said if line.startswith(("Error", "Warning"))]
    # Of documents its tables file the accession number under another entity than of images.
    tables_of_its_own = [x for x in complaints if "Different information entities" in x]
    assert [line for line in complaints if line not in tables_of_its_own] == []
    assert all("<AccessionNumber>" in line for line in tables_of_its_own)
