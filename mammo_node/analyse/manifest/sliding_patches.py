"""family = "sliding-patches": a classifier of windows that slide over the breast."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mammo_node.analyse.manifest.base import (
    LabelledManifest,
    OutputsSelfTest,
    Probability,
    Table,
    Text,
)


class SlidingWindow(Table):
    """[window]: which windows are looked at."""

    size_px: int = Field(256, ge=1, description="Side of a window, model pixels.")
    stride_px: int = Field(32, ge=1, description="From one window to the next, model pixels.")
    breast_share: Probability = Field(
        0.25, description="Windows with less of the breast than this are left out."
    )
    batch: int = Field(16, ge=1, le=1024, description="Windows in one run of the model.")
    engine: Literal["exact", "dense"] = Field(
        "exact",
        description="exact: window by window; dense: the whole breast at once, where dense_safe.",
    )
    dense_safe: bool = Field(
        False,
        description="The map on a large image holds what windows there would have answered: fully"
        " convolutional, no squeeze-excite, no pooling over the window before the last layer.",
    )
    dense_agreement: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Rank correlation of both engines over windows on the breast, as measured.",
    )


class WindowScores(Table):
    """[output] of a window classifier."""

    contract: Literal["window-scores"] = Field(description="What the outputs mean.")
    scores: Text = Field("scores", description="Output (windows, labels) float32.")
    map: Text | None = Field(
        None, description="Output (windows, labels, rows / n, columns / n): needed for dense."
    )
    activation: Literal["none", "sigmoid"] = Field(
        "none", description="none: outputs are 0 to 1; sigmoid: they are logits."
    )


class SlidingPatchesManifest(LabelledManifest):
    """family = "sliding-patches": a heatmap from overlapping windows, regions from the heatmap."""

    family: Literal["sliding-patches"] = Field(description="Model family: sliding-patches.")
    window: SlidingWindow = Field(default_factory=SlidingWindow)
    output: WindowScores
    self_test: OutputsSelfTest | None = None

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the smallest input, by name of the graph's input."""
        return {self.input.name: (self.window.size_px, self.window.size_px)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        found: dict[str, tuple[int, ...]] = {self.output.scores: (2,)}
        return found if self.output.map is None else found | {self.output.map: (4,)}
