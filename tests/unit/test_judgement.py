"""All families on one study: places, views compared and density reach the study's result."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mammo_node.analyse.detector import Detector
from mammo_node.config import Comparison, Models, Worker
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.pipeline import Answer, Pipeline, StudyRequest
from mammo_node.vocabulary import Laterality, Outcome
from tests.synthetic import mammogram, save
from tests.unit.analyse_graphs import write_package
from tests.unit.test_examination_landmarks import MM, scene
from tests.unit.view_graphs import write_density_package, write_landmark_package

#: No grey level of a breast is beyond 0 and 1, which the blobs take for scores.
WHOLE_RANGE = (("low_percentile = 1\n", "low_percentile = 0\n"), ("= 99.5", "= 100"))
VIEWS = (("R", "CC"), ("R", "MLO"), ("L", "CC"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three packages and the images of a study of which one view is missing."""
    root = tmp_path_factory.mktemp("judged")
    write_package(root / "models" / "blobs", changes=WHOLE_RANGE)
    write_landmark_package(root / "models" / "landmarks")
    write_density_package(root / "models" / "density")
    for number, (side, view) in enumerate(VIEWS):
        ds = mammogram(
            scene(right=side == "R"),
            SOPInstanceUID=f"1.2.3.{number}",
            ViewCodeSequence=None,
            ViewPosition=view,
            ImageLaterality=side,
            PatientOrientation=["P" if side == "R" else "A", "F" if view == "MLO" else "L"],
            ImagerPixelSpacing=[MM, MM],
        )
        if (side, view) == ("L", "CC"):
            ds.PatientOrientation = ["A", "R"]
        save(ds, root / f"{number}.dcm")
    return root


def engine(folder: Path, *names: str, comparison: Comparison | None = None) -> Engine:
    models = Models(folder=folder / "models", use=names)
    return Engine.start(models, Worker(threads=1), comparison)


def answer(folder: Path, *names: str, comparison: Comparison) -> Answer:
    """Analyse the three images with these packages."""
    equipment = Equipment(software_version="0", device_serial_number="test")
    pipeline = Pipeline(
        engine(folder, *names, comparison=comparison),
        Policy(),
        equipment,
        "",
        comparison=comparison,
    )
    images = tuple(identify(folder / f"{number}.dcm") for number in range(len(VIEWS)))
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)
    return pipeline.answer(StudyRequest("1.2.4", 1, images, (), when))


def test_a_study_is_judged_across_its_views(folder: Path):
    """Findings have places; the breast with both views a density, the other a remark."""
    made = answer(folder, "blobs", "landmarks", "density", comparison=Comparison())
    result = made.result
    assert all(view.landmarks is not None for view in result.views)
    found = [finding for view in result.views for finding in view.findings]
    assert found
    assert all(one.location is not None and one.location.nipple_mm is not None for one in found)
    assert [density.laterality for density in result.densities] == [Laterality.RIGHT, None]
    assert result.remarks == (
        "Density of the left breast was not judged: no MLO image that the model can use.",
    )
    changed = [one for one in found if one.agreement is not None]
    assert changed
    for lesion in result.lesions:
        views = {view.ref.sop_instance_uid: view for view in result.views}
        one, other = (views[ref.sop_instance_uid].findings[ref.index] for ref in lesion)
        assert one.agreement is not None
        assert other.agreement is not None
        assert (one.agreement.partner, other.agreement.partner) == (lesion[1], lesion[0])


def test_nothing_below_its_operating_point_is_reported(folder: Path):
    """Whatever detectors hand over for the comparison, and whatever it does to scores."""
    made = answer(folder, "blobs", "landmarks", comparison=Comparison(lower_by=0.5, raise_by=0.0))
    points = {"mass": 0.5, "calcification-cluster": 0.6}
    found = [finding for view in made.result.views for finding in view.findings]
    assert all(one.score >= points[one.label] - 1e-6 for one in found)
    (blobs, _) = made.opinions
    alone = answer(folder, "blobs", comparison=Comparison())
    assert blobs.views == alone.opinions[0].views


def test_fainter_boxes_are_handed_over_only_where_they_count(folder: Path):
    """With a landmark model and the comparison on; else a detector keeps to its thresholds."""
    both = ("blobs", "landmarks")
    shares = []
    for names, comparison in (
        (both, Comparison(candidates=0.4)),
        (both, Comparison(enabled=False)),
        (both, None),
        (("blobs",), Comparison()),
    ):
        model = engine(folder, *names, comparison=comparison).loaded[0]
        assert isinstance(model.runner, Detector)
        assert model.thresholds == {"mass": 0.5, "calcification-cluster": 0.6}
        shares.append(model.runner.from_share)
    assert shares == [0.4, 1.0, 1.0, 1.0]


def test_switched_off_scores_are_the_models_own(folder: Path):
    """No agreement, no lesions, the same findings as without landmarks; places stay."""
    off = answer(folder, "blobs", "landmarks", comparison=Comparison(enabled=False))
    plain = answer(folder, "blobs", comparison=Comparison())
    for one, other in zip(off.result.views, plain.result.views, strict=True):
        assert [f.score for f in one.findings] == [f.score for f in other.findings]
        assert all(f.agreement is None and f.location is not None for f in one.findings)
    assert off.result.lesions == ()


def test_an_image_that_nobody_searched_is_no_negative(folder: Path):
    """Where no detector is intended for a view, a nipple found there makes it no analysed one."""
    changes = (
        *WHOLE_RANGE,
        ('views = ["CC", "MLO"]', 'views = ["MLO"]'),
        ('name = "blobs"', 'name = "oblique-only"'),
    )
    write_package(folder / "models" / "oblique-only", changes=changes)
    made = answer(folder, "oblique-only", "landmarks", comparison=Comparison(enabled=False))
    refusals = {(v.laterality, v.view): v.refusal for v in made.result.views}
    assert refusals["R", "MLO"] is None
    refusal = refusals["R", "CC"]
    assert refusal is not None
    assert refusal.detail == "oblique-only is not intended for view CC"
    assert made.result.outcome is Outcome.PARTIAL
