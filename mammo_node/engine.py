"""The models that run here: loaded, checked, self-tested, ready for tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.explanation import Explainer, ScoreMap, explainer_of
from mammo_node.analyse.landmarks import LandmarkFinder
from mammo_node.analyse.manifest import (
    CandidatePatchesManifest,
    DensityManifest,
    DetectorManifest,
    LandmarksManifest,
    SlidingPatchesManifest,
)
from mammo_node.analyse.package import ModelPackage, check_thresholds, discover
from mammo_node.analyse.reporter import Reporter
from mammo_node.analyse.runs import Runs
from mammo_node.analyse.selftest import self_test
from mammo_node.analyse.session import Session, open_session, runtime_version
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.config import Comparison, Models, TrafficLight, Worker
from mammo_node.errors import ModelPackageError
from mammo_node.image.recipes import RECIPES
from mammo_node.vocabulary import ModelRef

#: What runs a model, by family.
Runner = Detector | DensityEstimator | LandmarkFinder | WindowClassifier | CandidatePatches


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A package and what runs it."""

    package: ModelPackage
    runner: Runner
    explainer: Explainer | None = field(default_factory=ScoreMap)
    """What shows where its scores come from; None: nothing is shown."""

    @property
    def thresholds(self) -> Mapping[str, float]:
        """In force, by label name; empty for models that report no findings."""
        return self.runner.thresholds if isinstance(self.runner, Reporter) else {}


@dataclass(frozen=True, slots=True)
class Engine:
    """Every model in use."""

    loaded: tuple[LoadedModel, ...]
    provider: str
    runtime_version: str

    @classmethod
    def start(cls, models: Models, worker: Worker, comparison: Comparison | None = None) -> Self:
        """Load and self-test every package that the configuration names.

        With a comparison of views, and a model that finds the nipple, detectors hand over what is
        below their operating points, too; `mammo_node.judgement.judge` drops it in the end.

        Raises
        ------
        ModelPackageError, ProviderUnavailable, ConfigurationError
            Saying which package and key, or what is missing for the provider.
        """
        packages = packages_in_use(models)
        from_share = _from_share(packages, comparison)
        loaded = (_load(package, models, worker, from_share) for package in packages)
        return cls(tuple(loaded), worker.provider, runtime_version(worker.provider))

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """What results cite."""
        return tuple(model.package.ref for model in self.loaded)

    def only(self, names: Collection[str]) -> Self:
        """Return the engine with these of its models; without names, with all of them.

        Raises
        ------
        ModelPackageError
            If one of them is not loaded.
        """
        known = [model.package.name for model in self.loaded]
        for name in names:
            if name not in known:
                raise ModelPackageError(f"model package {name!r} is not loaded ({known})")
        chosen = (m for m in self.loaded if not names or m.package.name in names)
        return replace(self, loaded=tuple(chosen))

    def check_traffic_light(self, settings: TrafficLight) -> None:
        """Refuse a limit for a label that no model in use has.

        Raises
        ------
        ConfigurationError
            Naming the label and those there are.
        """
        check_traffic_light([model.package for model in self.loaded], settings)

    @property
    def operating_points(self) -> tuple[tuple[str, float], ...]:
        """(label, threshold) pairs in force; "label (model)" where models differ on a label."""
        found: dict[str, dict[str, float]] = {}
        for model in self.loaded:
            for label, threshold in model.thresholds.items():
                found.setdefault(label, {})[model.package.name] = threshold
        pairs: dict[str, float] = {}
        for label, by_model in found.items():
            if len(set(by_model.values())) == 1:
                pairs[label] = next(iter(by_model.values()))
            else:
                pairs |= {f"{label} ({name})": value for name, value in by_model.items()}
        return tuple(sorted(pairs.items()))


def packages_in_use(models: Models) -> Sequence[ModelPackage]:
    """Load the packages that the configuration names, without a runtime.

    Raises
    ------
    ModelPackageError, ConfigurationError
        As :func:`mammo_node.analyse.package.discover` and for unknown threshold labels.
    """
    packages = discover(models.folder, models.use, recipes=RECIPES)
    if not models.shadow:  # whose labels a threshold may be for, too
        check_thresholds(packages, models.thresholds)
    return packages


def check_traffic_light(packages: Sequence[ModelPackage], settings: TrafficLight) -> None:
    """Refuse a limit for a label that none of these packages has.

    Raises
    ------
    ConfigurationError
        Naming the label and those there are.
    """
    check_thresholds(packages, settings.amber, "traffic_light.amber")
    check_thresholds(packages, settings.red, "traffic_light.red")


def narrowed(
    models: Models, traffic_light: TrafficLight, names: Collection[str]
) -> tuple[Models, TrafficLight]:
    """Return the settings for these packages alone: limits of other models' labels left out.

    Raises
    ------
    ModelPackageError
        As :func:`mammo_node.analyse.package.discover`.
    """
    packages = discover(models.folder, tuple(names), recipes=RECIPES)
    labels = {label for package in packages for label in package.labels.values()}

    def own(limits: Mapping[str, float]) -> dict[str, float]:
        return {label: limit for label, limit in limits.items() if label in labels}

    chosen = {"use": tuple(names), "shadow": (), "thresholds": own(models.thresholds)}
    limits = {"amber": own(traffic_light.amber), "red": own(traffic_light.red)}
    return models.model_copy(update=chosen), traffic_light.model_copy(update=limits)


def _from_share(packages: Sequence[ModelPackage], comparison: Comparison | None) -> float:
    located = any(isinstance(package.manifest, LandmarksManifest) for package in packages)
    on = comparison is not None and comparison.enabled
    return comparison.candidates if comparison and on and located else 1.0


def _load(package: ModelPackage, models: Models, worker: Worker, from_share: float) -> LoadedModel:
    def opened(graph: bytes) -> Session:
        name = str(package.folder / "model.onnx")
        return open_session(graph, provider=worker.provider, threads=worker.threads, name=name)

    session = opened(package.model_bytes())
    self_test(package, session)
    overrides = models.thresholds
    own = {label: overrides[label] for label in package.labels.values() if label in overrides}
    runner = _runner(package, session, own)
    explainer: Explainer | None = None if models.explain == "none" else ScoreMap()
    if isinstance(runner, Detector):
        runner = replace(runner, from_share=from_share)
        explainer = explainer_of(models.explain, runner, opened)
    return LoadedModel(package, runner, explainer)


def _runner(package: ModelPackage, session: Runs, overrides: Mapping[str, float]) -> Runner:
    match package.manifest:
        case DetectorManifest():
            return Detector(package, session, overrides)
        case DensityManifest():
            return DensityEstimator(package, session)
        case LandmarksManifest():
            return LandmarkFinder(package, session)
        case SlidingPatchesManifest():
            return WindowClassifier(package, session, overrides)
        case CandidatePatchesManifest():
            return CandidatePatches(package, session, overrides)
        case other:
            raise ModelPackageError(f"{package.folder}: family {other.family} cannot be run")
