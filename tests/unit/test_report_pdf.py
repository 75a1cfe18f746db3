"""The PDF report: what stands on its pages, for every kind of answer."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from mammo_node.encode.pdf import printable
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import Box, DensityCategory, OutputKind, RefusalReason, StudyResult
from tests.golden import samples
from tests.peers import require
from tests.pictures import pictures

ANSWERS = samples.answers()


def report(result: StudyResult, headers: dict[str, Dataset] | None = None, **more: object):
    """The object with the report, and the PDF in it."""
    relevant = bool(more.pop("relevant", False))
    (made,) = encode_study(
        result,
        headers or samples.headers(result),
        [OutputKind.PDF],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        pictures=pictures(result, relevant=relevant),
        **more,  # type: ignore[arg-type]
    )
    ds = made.dataset
    return made, ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]


def words(pdf: bytes, folder: Path) -> str:
    """What a reader of the pages reads, on one line."""
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    command = [require("pdftotext"), "-raw", str(path), "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return " ".join(done.stdout.decode("utf-8").split())


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_a_report_of_one_or_two_pages(name: str, tmp_path: Path):
    """Answer, research-use statement and patient stand on every report; it is not long."""
    made, pdf = report(ANSWERS[name])
    text = words(pdf, tmp_path)
    assert pages(pdf) <= 2
    assert text.count("Research use only. Not a medical device. Not for diagnosis.") > pages(pdf)
    assert text.count("Phantom, Übung · ID PHANTOM-1 · study 2026-11-21") == pages(pdf)
    assert made.dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert made.dataset.BurnedInAnnotation == "YES"
    assert len(made.dataset.EncapsulatedDocument) % 2 == 0


def test_findings_are_tabled_with_score_and_size(tmp_path: Path):
    """Each finding is a row with label, score, operating point, mm and model."""
    text = words(report(ANSWERS["findings"])[1], tmp_path)
    assert "R-CC-1 mass 0.87 0.35 14.3 mm lesion-detector 1.2.0" in text
    assert "R-CC-2 calcification-cluster 0.41 0.40 13.0 mm" in text
    assert "0.065 mm, Imager Pixel Spacing / Estimated" in text
    assert "a5a5a5" in text
    assert "Site" not in text


def test_the_site_has_a_column_where_it_is_known(tmp_path: Path):
    """Where a model tells the site, the table has it."""
    result = ANSWERS["findings"]
    first = result.views[0]
    sited = replace(first.findings[0], site="upper outer quadrant")
    views = (replace(first, findings=(sited,)), *result.views[1:])
    text = words(report(replace(result, views=views))[1], tmp_path)
    assert "Site" in text
    assert "upper outer" in text


def test_lesions_seen_in_several_views_are_named_together(tmp_path: Path):
    """Findings that were matched stand in one row; without matches there is no such table."""
    heading = "Lesions seen in several views"
    text = words(report(samples.matched())[1], tmp_path)
    assert heading in text
    assert "R-CC-1, R-MLO-1" in text
    assert heading not in words(report(ANSWERS["findings"])[1], tmp_path)


def test_what_is_said_across_a_breast_has_its_rows(tmp_path: Path):
    """Assessment and density of each breast, places, comparison and image scores stand there."""
    made = report(samples.rich())[1]
    text = words(made, tmp_path)
    for row in (
        "Right breast red 0.71 4 a mass in both views C (0.71)",
        "Left breast amber 0.41 1 a cluster in one view B (0.60)",
        "Patient red 0.71 4 a mass in both views of the right breast C (0.71)",
        "43.2 mm from the nipple",
        "R-CC-1 score raised from 0.42 to 0.58: R-MLO-1 is at the same distance",
        "R-CC nodule 0.63 4 nodules 2.0.0",
        "no BI-RADS assessment",
        "from its amber point on",
    ):
        assert row in text
    assert pages(made) <= 3


def test_every_density_model_has_its_word(tmp_path: Path):
    """Two models in use may differ: neither is left out."""
    result = samples.rich()
    other = replace(result.densities[0], category=DensityCategory.B)
    text = words(report(replace(result, densities=(*result.densities, other)))[1], tmp_path)
    assert "C (0.71), B (0.12)" in text


def test_refusals_stand_with_their_reason(tmp_path: Path):
    """Every image that was not analysed is named with why."""
    text = words(report(ANSWERS["partial"])[1], tmp_path)
    assert "L-MLO Not analysed (pixel-data): the JPEG stream ends early" in text
    assert "R-CC.2 Not analysed (tomosynthesis)" in text


def test_relevance_maps_have_a_picture_of_their_own(tmp_path: Path):
    """With relevance maps there is one picture more, and the words that say what it is."""
    plain, heated = (report(ANSWERS["findings"], relevant=r)[1] for r in (False, True))
    assert "Relevance:" not in words(plain, tmp_path)
    assert "Relevance:" in words(heated, tmp_path)
    assert heated.count(b"/Subtype /Image") == plain.count(b"/Subtype /Image") + 1
    assert pages(heated) == 2


def test_a_result_names_those_that_it_supersedes(tmp_path: Path):
    """A later result says which number it is and what came before."""
    prior = report(ANSWERS["findings"])[0].as_prior()
    late = replace(ANSWERS["findings"], generation=2, configuration_hash="c2" * 32)
    text = words(report(late, predecessors=[prior])[1], tmp_path)
    assert "Result 2 of this study" in text
    assert prior.sop_instance_uid in text.replace(" ", "")


def test_the_same_study_gives_the_same_bytes():
    """No time of day, no random identifier: the report is deterministic."""
    assert report(ANSWERS["partial"])[1] == report(ANSWERS["partial"])[1]


def test_another_process_gives_the_same_bytes():
    """Nor does it depend on the process: after a crash the same UID means the same bytes."""
    program = (
        "import hashlib; from tests.unit.test_report_pdf import ANSWERS, report;"
        "print(hashlib.sha256(report(ANSWERS['failed'])[1]).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(report(ANSWERS["failed"])[1]).hexdigest()


def test_many_findings_run_over_to_more_pages(tmp_path: Path):
    """However many findings there are, each of them has its row."""
    view = ANSWERS["findings"].views[0]
    found = tuple(
        samples.finding("mass", 0.9 - n / 1000, Box(10.0 * n, 10.0, 10.0 * n + 50, 90.0))
        for n in range(150)
    )
    crowded = replace(ANSWERS["findings"], views=(replace(view, findings=found),))
    text = words(report(crowded)[1], tmp_path)
    assert "R-CC-150 mass" in text


def test_whatever_length_things_have_there_is_a_report(tmp_path: Path):
    """Names, IDs and reasons of absurd length are laid out; the ID is there letter by letter."""
    result = replace(ANSWERS["partial"], reason="why " * 2000, generation=9)
    broken = samples.refused(result.views[3], RefusalReason.PIXEL_DATA, "x" * 9000)
    finding = replace(result.views[0].findings[0], label="l" * 900, site="s " * 900)
    first = replace(result.views[0], findings=(finding,) * 3)
    result = replace(result, views=(first, *result.views[1:3], broken))
    headers = samples.headers(result)
    patient_id = "".join(f"{n:03d}" for n in range(70))
    for header in headers.values():
        header.PatientID, header.PatientName = patient_id, "N" * 300 + "^" + "G" * 300
        header.StudyDescription = header.AccessionNumber = "D" * 500
    text = words(report(result, headers)[1], tmp_path).replace(" ", "")
    assert "document2.25." in text
    assert patient_id in text


def test_nothing_in_the_file_is_active():
    """No script, no link out, no form: a PDF that a hospital's filters let through."""
    pdf = report(ANSWERS["findings"])[1]
    for word in (b"/JavaScript", b"/JS", b"/OpenAction", b"/Launch", b"/URI", b"/AcroForm"):
        assert word not in pdf


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Doe^Jane^Q^Dr^PhD", "Doe, Dr Jane Q PhD"),
        ("Παπαδοπούλου^Ελένη", "Παπαδοπούλου, Ελένη"),
        ("Иванова^Анна", "Иванова, Анна"),
        ("Yamada^Hanako=山田^花子=やまだ^はなこ", "Yamada, Hanako"),
        ("=山田^花子=", printable.NOT_PRINTABLE),
        ("山田^花子=Yamada^Hanako", "Yamada, Hanako"),
        ("שלום^א", printable.NOT_PRINTABLE),
        ("Anon", "Anon"),
        ("^^^", printable.UNKNOWN),
    ],
)
def test_names_are_printed_in_the_group_that_can_be(name: str, printed: str):
    """A name is printed in letters that are there, or said not to be printable; never in boxes."""
    assert printable.person_name(PersonName(name)) == printed


