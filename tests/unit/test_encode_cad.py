"""The Mammography CAD SR and the key images: what they say of every answer."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from mammo_node.encode.cad import concepts
from mammo_node.encode.cad.intent import rendering_intent
from mammo_node.encode.statement import RESEARCH_USE
from mammo_node.encode.study import encode_study
from mammo_node.errors import EncodingError
from mammo_node.vocabulary import (
    CodedConcept,
    FindingRef,
    ModelRef,
    Outcome,
    OutputKind,
    StudyResult,
)
from tests.golden import samples

ANSWERS = samples.answers() | {"matched": samples.matched(), "rich": samples.rich()}
_INTENT = {"111150": "required", "111151": "optional", "111152": "not"}


def made(result: StudyResult, kind: OutputKind, **changes: object) -> list[Dataset]:
    objects = encode_study(
        result,
        samples.headers(result),
        [kind],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
        **changes,  # type: ignore[arg-type]
    )
    return [pydicom.dcmread(io.BytesIO(one.to_bytes())) for one in objects]


@functools.cache
def cad(result: StudyResult) -> Dataset:
    (ds,) = made(result, OutputKind.CAD_SR)
    return ds


def items(ds: Dataset) -> Iterator[Dataset]:
    for item in ds.get("ContentSequence", ()):
        yield item
        yield from items(item)


def named(ds: Dataset, concept: CodedConcept | str) -> list[Dataset]:
    value = concept if isinstance(concept, str) else concept.value
    names = ((item, item.get("ConceptNameCodeSequence", ())) for item in items(ds))
    return [item for item, name in names if name and name[0].CodeValue == value]


def value(item: Dataset) -> str:
    return str(item.ConceptCodeSequence[0].CodeValue)


def intent(item: Dataset) -> str:
    return _INTENT[value(named(item, concepts.RENDERING_INTENT)[0])]


EXPECTED = {
    "findings": ("111242", "111222", "111225"),
    "no-findings": ("111241", "111222", "111225"),
    "partial": ("111244", "111223", "111225"),
    "failed": ("111245", "111224", "111225"),
    "failed-unread": ("111245", "111224", "111225"),
    "not-attempted": ("111245", "111225", "111225"),
    "matched": ("111242", "111222", "111222"),
    "rich": ("111242", "111222", "111222"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_coded(name: str) -> None:
    """Summary (CID 6047), detections and analyses (CID 6042) say which answer it is."""
    parts = ("111017", "111064", "111065")
    assert tuple(value(named(cad(ANSWERS[name]), part)[0]) for part in parts) == EXPECTED[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_in_words(name: str) -> None:
    """The impression says that it is for research use, and of refused images why."""
    (words,) = named(cad(ANSWERS[name]), concepts.IMPRESSION_DESCRIPTION)
    assert RESEARCH_USE in words.TextValue
    for view in ANSWERS[name].views:
        if view.refusal:
            assert f"Not analysed ({view.refusal.reason.value})" in words.TextValue


@pytest.mark.parametrize("name", ANSWERS)
def test_references_lead_to_images(name: str) -> None:
    """Every reference within the report ends at an entry of its image library."""
    ds = cad(ANSWERS[name])
    references = [i for i in items(ds) if "ReferencedContentItemIdentifier" in i]
    assert bool(references) == (name != "not-attempted")
    for reference in references:
        target = ds
        for place in reference.ReferencedContentItemIdentifier[1:]:
            target = target.ContentSequence[place - 1]
        assert target.ValueType == "IMAGE"


@pytest.mark.parametrize("name", ANSWERS)
def test_detections_name_the_images(name: str) -> None:
    """Succeeded and failed detections together name each image of a full or partial answer."""
    result = ANSWERS[name]
    lists = [*named(cad(result), "111063"), *named(cad(result), "111025")]
    counted = {
        str(one.ConceptNameCodeSequence[0].CodeMeaning): len(
            [i for i in one.ContentSequence[0].ContentSequence if "ValueType" not in i]
        )
        for one in lists
    }
    assert (
        counted
        == {
            "findings": {"Successful Detections": 4},
            "no-findings": {"Successful Detections": 4},
            "matched": {"Successful Detections": 4},
            "rich": {"Successful Detections": 4},
            "partial": {"Successful Detections": 3, "Failed Detections": 2},
            "failed": {"Failed Detections": 4},
            "failed-unread": {"Failed Detections": 4},
            "not-attempted": {},
        }[name]
    )


def test_a_missing_view_is_no_failed_detection() -> None:
    """A partial answer for want of a view says so in its summary: no image failed."""
    views = samples.positive_views()[:3]
    ds = cad(samples.study_result(Outcome.PARTIAL, views, reason="L MLO is missing"))
    assert [value(named(ds, code)[0]) for code in ("111017", "111064")] == ["111244", "111222"]
    assert ds.CompletionFlag == "PARTIAL"


def test_every_model_says_what_it_looks_for() -> None:
    """Detections are listed by kind and model, also of kinds that nothing was found of."""
    masses = ModelRef("masses", "1", "aa" * 32, labels=("mass", "asymmetry"))
    calcifications = ModelRef("calcs", "2", "bb" * 32, labels=("calcification-cluster",))
    result = samples.study_result(
        Outcome.NO_FINDINGS, samples.negative_views(), models=(masses, calcifications)
    )
    performed = [
        (value(item), named(item, "111001")[0].TextValue)
        for item in named(cad(result), concepts.DETECTION_PERFORMED)
    ]
    assert performed == [("129793001", "masses"), ("111099", "masses"), ("129769006", "calcs")]


def test_rendering_follows_the_operating_point() -> None:
    """At or above the threshold a mark must be shown, below it may be; lone members may be."""
    ds = cad(ANSWERS["matched"])
    impressions = named(ds, concepts.INDIVIDUAL_IMPRESSION)
    assert [intent(one) for one in impressions] == ["required"] * 5 + ["optional"]
    members = [i for i in named(ds, "111059") if i.RelationshipType == "INFERRED FROM"]
    calcifications = [i for i in members if value(i) == "129770007"]
    assert [intent(one) for one in calcifications] == ["optional"] * 3


def test_a_score_on_its_operating_point_must_be_shown() -> None:
    """Scores are single precision: 0.7 as a float lies below 0.7 as a double."""
    result = replace(ANSWERS["findings"], operating_points=(("mass", 0.7),))
    (found, *_) = (f for view in result.views for f in view.findings if f.label == "mass")
    just, below = (replace(found, score=float(np.float32(score))) for score in (0.7, 0.699))
    assert rendering_intent(result, just) == concepts.PRESENTATION_REQUIRED
    assert rendering_intent(result, below) == concepts.PRESENTATION_OPTIONAL


def test_a_lesion_in_two_views_is_a_composite_feature() -> None:
    """Matched findings are one feature with a finding in each image, and stand nowhere else."""
    ds = cad(ANSWERS["matched"])
    (feature,) = named(ds, concepts.COMPOSITE_FEATURE)
    assert value(feature) == "129788004"
    names = [item.TextValue for item in named(feature, "112039")]
    assert names == ["R-CC-1: mass", "R-MLO-1: mass"]
    assert len(named(ds, "112039")) == 7


def test_a_cluster_has_its_members() -> None:
    """A cluster whose members are known says how many and where each is."""
    ds = cad(ANSWERS["matched"])
    (cluster,) = (i for i in named(ds, "111059") if value(i) == "129769006")
    (count,) = named(cluster, concepts.NUMBER_OF_CALCIFICATIONS)
    assert count.MeasuredValueSequence[0].NumericValue == 3
    members = [i for i in named(cluster, "111059") if value(i) == "129770007"]
    centres = [tuple(named(member, "111010")[0].GraphicData) for member in members]
    assert centres == [(1310.5, 1460.0), (1400.0, 1500.25), (1490.0, 1570.0)]


def test_the_same_lesion_has_the_same_uid_in_both_reports() -> None:
    """Tracking UIDs are those of the TID 1500 report."""
    result = ANSWERS["matched"]
    (report,) = made(result, OutputKind.SR)
    lesions = {str(item.UID) for item in named(report, "112040")}
    assert {str(item.UID) for item in named(cad(result), "112040")} <= lesions


@pytest.mark.parametrize(
    ("refs", "words"),
    [
        (((1, 0), (1, 1)), "one finding in each of several images"),
        (((1, 0),), "one finding in each of several images"),
        (((1, 0), (3, 9)), "is not there"),
        (((1, 0), (9, 0)), "is not there"),
        (((1, 0), (2, 0)), "two breasts"),
    ],
)
def test_lesions_that_cannot_be_are_errors(refs: tuple[tuple[int, int], ...], words: str) -> None:
    """A lesion of findings that are not there, of one image or of both breasts is refused."""
    lesion = tuple(FindingRef(samples.ref(number).sop_instance_uid, i) for number, i in refs)
    with pytest.raises(EncodingError, match=words):
        made(replace(ANSWERS["matched"], lesions=(lesion,)), OutputKind.CAD_SR)


def test_a_later_answer_names_the_former() -> None:
    """A superseding CAD report has the earlier one as predecessor, in the same series."""
    result = ANSWERS["findings"]
    (first,) = encode_study(
        result,
        samples.headers(result),
        [OutputKind.CAD_SR],
        equipment=samples.EQUIPMENT,
        content_datetime=samples.WHEN,
    )
    late = replace(result, generation=2, configuration_hash="c2" * 32)
    (second,) = made(late, OutputKind.CAD_SR, predecessors=(first.as_prior(),))
    (study,) = second.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == second.SeriesInstanceUID == first.series_instance_uid
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.sop_instance_uid


def test_key_images_are_those_with_findings() -> None:
    """The selection names the images with findings above the operating point, in words too."""
    result = ANSWERS["matched"]
    (ds,) = made(result, OutputKind.KEY_OBJECTS)
    chosen = [
        i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for i in ds.ContentSequence
        if i.ValueType == "IMAGE"
    ]
    assert chosen == [samples.ref(number).sop_instance_uid for number in (1, 2, 3)]
    assert ds.ConceptNameCodeSequence[0].CodeValue == "113000"
    (words,) = named(ds, "113012")
    assert words.TextValue == (
        "Images with AI findings: R-CC (2 findings), L-CC (4 findings), R-MLO (1 finding). "
        + RESEARCH_USE
    )


@pytest.mark.parametrize("name", ["no-findings", "failed", "failed-unread", "not-attempted"])
def test_nothing_of_interest_is_no_selection(name: str) -> None:
    """Without findings there is no key object document; nor for findings below the threshold."""
    assert made(ANSWERS[name], OutputKind.KEY_OBJECTS) == []
    view = samples.positive_views()[0]
    below = replace(view, findings=tuple(replace(f, score=0.1) for f in view.findings))
    result = samples.study_result(Outcome.FINDINGS, (below,))
    assert made(result, OutputKind.KEY_OBJECTS) == []
