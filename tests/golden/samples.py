"""Small synthetic studies, one result per kind of answer: what the encoding tests encode."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
)

from mammo_node.encode.codes import FINDINGS
from mammo_node.encode.objects import Equipment
from mammo_node.vocabulary import (
    STANDARD_VIEWS,
    Agreement,
    Assessment,
    Box,
    Density,
    DensityCategory,
    Depth,
    Finding,
    FindingRef,
    ImageScore,
    InstanceRef,
    Laterality,
    Light,
    Location,
    ModelRef,
    Outcome,
    Quadrant,
    Refusal,
    RefusalReason,
    Spacing,
    SpacingOrigin,
    StudyResult,
    View,
    ViewResult,
)

ROOT = "1.2.826.0.1.3680043.8.498.1"
STUDY_UID = f"{ROOT}.1"
WHEN = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
ROWS, COLUMNS = 3328, 2560
SPACING = Spacing(0.065, 0.065, SpacingOrigin.IMAGER_CORRECTED)
MODEL = ModelRef("lesion-detector", "1.2.0", "a5" * 32, "a detector that does not exist")
DENSITY_MODEL = ModelRef("density", "0.3.0", "d3" * 32, "two views to A, B, C or D")
SCORE_MODEL = ModelRef("nodules", "2.0.0", "5c" * 32, "patches to a score of the image")
EQUIPMENT = Equipment(
    software_version="0.1.0",
    device_serial_number="0001",
    institution_name="Test Hospital",
    station_name="AI1",
    ae_title="MAMMO_AI",
)


def ref(
    number: int, sop_class: str = DigitalMammographyXRayImageStorageForPresentation
) -> InstanceRef:
    """Return the reference of the study's n-th image; two images to a series."""
    return InstanceRef(
        sop_class_uid=sop_class,
        sop_instance_uid=f"{ROOT}.3.{number}",
        study_instance_uid=STUDY_UID,
        series_instance_uid=f"{ROOT}.2.{(number + 1) // 2}",
        content_hash=f"{number:064x}",
    )


def header(instance: InstanceRef, side: Laterality | None, view: View | None) -> Dataset:
    """Return a mammogram's header without pixels, as a modality writes it."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.SOPClassUID = instance.sop_class_uid
    ds.SOPInstanceUID = instance.sop_instance_uid
    ds.StudyInstanceUID = instance.study_instance_uid
    ds.SeriesInstanceUID = instance.series_instance_uid
    ds.StudyDate, ds.StudyTime = "20261121", "101500"
    ds.AccessionNumber = "A1"
    ds.Modality = "MG"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.Manufacturer = "Phantom Works"
    ds.ReferringPhysicianName = "Referrer^Test"
    ds.StudyDescription = "Screening"
    ds.PatientName = "Phantom^Übung"
    ds.PatientID = "PHANTOM-1"
    ds.IssuerOfPatientID = "TEST"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19700101", "F", "056Y"
    ds.StudyID = "S1"
    ds.ImageLaterality = side.value if side else ""
    ds.ViewPosition = view.value if view else ""
    ds.ImagerPixelSpacing = [0.065, 0.065]
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.WindowCenter, ds.WindowWidth = [2048, 2300], [4096, 1800]
    ds.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
    ds.VOILUTFunction = "SIGMOID"
    ds.PresentationLUTShape = "IDENTITY"
    return ds


def finding(label: str, score: float, box: Box, *, outlined: bool = False) -> Finding:
    """Return a finding, with an outline if wanted."""
    outline = None
    if outlined:
        column, row = box.centre
        outline = (
            (column, box.y_min),
            (box.x_max, row),
            (column, box.y_max),
            (box.x_min, row),
        )
    long_axis = max(box.width, box.height) * SPACING.row_mm
    return Finding(label, FINDINGS[label], score, box, outline, long_axis, MODEL)


def view_result(
    number: int,
    side: Laterality | None,
    view: View | None,
    findings: tuple[Finding, ...] = (),
    refusal: Refusal | None = None,
) -> ViewResult:
    """Return the result of the study's n-th image."""
    return ViewResult(ref(number), side, view, ROWS, COLUMNS, SPACING, findings, refusal)


