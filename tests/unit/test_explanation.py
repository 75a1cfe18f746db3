"""Maps of what made a model score: local to the lesion, bound to the weights, of a named kind."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import pydicom
import pytest
from onnx import numpy_helper
from scipy.stats import spearmanr

from mammo_node.analyse.detector import Detector
from mammo_node.analyse.explanation import ScoreMap, explainer_of
from mammo_node.analyse.occlusion import Occlusion
from mammo_node.analyse.package import ModelPackage, bundled_folder, load_package
from mammo_node.analyse.relevance.gradient import GradientTimesInput, shown
from mammo_node.analyse.session import open_session
from mammo_node.config import Models, Worker
from mammo_node.encode.study import Equipment
from mammo_node.engine import Engine
from mammo_node.errors import InferenceError
from mammo_node.examination import Subject, examine
from mammo_node.image.reader import read_mammogram
from mammo_node.image.suitability import Policy
from mammo_node.offline import identify
from mammo_node.phantom import TextureBank, generate_study
from mammo_node.phantom.dicom import write_study
from mammo_node.pipeline import Pipeline, SpooledInstance, StudyRequest
from mammo_node.vocabulary import Detections, MammoImage, MapKind, OutputKind
from tests.unit.analyse_graphs import detector_model, write_package


@dataclass(frozen=True)
class Phantom:
    """A view with a mass that the shipped detector finds."""

    instance: SpooledInstance
    image: MammoImage
    tensor: np.ndarray
    found: Detections
    detector: Detector

    @property
    def inside(self) -> np.ndarray:
        """Where boxes are."""
        inside = np.zeros(self.tensor.shape[2:], bool)
        for x_min, y_min, x_max, y_max in self.found.boxes.astype(int):
            inside[y_min:y_max, x_min:x_max] = True
        return inside


def opened(graph: bytes):
    return open_session(graph, provider="cpu", threads=1, name="test")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory, texture_bank: TextureBank) -> Phantom:
    study = generate_study(
        3, pixel_spacing_mm=0.2, masses=1, clusters=0, views=[("L", "CC")], bank=texture_bank
    )
    (path,) = write_study(study, tmp_path_factory.mktemp("phantom"))
    instance = identify(path)
    assert instance is not None
    image = read_mammogram(path, instance.ref, Policy())
    assert isinstance(image, MammoImage)
    package = load_package(bundled_folder() / "lesion-detector")
    detector = Detector(package, opened(package.model_bytes()))
    tensor = Subject(image).prepared(package.input_spec).tensor
    found = detector.run(tensor)
    assert len(found.scores), "the detector finds nothing here any more: take another seed"
    return Phantom(instance, image, tensor, found, detector)


def relevance(detector: Detector) -> GradientTimesInput:
    explainer = explainer_of("relevance", detector, opened)
    assert isinstance(explainer, GradientTimesInput)
    return explainer


def test_relevance_is_local_to_the_lesion(phantom: Phantom):
    """What spoke for a mass lies on it: several times more of it than of the image's area."""
    inside, explainer = phantom.inside, relevance(phantom.detector)
    raw = explainer.raw(phantom.tensor)
    positive = np.maximum(raw, 0.0)
    share, area = positive[inside].sum() / positive.sum(), inside.mean()
    assert share > 5 * area
    assert share > 0.4
    heat = explainer.explain(phantom.tensor, phantom.found)
    assert heat is not None
    assert (heat.min(), heat.max()) == (0.0, 1.0)
    assert heat[inside].sum() / heat.sum() > 5 * area


def _randomised(package: ModelPackage, depth: int) -> bytes:
    """Return the model with the weights of its last convolutions drawn anew, as wide as before."""
    model = onnx.load_from_string(package.model_bytes())
    names = {c.input[1] for c in [n for n in model.graph.node if n.op_type == "Conv"][-depth:]}
    rng = np.random.default_rng(0)
    for weight in model.graph.initializer:
        if weight.name in names:
            values = numpy_helper.to_array(weight)
            drawn = rng.normal(0.0, values.std(), values.shape).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(drawn, weight.name))
    return bytes(model.SerializeToString())


@dataclass(frozen=True)
class _Randomised:
    """A package whose file gives other weights."""

    package: ModelPackage
    data: bytes

    def model_bytes(self) -> bytes:
        return self.data

    def __getattr__(self, name: str):
        return getattr(self.package, name)


def test_randomised_weights_change_the_map(phantom: Phantom):
    """The sanity check of Adebayo et al. (2018): a map that outlives the weights shows no model.

    From the heads down, ever more layers are drawn anew; each map is less like the first. Signs
    count: sizes alone follow the image, which is a factor of every such map.
    """
    package = phantom.detector.package
    first = relevance(phantom.detector).raw(phantom.tensor)
    breast = phantom.tensor[0, 0] > 0.05
    correlations = []
    for depth in (4, 30):
        data = _randomised(package, depth)
        session = opened(data)
        detector = Detector(_Randomised(package, data), session)  # type: ignore[arg-type]
        explainer = relevance(detector)
        # What scores best of the random network: it reports nothing by itself.
        (scores,) = session.run({"image": phantom.tensor}, ["scores"])
        limit = np.array([np.sort(scores)[-3]], np.float32)
        other = replace(explainer, thresholds=limit).raw(phantom.tensor)
        assert other.any()
        correlations.append(spearmanr(first[breast], other[breast]).statistic)
    # New heads still look at what the old features mark; without those nothing is left.
    assert correlations[0] < 0.9, correlations
    assert abs(correlations[1]) < 0.1, correlations


