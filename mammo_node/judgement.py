"""From single views to the study: what only several views, or several models, can say.

Pure but for the models that look at two views at once. The order matters: places first, then
views against each other, which may change scores, then density, then the study as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.assessment import Rules, assess, points_of
from mammo_node.analyse.comparison import compare
from mammo_node.analyse.densities import densities_of
from mammo_node.analyse.density import DensityEstimator
from mammo_node.analyse.marks import reported
from mammo_node.config import Comparison, TrafficLight
from mammo_node.engine import Engine
from mammo_node.vocabulary import Assessment, Density, FindingRef, ViewResult

#: Prepared inputs of models that judge two views, by SOP Instance UID and model name.
Tensors = Mapping[tuple[str, str], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The views, as they stand after the comparison, and what is said across them.

    ``alone`` are the views as each stood by itself; ``remarks`` say what could not be judged.
    """

    views: tuple[ViewResult, ...]
    lesions: tuple[tuple[FindingRef, ...], ...] = ()
    densities: tuple[Density, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    alone: tuple[ViewResult, ...] = ()
    remarks: tuple[str, ...] = ()


def judge(
    views: Sequence[ViewResult],
    tensors: Tensors,
    engine: Engine,
    traffic_light: TrafficLight | None = None,
    comparison: Comparison | None = None,
) -> Judgement:
    """Judge the views of one study together.

    Raises
    ------
    InferenceError
        If a model that looks at two views fails.
    """
    thresholds = {
        (model.package.name, label): threshold
        for model in engine.loaded
        for label, threshold in model.thresholds.items()
    }
    compared, lesions = compare(views, thresholds, comparison or Comparison())
    judged = [
        densities_of(compared, tensors, model.runner)
        for model in engine.loaded
        if isinstance(model.runner, DensityEstimator)
    ]
    densities = tuple(density for one in judged for density in one.densities)
    rules = rules_of(engine, traffic_light or TrafficLight())
    return Judgement(
        views=compared,
        lesions=lesions,
        densities=densities,
        assessments=assess(compared, densities, rules),
        alone=reported(views, thresholds),
        remarks=tuple(remark for one in judged for remark in one.remarks),
    )


def rules_of(engine: Engine, traffic_light: TrafficLight) -> Rules:
    """Return what the scores of the models in use mean for the traffic light."""
    points = {
        (model.package.name, label): point
        for model in engine.loaded
        for label, point in points_of(
            model.thresholds, model.package.operating_points, traffic_light
        ).items()
    }
    return Rules(points, traffic_light)
