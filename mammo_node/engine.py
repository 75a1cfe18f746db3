"""The models that run here: loaded, checked, self-tested, ready for tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from mammo_node.analyse.candidate_patches import CandidatePatches
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.landmarks import LandmarkFinder
from mammo_node.analyse.manifest import (
    CandidatePatchesManifest,
    DensityManifest,
    DetectorManifest,
    LandmarksManifest,
    SlidingPatchesManifest,
)
from mammo_node.analyse.package import ModelPackage, check_thresholds, discover
from mammo_node.analyse.runs import Runs
from mammo_node.analyse.selftest import self_test
from mammo_node.analyse.session import Provider, open_session, runtime_version
from mammo_node.analyse.sliding_patches import WindowClassifier
from mammo_node.config import Models, TrafficLight, Worker
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
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """In force, by label name; empty for models that report no findings."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Every model in use."""

    loaded: tuple[LoadedModel, ...]
    provider: str
    runtime_version: str

    @classmethod
    def start(cls, models: Models, worker: Worker) -> Self:
        """Load and self-test every package that the configuration names.

        Raises
        ------
        ModelPackageError, ProviderUnavailable, ConfigurationError
            Saying which package and key, or what is missing for the provider.
        """
        packages = packages_in_use(models)
        loaded = (_load(p, worker.provider, worker.threads, models.thresholds) for p in packages)
        return cls(tuple(loaded), worker.provider, runtime_version(worker.provider))

    @property
    def models(self) -> tuple[ModelRef, ...]:
        """What results cite."""
        return tuple(model.package.ref for model in self.loaded)

    def check_traffic_light(self, settings: TrafficLight) -> None:
        """Refuse a limit for a label that no model in use has.

        Raises
        ------
        ConfigurationError
            Naming the label and those there are.
        """
        packages = [model.package for model in self.loaded]
        check_thresholds(packages, settings.amber, "traffic_light.amber")
        check_thresholds(packages, settings.red, "traffic_light.red")

    @property
    def operating_points(self) -> tuple[tuple[str, float], ...]:
        """(label, threshold) pairs in force."""
        pairs = {k: v for model in self.loaded for k, v in model.thresholds.items()}
        return tuple(sorted(pairs.items()))


def packages_in_use(models: Models) -> Sequence[ModelPackage]:
    """Load the packages that the configuration names, without a runtime.

    Raises
    ------
    ModelPackageError, ConfigurationError
        As :func:`mammo_node.analyse.package.discover` and for unknown threshold labels.
    """
    packages = discover(models.folder, models.use, recipes=RECIPES)
    check_thresholds(packages, models.thresholds)
    return packages


def _load(
    package: ModelPackage, provider: Provider, threads: int, overrides: Mapping[str, float]
) -> LoadedModel:
    name = str(package.folder / "model.onnx")
    session = open_session(package.model_bytes(), provider=provider, threads=threads, name=name)
    self_test(package, session)
    own = {label: overrides[label] for label in package.labels.values() if label in overrides}
    return LoadedModel(package, _runner(package, session, own), package.thresholds(own))


def _runner(package: ModelPackage, session: Runs, overrides: Mapping[str, float]) -> Runner:
    match package.manifest:
        case DetectorManifest():
            return Detector(package, session, overrides)
        case DensityManifest():
            return DensityEstimator(package, session)
        case LandmarksManifest():
            return LandmarkFinder(package, session)
        case CandidatePatchesManifest():
            return CandidatePatches(package, session, overrides)
        case SlidingPatchesManifest():
            return WindowClassifier(package, session, overrides)
        case other:
            raise ModelPackageError(f"{package.folder}: family {other.family} cannot be run")
