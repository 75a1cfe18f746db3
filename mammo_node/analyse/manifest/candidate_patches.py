"""family = "candidate-patches": a rule picks windows, a classifier judges each (quantusMM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mammo_node.analyse.manifest.base import (
    LabelledManifest,
    OutputsSelfTest,
    Probability,
    Table,
    Text,
    Word,
    each_once,
    known,
)


class Candidates(Table):
    """[candidates]: what both rules have."""

    channel: int = Field(
        0, ge=0, description="Channel of the input that the rule looks at; 0 is the first."
    )
    size_px: int = Field(ge=3, description="Side of a window, model pixels.")
    stride_px: int = Field(ge=1, description="From one window to the next, model pixels.")

    @model_validator(mode="after")
    def _without_gaps(self) -> Self:
        if self.stride_px > self.size_px:
            raise ValueError("stride_px: larger than size_px: windows would leave gaps")
        return self


class CentreBrightness(Candidates):
    """[candidates] of nodules: the brightest windows of each part, weighted to their centres."""

    rule: Literal["centre-brightness"] = Field(description="Which rule picks the windows.")
    size_px: int = Field(800, ge=3, description="Side of a window, model pixels.")
    stride_px: int = Field(40, ge=1, description="From one window to the next, model pixels.")
    weight_steps: int = Field(
        5, ge=1, le=100, description="Steps in which the weight rises to the window's centre."
    )
    parts: int = Field(3, ge=1, description="Parts of the image along each side.")
    per_part: int = Field(3, ge=1, description="Brightest windows taken of each part.")
    distance_px: float = Field(250.0, ge=0, description="Least distance of their centres.")


class BrightPixel(Candidates):
    """[candidates] of microcalcifications: windows with a pixel near the maximum."""

    rule: Literal["bright-pixel"] = Field(description="Which rule picks the windows.")
    size_px: int = Field(400, ge=3, description="Side of a window, model pixels.")
    stride_px: int = Field(200, ge=1, description="From one window to the next, model pixels.")
    level: float = Field(
        0.9, gt=0, le=1, description="Part of the maximum that one pixel must reach."
    )


CandidateRule = Annotated[CentreBrightness | BrightPixel, Field(discriminator="rule")]


class PatchScores(Table):
    """[output] of a classifier of single windows."""

    contract: Literal["patch-scores"] = Field(description="What the output means.")
    scores: Text = Field("scores", description="Output (windows, labels) float32.")
    map: Text | None = Field(
        None,
        description="Output (windows, labels, n, m) float32: how much each place of the window"
        " scores, activated alike. Findings get their boxes from it.",
    )
    activation: Literal["none", "sigmoid", "softmax"] = Field(
        "none", description="none: 0 to 1; sigmoid, softmax: logits. Softmax takes the index."
    )
    batch: int = Field(4, ge=1, le=1024, description="Windows in one run of the model.")
    best_windows: int = Field(
        1, ge=1, description="The image's score is the mean of so many best windows; 1: the best."
    )
    nms_iou: Probability = Field(
        0.1,
        description="Of two windows of one label, or their boxes where there is a map, that"
        " overlap by more than this, the better stays. So it does where regions of maps touch.",
    )
    max_detections: int = Field(20, ge=1, le=10000, description="Most findings of one image.")

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the graph's outputs, scores first."""
        return (self.scores,) if self.map is None else (self.scores, self.map)


class SuspicionLimit(Table):
    """[[suspicion]]: from which score of the image on an AI suspicion category is given."""

    label: Word | None = Field(
        None, description="The [[label]] it belongs to; needed where there are several."
    )
    category: Literal[1, 3, 4, 5, 6] = Field(description="AI suspicion category; never BI-RADS.")
    threshold: Probability = Field(description="Score of the image from which it is given.")
    sensitivity: Probability | None = Field(None, description="Measured at this threshold.")
    specificity: Probability | None = Field(None, description="Measured at this threshold.")
    data: Text = Field(description="The data on which that was measured, in words.")


class CandidatePatchesManifest(LabelledManifest):
    """family = "candidate-patches": scores of picked windows, of the image, and its category."""

    family: Literal["candidate-patches"] = Field(description="Model family: candidate-patches.")
    candidates: CandidateRule
    output: PatchScores
    suspicion: tuple[SuspicionLimit, ...] = ()
    self_test: OutputsSelfTest | None = None

    @model_validator(mode="after")
    def _channel_is_there(self) -> Self:
        if self.candidates.channel >= len(self.input.channels):
            count = len(self.input.channels)
            raise ValueError(f"candidates.channel: the input has {count}, counted from 0")
        return self

    @model_validator(mode="after")
    def _suspicion_consistent(self) -> Self:
        names = list(self.labels.values())
        known("suspicion.label", [s.label for s in self.suspicion if s.label], names)
        if len(names) > 1 and any(s.label is None for s in self.suspicion):
            raise ValueError("suspicion.label: there are several labels; say which")
        for name, limits in self.suspicion_limits.items():
            _rising(name, limits)
        return self

    @property
    def suspicion_limits(self) -> Mapping[str, Sequence[tuple[int, float]]]:
        """(category, threshold) pairs by label name, by rising category; none: no categories."""
        only = next(iter(self.labels.values()))
        found: dict[str, list[tuple[int, float]]] = {}
        for limit in self.suspicion:
            found.setdefault(limit.label or only, []).append((limit.category, limit.threshold))
        return {name: sorted(limits) for name, limits in found.items()}

    @property
    def batch(self) -> int:
        """Windows in one run of the graph."""
        return self.output.batch

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the input, by name of the graph's input."""
        return {self.input.name: (self.candidates.size_px, self.candidates.size_px)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        found: dict[str, tuple[int, ...]] = {self.output.scores: (1, 2)}
        return found if self.output.map is None else found | {self.output.map: (4,)}


def _rising(name: str, limits: Sequence[tuple[int, float]]) -> None:
    """Every score has one category, and a higher score never a lower one."""
    each_once("suspicion.category", [category for category, _ in limits])
    if limits[0][1] != 0:
        raise ValueError(f"suspicion.threshold: the lowest category of {name!r} must begin at 0")
    if any(upper <= lower for (_, lower), (_, upper) in pairwise(limits)):
        raise ValueError(f"suspicion.threshold: must rise with the category ({name!r})")
