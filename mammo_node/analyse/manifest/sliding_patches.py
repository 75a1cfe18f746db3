"""family = "sliding-patches": a classifier of windows that slide over the breast."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mammo_node.analyse.manifest.base import (
    LabelledManifest,
    OutputsSelfTest,
    Probability,
    Table,
    Text,
)

#: Least rank correlation, over windows on the breast, at which dense stands for exact.
DENSE_AGREEMENT = 0.98
_Cells = Annotated[int, Field(ge=0)]


class SlidingWindow(Table):
    """[window]: which windows are looked at."""

    size_px: int = Field(256, ge=1, description="Side of a window, model pixels.")
    stride_px: int = Field(32, ge=1, description="From one window to the next, model pixels.")
    margin_px: int | None = Field(
        None,
        ge=0,
        description="How far windows reach beyond the image; by default half a window, in whole"
        " strides.",
    )
    core_px: int | None = Field(
        None,
        ge=1,
        description="Side of the square in a window's middle that its score speaks of, and over"
        " which it weighs in the heatmap; by default the whole window.",
    )
    breast_share: Probability = Field(
        0.4, description="Windows whose core has less of the breast than this are left out."
    )
    batch: int = Field(32, ge=1, le=1024, description="Windows in one run of the model.")
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.stride_px > self.size_px:
            raise ValueError("stride_px: more than size_px leaves gaps between windows")
        if not self.stride_px <= (self.core_px or self.size_px) <= self.size_px:
            raise ValueError("core_px: must lie between stride_px and size_px")
        if self.margin >= self.size_px:
            raise ValueError("margin_px: size_px and more makes windows that see no image")
        if self.engine == "dense" and not self.dense_safe:
            raise ValueError(
                'engine: "dense" is for models that say dense_safe = true: fully convolutional,'
                " no pooling over the window before the last layer"
            )
        if self.engine == "dense" and (self.dense_agreement or 0.0) < DENSE_AGREEMENT:
            raise ValueError(
                f'engine: "dense" needs a measured dense_agreement of at least {DENSE_AGREEMENT};'
                f" the manifest says {self.dense_agreement}"
            )
        return self

    @property
    def margin(self) -> int:
        """How far windows reach beyond the image, pixels."""
        if self.margin_px is not None:
            return self.margin_px
        return self.size_px // 2 // self.stride_px * self.stride_px


class WindowScores(Table):
    """[output] of a window classifier."""

    contract: Literal["window-scores"] = Field(description="What the outputs mean.")
    scores: Text = Field("scores", description="Output (windows, labels) float32.")
    map: Text | None = Field(
        None, description="Output (windows, labels, rows / n, columns / n): needed for dense."
    )
    map_stride: int = Field(32, ge=1, description="The n of map: model pixels to a cell.")
    map_trim: tuple[_Cells, _Cells] = Field(
        (0, 0),
        description="Cells of a window's map, before and behind in both directions, that its"
        " score does not count: those that see the window's border.",
    )
    map_pooling: Literal["smooth-max", "mean", "max"] = Field(
        "smooth-max",
        description="How the other cells make the score; smooth-max is the mean of their odds.",
    )
    activation: Literal["none", "sigmoid"] = Field(
        "none", description="none: outputs are 0 to 1; sigmoid: they are logits."
    )


class Regions(Table):
    """[regions]: what of the heatmap becomes a finding."""

    min_area_mm2: float = Field(20.0, ge=0, description="Smaller regions are left out.")
    share_of_peak: Probability = Field(
        0.9,
        description="A region reaches down from its peak to this share of the way up from the"
        " map's median, and to the operating point's threshold.",
    )
    most: int = Field(5, ge=1, description="Best regions of each label that are kept.")


class SlidingPatchesManifest(LabelledManifest):
    """family = "sliding-patches": a heatmap from overlapping windows, regions from the heatmap."""

    family: Literal["sliding-patches"] = Field(description="Model family: sliding-patches.")
    window: SlidingWindow = Field(default_factory=SlidingWindow)
    output: WindowScores
    regions: Regions = Field(default_factory=Regions)
    self_test: OutputsSelfTest | None = None

    @model_validator(mode="after")
    def _dense_consistent(self) -> Self:
        if not self.window.dense_safe:
            return self
        if self.output.map is None:
            raise ValueError("output.map: window.dense_safe needs the output that is read densely")
        for key in ("size_px", "stride_px", "margin_px"):
            value = getattr(self.window, key)
            if value is not None and value % self.output.map_stride:
                raise ValueError(
                    f"window.{key} = {value}: is not a multiple of output.map_stride"
                    f" = {self.output.map_stride}, which window.dense_safe needs"
                )
        if sum(self.output.map_trim) >= self.window.size_px // self.output.map_stride:
            raise ValueError("output.map_trim: leaves no cell of a window's map")
        return self

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the smallest input, by name of the graph's input."""
        return {self.input.name: (self.window.size_px, self.window.size_px)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        found: dict[str, tuple[int, ...]] = {self.output.scores: (2,)}
        return found if self.output.map is None else found | {self.output.map: (4,)}