def test_names_of_many_scripts_reach_the_page(tmp_path: Path):
    """Greek and Cyrillic stand on the page; an ID that cannot be printed is not shortened."""
    result = ANSWERS["no-findings"]
    headers = samples.headers(result)
    first = next(iter(headers.values()))
    first.SpecificCharacterSet = "ISO_IR 192"
    first.PatientName = "Παπαδοπούλου^Ελένη"
    first.ReferringPhysicianName = "Иванов^Пётр"
    first.PatientID = "患者1"
    text = words(report(result, headers)[1], tmp_path)
    assert "Παπαδοπούλου, Ελένη" in text
    assert "Иванов, Пётр" in text
    assert "see the DICOM header" in text


def test_markup_in_a_header_is_printed_as_it_is(tmp_path: Path):
    """A description with signs of markup in it breaks nothing and loses nothing."""
    result = ANSWERS["no-findings"]
    headers = samples.headers(result)
    next(iter(headers.values())).StudyDescription = "a <b>& </para> x"
    assert "a <b>& </para> x" in words(report(result, headers)[1], tmp_path)


@pytest.mark.parametrize("name", ANSWERS)
def test_qpdf_finds_nothing_wrong(name: str, tmp_path: Path):
    """The file's structure is sound, and its fonts are embedded."""
    path = tmp_path / "report.pdf"
    path.write_bytes(report(ANSWERS[name])[1])
    done = subprocess.run([require("qpdf"), "--check", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    fonts = subprocess.run(
        [require("pdffonts"), str(path)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[2:]
    assert len(fonts) == 2
    assert all("+DejaVuSans" in line and "yes yes yes" in line for line in fonts)
