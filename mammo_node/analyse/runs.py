"""What the model families need of a session, and what becomes of raw outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mammo_node.errors import InferenceError

#: What single precision may leave outside 0 and 1.
_ROUNDING = 1e-4
Tensor = npt.NDArray[np.float32]


class Runs(Protocol):
    """Runs one graph."""

    def run(
        self, inputs: Mapping[str, npt.NDArray[Any]], outputs: Sequence[str]
    ) -> list[npt.NDArray[Any]]:
        """Return the named outputs for the inputs by name."""
        ...


def activated(raw: Tensor, how: Literal["none", "sigmoid", "softmax"]) -> Tensor:
    """Return scores of 0 to 1; softmax is over the last axis.

    Raises
    ------
    InferenceError
        If they are not finite, or not within 0 and 1.
    """
    values = raw.astype(np.float64)
    if how == "sigmoid":
        values = 1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0)))
    elif how == "softmax":
        raised = np.exp(values - values.max(axis=-1, keepdims=True))
        values = raised / raised.sum(axis=-1, keepdims=True)
    inside = (values >= -_ROUNDING) & (values <= 1.0 + _ROUNDING)  # false for NaN as well
    if not inside.all():
        raise InferenceError("scores are not between 0 and 1: is output.activation right?")
    return np.clip(values, 0.0, 1.0).astype(np.float32)
