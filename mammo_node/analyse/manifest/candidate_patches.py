"""family = "candidate-patches": a rule picks windows, a classifier judges each (quantusMM)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mammo_node.analyse.manifest.base import (
    LabelledManifest,
    OutputsSelfTest,
    Probability,
    Table,
    Text,
)


class CentreBrightness(Table):
    """[candidates] of nodules: the brightest windows of each part, weighted to their centres."""

    rule: Literal["centre-brightness"] = Field(description="Which rule picks the windows.")
    size_px: int = Field(800, ge=3, description="Side of a window, model pixels.")
    stride_px: int = Field(40, ge=1, description="From one window to the next, model pixels.")
    parts: int = Field(3, ge=1, description="Parts of the image along each side.")
    per_part: int = Field(3, ge=1, description="Brightest windows taken of each part.")
    distance_px: float = Field(250.0, ge=0, description="Least distance of their centres.")


class BrightPixel(Table):
    """[candidates] of microcalcifications: windows with a pixel near the maximum."""

    rule: Literal["bright-pixel"] = Field(description="Which rule picks the windows.")
    size_px: int = Field(400, ge=3, description="Side of a window, model pixels.")
    stride_px: int = Field(200, ge=1, description="From one window to the next, model pixels.")
    level: Probability = Field(0.9, description="Part of the maximum that one pixel must reach.")


CandidateRule = Annotated[CentreBrightness | BrightPixel, Field(discriminator="rule")]


class PatchScores(Table):
    """[output] of a classifier of single windows."""

    contract: Literal["patch-scores"] = Field(description="What the output means.")
    scores: Text = Field("scores", description="Output (windows, labels) float32.")
    activation: Literal["none", "sigmoid", "softmax"] = Field(
        "none", description="none: 0 to 1; sigmoid, softmax: logits. Softmax takes the index."
    )
    batch: int = Field(16, ge=1, le=1024, description="Windows in one run of the model.")


class SuspicionLimit(Table):
    """[[suspicion]]: from which score of the image on an AI suspicion category is given."""

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

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the input, by name of the graph's input."""
        return {self.input.name: (self.candidates.size_px, self.candidates.size_px)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        return {self.output.scores: (1, 2)}
