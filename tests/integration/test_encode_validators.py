"""Other people's validators and readers on every kind of object that encoding makes."""

from __future__ import annotations

import os
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from mammo_node.encode.study import EncodedObject, encode_study
from mammo_node.header import summarise
from mammo_node.vocabulary import InstanceRef, Outcome, OutputKind, StudyResult, ViewResult
from tests.golden import samples
from tests.peers import real_data, require
from tests.pictures import pictures

ANSWERS = samples.answers()
#: PixelMed's style sheets are larger than the limits of newer Java versions.
_JAVA_LIMITS = " ".join(f"-Djdk.xml.xpath{limit}=0" for limit in ("TotalOpLimit", "ExprOpLimit"))
#: A validator that runs once does not live to profit from the second compiler.
_JAVA_HASTE = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_JAVA_OPTIONS = f"{_JAVA_LIMITS} -Djdk.xml.xpathExprGrpLimit=0 {_JAVA_HASTE}"
#: Its meaning of (111024, DCM) and (111025, DCM) has two spaces where PS3.16 has one.
_MISSPELT_BY_PIXELMED = 'code meaning in template concept name ("Failed  '
#: Said of every document of a SOP class whose templates DCMTK knows by name only.
_NOT_CHECKED_BY_DCMTK = "W: Check for template constraints not yet supported"
#: Its edition has no qualitative evaluations and comments in measurement groups (TID 1410, 1501),
#: which are extensible; TID 1500 of later editions has them.
_LATER_THAN_PIXELMED = tuple(
    f'Measurement Group")/{item}'
    for item in (
        'CODE (111014,DCM,"Clockface or region"): Content Item not in template',
        'CODE (111020,DCM,"Depth"): Content Item not in template',
        'CODE (129715009,SCT,"Breast composition"): Content Item not in template',
        'TEXT (121106,DCM,"Comment"): Content Item not in template',
    )
)
#: It wants CODE CONTAINS CODE in TID 4007 wherever that is included, which PS3.3 A.35.5.3.1.2
#: does not allow (and which it calls illegal when it gets it); and an older spelling.
_WRONG_IN_PIXELMED = (
    "Template 4007 BreastComposition/[Row 1]",
    'has different code meaning ("Certainty of Impression")',
)
MATCHED = {"matched": samples.matched(), "rich": samples.rich()}
REAL_FILES = ("ge-senographe-essential-R-MLO.dcm", "film-digitised-L-MLO-j2k-lossy.dcm")


