"""What shows where a model's scores come from: by configuration, and by what the model allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from mammo_node import log
from mammo_node.analyse.detector import Detector
from mammo_node.analyse.occlusion import Occlusion
from mammo_node.analyse.runs import Runs, Tensor
from mammo_node.errors import ConfigurationError, ModelPackageError
from mammo_node.vocabulary import Detections, MapKind

#: The words of ``[models] explain``.
How = Literal["score-map", "relevance", "none"]
#: Opens a session for a graph.
Open = Callable[[bytes], Runs]

#: Boxes that score less are not looked at where cells are covered.
_FAINT = 0.01


class Explainer(Protocol):
    """Makes a map for one prepared image and what was found in it."""

    @property
    def kind(self) -> MapKind:
        """What its maps show."""
        ...

    def explain(
        self, tensor: Tensor, found: Detections, trimmed: Mapping[str, Tensor] | None = None
    ) -> Tensor | None:
        """Return a map of 0 to 1 that covers the input on any grid, or None.

        ``trimmed`` is what was cut away, as :meth:`.detector.Detector.run` takes it.

        Raises
        ------
        InferenceError
            If the model fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class ScoreMap:
    """Shows what the model itself tells of each place, where it does."""

    kind: ClassVar[MapKind] = MapKind.SCORES

    def explain(
        self,
        tensor: Tensor,
        found: Detections,
        trimmed: Mapping[str, Tensor] | None = None,
    ) -> Tensor | None:
        """Return the detector's own map, findings or not."""
        return found.heatmap


def explainer_of(how: How, detector: Detector, open_graph: Open) -> Explainer | None:
    """Return what explains a detector's findings.

    Parameters
    ----------
    how : {"score-map", "relevance", "none"}
        ``[models] explain``. Relevance is gradient x input; occlusion where the model's graph has
        no gradient, which is logged with the reason.
    detector : Detector
        With its thresholds in force.
    open_graph : callable
        Opens a session for the relevance graph, where the model's runs.

    Raises
    ------
    ConfigurationError
        If relevance is asked for and the package ``onnx`` is not installed.
    """
    if how == "none":
        return None
    return ScoreMap() if how == "score-map" else _relevance(detector, open_graph)


def _relevance(detector: Detector, open_graph: Open) -> Explainer:
    try:  # heavy, and only those who ask for relevance need it
        from mammo_node.analyse.relevance import derive, gradient, heads  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "mammo_node.toml: models.explain = 'relevance' needs the package onnx"
            f" ({error}): pip install 'mammo-node[cpu]' or 'mammo-node[gpu]'"
        ) from error
    package, manifest = detector.package, detector.manifest
    graph = derive.derive(package.model_bytes(), manifest.input.name, manifest.output)
    if isinstance(graph, derive.NotDerivable):
        return _occlusion(detector, graph.reason)
    try:
        session = open_graph(graph)
    except ModelPackageError as error:  # what is derived is ours: the model itself runs
        return _occlusion(detector, str(error))
    # Also what another view may still raise to a finding is to have been explained.
    least = {label: detector.from_share * t for label, t in detector.thresholds.items()}
    thresholds = heads.threshold_input(manifest.output, package.labels, least)
    return gradient.GradientTimesInput(
        session, manifest.input.name, thresholds, manifest.output.flips
    )


def _occlusion(detector: Detector, reason: str) -> Occlusion:
    package, spec = detector.package, detector.package.input_spec
    log.get("models").warning("no-relevance-graph", model=package.name, reason=reason)
    faint = Detector(package, detector.session, dict.fromkeys(package.labels.values(), _FAINT))
    return Occlusion(faint.run, 0 if spec.size is not None else spec.pad_multiple)
