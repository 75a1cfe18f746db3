"""Other people's readers get the same findings out of our reports."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mammo_node.encode import anatomy, codes
from mammo_node.encode.study import encode_study
from mammo_node.vocabulary import (
    CodedConcept,
    DensityCategory,
    Depth,
    Finding,
    Laterality,
    OutputKind,
    StudyResult,
    ViewResult,
)
from tests.golden import samples
from tests.peers import require

ANSWERS = samples.answers() | {"matched": samples.matched()}


def read_by_dcmqi(result: StudyResult, folder: Path) -> dict[str, Any]:
    """Return what dcmqi's tid1500reader says of the report of a result."""
    reader = require("tid1500reader")
    (report,) = encode_study(
        result,
        samples.headers(result),
        [OutputKind.SR],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    source, target = folder / "report.dcm", folder / "report.json"
    report.write(source)
    command = [reader, "--inputDICOM", source, "--outputMetadata", target]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def triplet(code: dict[str, str]) -> CodedConcept:
    return CodedConcept(code["CodeValue"], code["CodingSchemeDesignator"], code["CodeMeaning"])


def numbers(group: dict[str, Any]) -> dict[CodedConcept, tuple[float, str]]:
    return {
        triplet(item["quantity"]): (float(item["value"]), item["units"]["CodeValue"])
        for item in group["measurementItems"]
    }


def expected_numbers(finding: Finding) -> dict[CodedConcept, tuple[float, str]]:
    numbers = {codes.CERTAINTY_OF_FINDING: (pytest.approx(100 * finding.score, abs=1e-4), "%")}
    if finding.long_axis_mm is not None:
        numbers[codes.LONG_AXIS] = (pytest.approx(finding.long_axis_mm, abs=0.005), "mm")
    return numbers


def lesions(result: StudyResult) -> list[tuple[ViewResult, int, Finding]]:
    return [
        (view, index, finding)
        for view in result.views
        for index, finding in enumerate(view.findings, start=1)
    ]


@pytest.mark.parametrize("name", ANSWERS)
def test_dcmqi_reads_the_same_findings(name: str, tmp_path: Path) -> None:
    """Dcmqi's tid1500reader gives finding, site, side, tracking, numbers and algorithm back."""
    result = ANSWERS[name]
    read = read_by_dcmqi(result, tmp_path)
    groups = read.get("Measurements", [])
    found = [group for group in groups if group["measurementItems"]]
    expected = lesions(result)
    assert len(found) == len(expected)
    for group, (view, index, finding) in zip(found, expected, strict=True):
        assert triplet(group["Finding"]) == finding.concept
        assert triplet(group["FindingSite"]) == codes.BREAST
        assert view.laterality is not None
        assert triplet(group["Laterality"]) == codes.LATERALITIES[view.laterality]
        prefix = f"{view.laterality}-{view.view}-{index}"
        assert group["TrackingIdentifier"] == f"{prefix}: {finding.label}"
        assert numbers(group) == expected_numbers(finding)
        algorithm = group["measurementAlgorithmIdentification"]
        assert algorithm["AlgorithmName"] == finding.model.name
        assert algorithm["AlgorithmVersion"] == finding.model.version
        assert f"sha256={finding.model.sha256}" in algorithm["AlgorithmParameters"]
    uids = {group["TrackingUniqueIdentifier"] for group in groups}
    shared = sum(len(lesion) - 1 for lesion in result.lesions)
    assert len(uids) == len(groups) - shared


@pytest.mark.parametrize("name", ANSWERS)
def test_dcmqi_reads_what_was_not_found(name: str, tmp_path: Path) -> None:
    """Images without findings and images not analysed are groups with the coded reason."""
    result = ANSWERS[name]
    read = read_by_dcmqi(result, tmp_path)
    whole = [g for g in read.get("Measurements", []) if not g["measurementItems"]]
    without = [view for view in result.views if not view.findings]
    assert len(whole) == len(without)
    said = {triplet(group["Finding"]) for group in whole}
    assert said <= {codes.ALL_SUCCEEDED_NO_FINDINGS, codes.NONE_SUCCEEDED}
    assert read["CompletionFlag"] == (
        "COMPLETE" if name in ("findings", "no-findings", "matched") else "PARTIAL"
    )
    observer = read["observerContext"]
    assert observer["DeviceObserverName"] == samples.EQUIPMENT.ae_title


def test_dcmqi_reads_places_and_what_is_said_of_breasts(tmp_path: Path) -> None:
    """Distances, clock face, depth and breast composition come back as numbers and codes."""
    groups = {
        str(group["TrackingIdentifier"]): group
        for group in read_by_dcmqi(samples.rich(), tmp_path)["Measurements"]
    }
    mass = groups["R-CC-1: mass"]
    assert numbers(mass)[anatomy.DISTANCE_FROM_NIPPLE] == (43.25, "mm")
    assert numbers(mass)[anatomy.DISTANCE_FROM_SKIN] == (12.5, "mm")
    assert qualities(mass) >= {
        (anatomy.CLOCKFACE, anatomy.CLOCK[10]),
        (anatomy.DEPTH, anatomy.DEPTHS[Depth.MIDDLE]),
    }
    density = groups["Left breast: density"]
    composition = anatomy.COMPOSITIONS[DensityCategory.B]
    assert (anatomy.BREAST_COMPOSITION, composition) in qualities(density)
    assert triplet(density["Laterality"]) == codes.LATERALITIES[Laterality.LEFT]
    impression = (71.0, "%")
    assert numbers(groups["Patient: assessment"]) == {codes.CERTAINTY_OF_IMPRESSION: impression}


def qualities(group: dict[str, Any]) -> set[tuple[CodedConcept, CodedConcept]]:
    found = ((one["conceptCode"], one["conceptValue"]) for one in group["qualitativeEvaluations"])
    # What it does not know, texts among them, counts as qualitative too.
    return {(triplet(name), triplet(value)) for name, value in found if isinstance(value, dict)}
