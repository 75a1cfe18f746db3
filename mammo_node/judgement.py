"""From single views to the study: what only several views, or several models, can say.

Pure but for the models that look at two views at once. The order matters: places first, then
views against each other, which may change scores, then density, then the study as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def judge(views: Sequence[ViewResult], tensors: Tensors, engine: Engine) -> Judgement:  # noqa: ARG001
    """Judge the views of one study together."""
    return Judgement(tuple(views))