def test_the_same_weights_give_the_same_map(phantom: Phantom):
    """Results are reproducible: the graph, derived twice, gives the same map to the bit."""
    one, other = (relevance(phantom.detector).raw(phantom.tensor) for _ in range(2))
    assert (one == other).all()


def test_occlusion_finds_the_same_place(phantom: Phantom):
    """Covering the lesion takes its score: the model-free map lies on it too."""
    detector = phantom.detector
    faint = Detector(detector.package, detector.session, {"mass": 0.01})
    heat = Occlusion(faint.run, 32).explain(phantom.tensor, phantom.found)
    assert heat is not None
    assert (heat.min(), heat.max()) == (0.0, 1.0)
    assert heat[phantom.inside].sum() / heat.sum() > 0.7


def test_occlusion_keeps_to_its_budget(phantom: Phantom):
    """No image takes more runs than allowed, however much was found in it."""
    runs = []

    def detect(tensor: np.ndarray) -> Detections:
        runs.append(tensor.shape)
        return Detections(found.boxes[:0], found.scores[:0], found.labels[:0])

    one = phantom.found
    found = Detections(*(np.repeat(a[:1], 9, axis=0) for a in (one.boxes, one.scores, one.labels)))
    Occlusion(detect, 32, budget=80).explain(phantom.tensor, found)
    # Two findings of 36 cells, and each whole once.
    assert len(runs) <= 80
    assert all(rows % 32 == columns % 32 == 0 for *_, rows, columns in runs)
    assert max(rows * columns for *_, rows, columns in runs) < phantom.tensor[0, 0].size


def test_nothing_found_is_not_explained(phantom: Phantom):
    """Without a finding there is nothing that something spoke for."""
    empty = Detections(
        *(a[:0] for a in (phantom.found.boxes, phantom.found.scores, phantom.found.labels))
    )
    assert relevance(phantom.detector).explain(phantom.tensor, empty) is None
    assert Occlusion(phantom.detector.run, 32).explain(phantom.tensor, empty) is None


def test_what_spoke_against_is_not_shown():
    """The map has one meaning: negative relevance is left out, and nothing stays nothing."""
    raw = np.zeros((64, 64), np.float32)
    raw[40:50, 40:50] = -1.0
    assert not shown(raw).any()
    raw[10:20, 10:20] = 0.5
    heat = shown(raw)
    assert heat.max() == 1.0
    assert not heat[45, 45]


def test_a_model_without_a_gradient_is_explained_by_occlusion(tmp_path: Path):
    """A graph with a node that has no rule still gets maps, and the log says why."""
    model = detector_model()
    for node in model.graph.node:
        if node.op_type == "AveragePool":
            node.op_type = "LpPool"
    package = load_package(write_package(tmp_path / "blobs", model))
    detector = Detector(package, opened(package.model_bytes()))
    assert isinstance(explainer_of("relevance", detector, opened), Occlusion)
    assert isinstance(explainer_of("score-map", detector, opened), ScoreMap)
    assert explainer_of("none", detector, opened) is None


def test_a_map_that_fails_costs_no_findings(phantom: Phantom):
    """A relevance graph takes more memory than its model: findings come without it as well."""

    class _Failing:
        kind = MapKind.GRADIENT

        def explain(self, tensor, found, trimmed):
            raise InferenceError("out of memory")

    engine = _engine("none")
    model = replace(engine.loaded[0], explainer=_Failing())
    examined = examine(Subject(phantom.image), model)
    assert examined.findings
    assert examined.heatmap is None


def _engine(explain: str) -> Engine:
    models = Models(use=("lesion-detector",), explain=explain)  # type: ignore[arg-type]
    return Engine.start(models, Worker(threads=1))


@pytest.mark.parametrize(
    ("explain", "said"),
    [
        ("score-map", "score map of lesion-detector"),
        ("relevance", "gradient x input of lesion-detector"),
        ("none", None),
    ],
)
def test_results_say_what_kind_of_map_they_hold(phantom: Phantom, explain: str, said: str | None):
    """[models] explain decides which map is sent, and the segmentation names how it was made."""
    equipment = Equipment(software_version="0", device_serial_number="test")
    pipeline = Pipeline(_engine(explain), Policy(), equipment, explain)
    when = datetime(2026, 1, 5, 12, tzinfo=UTC)
    study = phantom.instance.ref.study_instance_uid
    request = StudyRequest(study, 1, (phantom.instance,), (OutputKind.SEG,), when)
    answer = pipeline.answer(request)
    names = []
    for file in answer.files:
        ds = pydicom.dcmread(io.BytesIO(file.content))
        assert file.held_back is None
        if ds.SegmentationType == "FRACTIONAL":
            (segment,) = ds.SegmentSequence
            names.append(segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName)
    assert names == ([] if said is None else [said])


def test_maps_cost_nothing_where_no_output_shows_them(phantom: Phantom):
    """Relevance takes several times as long as the model: it is not made for reports alone."""

    class _Never:
        kind = MapKind.GRADIENT

        def explain(self, tensor, found, trimmed):
            raise AssertionError

    engine = _engine("none")
    loaded = (replace(engine.loaded[0], explainer=_Never()),)
    equipment = Equipment(software_version="0", device_serial_number="test")
    pipeline = Pipeline(replace(engine, loaded=loaded), Policy(), equipment, "")
    assert pipeline.look_at(phantom.instance, (OutputKind.SR, OutputKind.GSPS)).view.findings