def run(*command: str | Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        env=os.environ | environment,
        timeout=600,  # PixelMed's takes half a minute, and longer beside other work
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def complaints(program: str, file: Path) -> list[str]:
    _, text = run(program, file)
    return [line for line in text.splitlines() if line.startswith(("Error", "Warning"))]


def encode(
    result: StudyResult, headers: dict[str, pydicom.Dataset], **changes: object
) -> tuple[EncodedObject, ...]:
    return encode_study(
        result,
        headers,
        list(OutputKind),
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        **changes,  # type: ignore[arg-type]
    )


def only(kind: OutputKind, result: StudyResult) -> tuple[EncodedObject, ...]:
    """Return the objects of one kind."""
    return tuple(
        encode_study(
            result,
            samples.headers(result),
            [kind],
            equipment=samples.EQUIPMENT,
            content_datetime=samples.WHEN,
        )
    )


def written(made: tuple[EncodedObject, ...], folder: Path) -> list[Path]:
    paths = [folder / f"{number}-{one.kind.value}.dcm" for number, one in enumerate(made)]
    for one, path in zip(made, paths, strict=True):
        one.write(path)
    return paths


def real_study(file: Path) -> tuple[StudyResult, dict[str, pydicom.Dataset]]:
    """Return a result with a lesion for a real image, and its header."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(file, stop_before_pixels=True)
        uids = (header.SOPClassUID, header.SOPInstanceUID)
        summary = summarise(header)
        ref = InstanceRef(
            *map(str, uids), str(header.StudyInstanceUID), str(header.SeriesInstanceUID), "00"
        )
        view = ViewResult(
            ref,
            summary.laterality,
            summary.view,
            int(header.Rows),
            int(header.Columns),
            samples.SPACING,
            samples.positive_views()[0].findings,
        )
    result = samples.study_result(
        Outcome.FINDINGS, (view,), study_instance_uid=ref.study_instance_uid
    )
    return result, {ref.sop_instance_uid: header}


@pytest.mark.parametrize("name", ANSWERS)
def test_dciodvfy_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    """No object of any answer has an error or a warning in dciodvfy."""
    dciodvfy = require("dciodvfy")
    result = ANSWERS[name]
    for file in written(encode(result, samples.headers(result)), tmp_path):
        assert complaints(dciodvfy, file) == [], file.name


def test_dciodvfy_has_nothing_to_say_of_a_superseding_result(tmp_path: Path) -> None:
    """The same holds for a report with Predecessor Documents, and without side or spacing."""
    dciodvfy = require("dciodvfy")
    result = ANSWERS["findings"]
    prior = tuple(one.as_prior() for one in encode(result, samples.headers(result)))
    views = (*result.views[:3], replace(result.views[3], spacing=None))
    late = replace(result, generation=2, views=views, configuration_hash="c2" * 32)
    made = encode(late, samples.headers(late), predecessors=prior)
    for file in written(made, tmp_path):
        assert complaints(dciodvfy, file) == [], file.name


def test_dciodvfy_has_nothing_to_say_of_inverted_and_lut_images(tmp_path: Path) -> None:
    """The same holds for MONOCHROME1 with a VOI LUT, and for a header without any greys."""
    dciodvfy = require("dciodvfy")
    result = ANSWERS["no-findings"]
    headers = samples.headers(result)
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 12])
    table.LUTExplanation = "NORMAL"
    table.add_new("LUTData", "US", list(range(4096)))
    for number, header in enumerate(headers.values()):
        header.PhotometricInterpretation = "MONOCHROME1"
        del header.WindowCenter, header.WindowWidth
        if number % 2:
            header.VOILUTSequence = [table]
        else:
            del header.RescaleSlope, header.RescaleIntercept
    for file in written(encode(result, headers), tmp_path):
        assert complaints(dciodvfy, file) == [], file.name


@pytest.mark.parametrize("name", ["findings", "no-findings", "partial", "failed"])
def test_dcmtk_takes_every_presentation_state(name: str, tmp_path: Path) -> None:
    """DCMTK's presentation state checker passes every state."""
    dcmpschk = require("dcmpschk")
    result = ANSWERS[name]
    states = [one for one in encode(result, samples.headers(result)) if one.kind is OutputKind.GSPS]
    assert len(states) == 4
    for file in written(tuple(states), tmp_path):
        _, text = run(dcmpschk, "-v", file)
        assert "Test passed" in text, text


@pytest.mark.parametrize("kind", [OutputKind.SR, OutputKind.CAD_SR, OutputKind.KEY_OBJECTS])
@pytest.mark.parametrize("name", ANSWERS | MATCHED)
def test_dcmtk_prints_every_document(name: str, kind: OutputKind, tmp_path: Path) -> None:
    """DCMTK reads every document without a complaint and prints the answer, also as HTML."""
    dsrdump, dsr2html = require("dsrdump"), require("dsr2html")
    documents = only(kind, (ANSWERS | MATCHED)[name])
    assert documents or kind is OutputKind.KEY_OBJECTS
    for file in written(documents, tmp_path):
        for command in ((dsrdump, "+Pl"), (dsr2html,)):
            status, text = run(*command, file)
            assert status == 0, text
            assert "Research use only. Not a medical device." in text
            lines = [line for line in text.splitlines() if line.startswith(("E:", "W:"))]
            assert set(lines) <= {_NOT_CHECKED_BY_DCMTK}


@pytest.mark.parametrize("kind", [OutputKind.CAD_SR, OutputKind.KEY_OBJECTS])
def test_dciodvfy_has_nothing_to_say_of_matched_findings(kind: OutputKind, tmp_path: Path) -> None:
    """Lesions in two views, clusters with members and what is below its threshold are valid."""
    dciodvfy = require("dciodvfy")
    (file,) = written(only(kind, MATCHED["matched"]), tmp_path)
    assert complaints(dciodvfy, file) == []


def test_dciodvfy_has_nothing_to_say_of_places_and_densities(tmp_path: Path) -> None:
    """The same holds for every object of a result with all that can be said across a breast."""
    dciodvfy = require("dciodvfy")
    result = MATCHED["rich"]
    made = encode(result, samples.headers(result), pictures=pictures(result, relevant=True))
    for file in written(made, tmp_path):
        assert complaints(dciodvfy, file) == [], file.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "template"),
    [
        ("partial", OutputKind.SR, "TID_1500"),
        ("matched", OutputKind.CAD_SR, "TID_4000"),
        ("partial", OutputKind.CAD_SR, "TID_4000"),
        ("not-attempted", OutputKind.CAD_SR, "TID_4000"),
        ("findings", OutputKind.KEY_OBJECTS, "TID_2010"),
        ("rich", OutputKind.SR, "TID_1500"),
        ("rich", OutputKind.CAD_SR, "TID_4000"),
    ],
)
def test_pixelmed_finds_the_template_kept(
    name: str, kind: OutputKind, template: str, tmp_path: Path
) -> None:
    """PixelMed's validator recognises the template and has no error and no warning."""
    validator = require("DicomSRValidator")
    (file,) = written(only(kind, (ANSWERS | MATCHED)[name]), tmp_path)
    _, text = run(validator, file, JAVA_TOOL_OPTIONS=_JAVA_OPTIONS)
    assert f"Found Root Template {template}" in text
    assert "IOD validation complete" in text
    lines = [line for line in text.splitlines() if line.startswith(("Error", "Warning"))]
    known = (_MISSPELT_BY_PIXELMED, *_LATER_THAN_PIXELMED, *_WRONG_IN_PIXELMED)
    assert [line for line in lines if not any(words in line for words in known)] == []
    assert "illegal relationship" not in text


@pytest.mark.parametrize("name", REAL_FILES)
def test_results_for_real_headers_are_valid(name: str, tmp_path: Path) -> None:
    """Dciodvfy has nothing to say of results for real headers but what it says of the source.

    Names are passed on as they are, so a name in a retired form keeps its warning.
    """
    dciodvfy, dcmpschk = require("dciodvfy"), require("dcmpschk")
    source = real_data() / name
    made = encode(*real_study(source))
    files = written(made, tmp_path)
    names = [line for line in complaints(dciodvfy, source) if "Person Name form" in line]
    for file in files:
        assert set(complaints(dciodvfy, file)) <= set(names), file.name
    (state,) = (f for f, one in zip(files, made, strict=True) if one.kind is OutputKind.GSPS)
    assert "Test passed" in run(dcmpschk, "-v", state)[1]
