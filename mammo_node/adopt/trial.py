"""A rewritten graph beside the one it was made of, on a mammogram as the node would prepare it.

The mammogram is a phantom: an import needs no image, and the same file gives the same figures.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mammo_node.analyse.session import open_session
from mammo_node.image.preprocess import prepare
from mammo_node.phantom import PhantomView, generate_study
from mammo_node.vocabulary import InputSpec, Orientation

Tensor = npt.NDArray[np.float32]

_SEED, _SPACING_MM = 7, 0.25


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    ``difference`` is the largest of any output, relative to the largest value of that output;
    ``seconds`` are those of the given graph and of the rewritten one, in turns, the best of each.
    """

    difference: float
    seconds: tuple[float, float]

    @property
    def gain(self) -> float:
        """How many times as fast the rewritten graph ran here."""
        return self.seconds[0] / self.seconds[1]


def mammogram(spec: InputSpec) -> Mapping[str, Tensor]:
    """Return a phantom's oblique view as a model takes it: its inputs by name."""
    views = (("L", "MLO"),)
    study = generate_study(_SEED, pixel_spacing_mm=_SPACING_MM, look="film", views=views)
    return as_input(study.views[0], spec)


def as_input(view: PhantomView, spec: InputSpec) -> Mapping[str, Tensor]:
    """Return a view of a left breast as a model takes it: its inputs by name."""
    upright, spacing_mm = Orientation(chest_wall_right=False), (view.pixel_spacing_mm,) * 2
    made = prepare(view.pixels.astype(np.float32), spacing_mm, upright, spec)
    return {spec.name: made.tensor, **made.trimmed}


def compare(
    plain: bytes,
    rewritten: bytes,
    image: Mapping[str, Tensor],
    *,
    outputs: Sequence[str],
    rounds: int,
) -> Trial:
    """Run two graphs on one image, ``rounds`` times in turns.

    Parameters
    ----------
    image : mapping of str to ndarray
        What each input is given.
    outputs : sequence of str
        Names of the outputs that must agree.

    Raises
    ------
    ModelPackageError, InferenceError
        If ONNX Runtime refuses a graph, or fails to run it.
    """
    graphs = (plain, rewritten)
    sessions = [open_session(g, provider="cpu", threads=0, name="the import") for g in graphs]
    best = [float("inf")] * len(sessions)
    found: list[Sequence[npt.NDArray[np.float32]]] = [()] * len(sessions)
    for _ in range(rounds):
        for number, session in enumerate(sessions):
            begun = time.perf_counter()
            found[number] = session.run(image, outputs)
            best[number] = min(best[number], time.perf_counter() - begun)
    pairs = zip(found[1], found[0], strict=True)
    return Trial(max(difference(one, other) for one, other in pairs), (best[0], best[1]))


def difference(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Return the largest difference, relative to the largest expected value."""
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-6))