def study_result(outcome: Outcome, views: tuple[ViewResult, ...], **changes: object) -> StudyResult:
    """Return a result of generation 1 with the test model."""
    base = StudyResult(
        study_instance_uid=STUDY_UID,
        generation=1,
        outcome=outcome,
        views=views,
        models=(MODEL,),
        configuration_hash="c0" * 32,
        operating_points=(("mass", 0.35), ("calcification-cluster", 0.4)),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def negative_views() -> tuple[ViewResult, ...]:
    """Return four analysed views without findings."""
    return tuple(
        view_result(number, side, view) for number, (side, view) in enumerate(STANDARD_VIEWS, 1)
    )


def positive_views() -> tuple[ViewResult, ...]:
    """Return four views, with three findings in two of them."""
    r_cc, l_cc, r_mlo, l_mlo = negative_views()
    mass = finding("mass", 0.8725, Box(1200.5, 1400.25, 1420.0, 1600.75), outlined=True)
    cluster = finding("calcification-cluster", 0.41, Box(1300.0, 1450.0, 1500.0, 1580.0))
    edge = finding("mass", 1.0, Box(-3.0, 0.0, 180.0, 150.5))
    return (
        replace(r_cc, findings=(mass, cluster)),
        l_cc,
        replace(r_mlo, findings=(edge,)),
        l_mlo,
    )


def refused(view: ViewResult, reason: RefusalReason, detail: str) -> ViewResult:
    """Return the view as one that was not analysed."""
    return replace(view, refusal=Refusal(reason, detail))


def partial_views() -> tuple[ViewResult, ...]:
    """Return four views of which one is broken, and a tomosynthesis object."""
    r_cc, l_cc, r_mlo, l_mlo = positive_views()
    tomo = replace(
        r_cc,
        ref=ref(5, BreastTomosynthesisImageStorage),
        findings=(),
        refusal=Refusal(RefusalReason.TOMOSYNTHESIS, "tomosynthesis is not analysed"),
    )
    broken = refused(l_mlo, RefusalReason.PIXEL_DATA, "the JPEG stream ends early")
    return r_cc, l_cc, r_mlo, broken, tomo


def answers() -> dict[str, StudyResult]:
    """Return one result per kind of answer."""
    return {
        "findings": study_result(Outcome.FINDINGS, positive_views()),
        "no-findings": study_result(Outcome.NO_FINDINGS, negative_views()),
        "partial": study_result(
            Outcome.PARTIAL, partial_views(), reason="1 of 4 views could not be read"
        ),
        "failed": study_result(
            Outcome.FAILED, negative_views(), reason="the analysis was stopped after 600 s"
        ),
        "failed-unread": study_result(Outcome.FAILED, (), models=(), reason="killed three times"),
        "not-attempted": study_result(
            Outcome.NOT_ATTEMPTED,
            tuple(
                refused(view, RefusalReason.FOR_PROCESSING, "raw data for processing")
                for view in negative_views()
            ),
            reason="no image could be analysed",
        ),
    }


def matched() -> StudyResult:
    """Return a result with every kind of finding: matched, with members, below its threshold."""
    r_cc, l_cc, r_mlo, l_mlo = positive_views()
    mass, cluster = r_cc.findings
    members = ((1310.5, 1460.0), (1400.0, 1500.25), (1490.0, 1570.0))
    lone = (
        finding("asymmetry", 0.5, Box(1000.0, 2000.0, 1300.0, 2400.0)),
        finding("architectural-distortion", 0.6, Box(700.0, 900.0, 900.0, 1100.0)),
        finding("calcification", 0.7, Box(500.0, 500.0, 520.0, 530.0)),
        finding("mass", 0.2, Box(1500.0, 2500.0, 1600.0, 2580.0)),
    )
    views = (
        replace(r_cc, findings=(mass, replace(cluster, members_px=members))),
        replace(l_cc, findings=lone),
        r_mlo,
        l_mlo,
    )
    same = tuple(FindingRef(view.ref.sop_instance_uid, 0) for view in (r_cc, r_mlo))
    return study_result(Outcome.FINDINGS, views, lesions=(same,))


def rich() -> StudyResult:
    """Return a result with all that models and views can say across a breast."""
    r_cc, l_cc, r_mlo, l_mlo = negative_views()
    cc_box, mlo_box = Box(1200.5, 1400.25, 1420.0, 1600.75), Box(1000.0, 900.0, 1200.0, 1100.0)
    whole = Location(Quadrant.UPPER_OUTER, 10, Depth.MIDDLE, 43.25, 12.5)
    in_cc = replace(
        finding("mass", 0.58, cc_box, outlined=True),
        location=whole,
        agreement=Agreement(0.42, FindingRef(r_mlo.ref.sop_instance_uid, 0), 3.0),
    )
    in_mlo = replace(
        finding("mass", 0.71, mlo_box),
        location=replace(whole, nipple_mm=46.25, skin_mm=20.0),
        agreement=Agreement(0.6, FindingRef(r_cc.ref.sop_instance_uid, 0), 3.0),
    )
    lone = replace(
        finding("calcification-cluster", 0.41, Box(1300.0, 1450.0, 1500.0, 1580.0)),
        location=Location(Quadrant.INNER, None, Depth.POSTERIOR, 71.0, None),
        agreement=Agreement(0.5),
    )
    suspicious = ImageScore("nodule", 0.63, 4, SCORE_MODEL)
    views = (
        replace(r_cc, findings=(in_cc,), scores=(suspicious,)),
        replace(l_cc, findings=(lone,), scores=(ImageScore("nodule", 0.02, 1, SCORE_MODEL),)),
        replace(r_mlo, findings=(in_mlo,)),
        l_mlo,
    )
    lesion = tuple(FindingRef(view.ref.sop_instance_uid, 0) for view in (r_cc, r_mlo))
    return study_result(
        Outcome.FINDINGS,
        views,
        models=(MODEL, DENSITY_MODEL, SCORE_MODEL),
        lesions=(lesion,),
        densities=(
            density(Laterality.RIGHT, DensityCategory.C, (0.05, 0.12, 0.71, 0.12), r_cc, r_mlo),
            density(Laterality.LEFT, DensityCategory.B, (0.1, 0.6, 0.2, 0.1), l_cc),
            density(None, DensityCategory.C, (0.05, 0.12, 0.71, 0.12), r_cc, r_mlo, l_cc),
        ),
        assessments=(
            Assessment(Laterality.RIGHT, 0.71, 4, Light.RED, ("a mass in both views",)),
            Assessment(Laterality.LEFT, 0.41, 1, Light.AMBER, ("a cluster in one view",)),
            Assessment(None, 0.71, 4, Light.RED, ("a mass in both views of the right breast",)),
        ),
        remarks=("Density of the left breast was judged by one view.",),
    )


def density(
    side: Laterality | None,
    category: DensityCategory,
    probabilities: tuple[float, float, float, float],
    *views: ViewResult,
) -> Density:
    """Return a density as the density model reads it from these views."""
    uids = tuple(view.ref.sop_instance_uid for view in views)
    return Density(side, category, probabilities, uids, DENSITY_MODEL)


def headers(result: StudyResult) -> dict[str, Dataset]:
    """Return the source headers of a result; of four views when it has none."""
    views = result.views or negative_views()
    return {v.ref.sop_instance_uid: header(v.ref, v.laterality, v.view) for v in views}
