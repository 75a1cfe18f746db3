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
from mammo_node.config import TrafficLight
from mammo_node.engine import Engine
from mammo_node.vocabulary import Assessment, Density, FindingRef, ViewResult

#: Prepared inputs of models that judge two views, by SOP Instance UID and model name.
Tensors = Mapping[tuple[str, str], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The views, as they stand after the comparison, and what is said across them."""

    views: tuple[ViewResult, ...]
    lesions: tuple[tuple[FindingRef, ...], ...] = ()
    densities: tuple[Density, ...] = ()
    assessments: tuple[Assessment, ...] = ()


def judge(
    views: Sequence[ViewResult],
    tensors: Tensors,  # noqa: ARG001
    engine: Engine,
    traffic_light: TrafficLight | None = None,
) -> Judgement:
    """Judge the views of one study together."""
    rules = rules_of(engine, traffic_light or TrafficLight())
    return Judgement(tuple(views), assessments=assess(views, (), rules))


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
