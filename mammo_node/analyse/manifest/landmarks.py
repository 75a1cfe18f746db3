"""family = "landmarks": nipple and pectoral muscle of one view."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mammo_node.analyse.manifest.base import BaseManifest, OutputsSelfTest, Probability, Table, Text


class LandmarksOutput(Table):
    """[output] of a landmark model."""

    contract: Literal["landmarks"] = Field(description="What the outputs mean.")
    nipple: Text = Field(
        "nipple", description="Output (1, 3) float32: column and row in model pixels, score."
    )
    pectoral: Text | None = Field(
        None, description="Output (1, 1, rows, columns) float32: probability of pectoral muscle."
    )
    profile: Text | None = Field(
        None, description="Output (1, 1) float32: probability that the nipple is in profile."
    )


class LandmarksManifest(BaseManifest):
    """family = "landmarks": where the nipple and the pectoral muscle are."""

    family: Literal["landmarks"] = Field(description="Model family: landmarks.")
    output: LandmarksOutput
    least_score: Probability = Field(
        0.3, description="Below this score of the nipple nothing is located by it."
    )
    self_test: OutputsSelfTest | None = None

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of an input, by name of the graph's input."""
        side = 8 * self.input.pad_multiple
        return {self.input.name: self.input.size or (side, side)}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        optional = ((self.output.pectoral, (4,)), (self.output.profile, (1, 2)))
        return {self.output.nipple: (2,)} | {n: ranks for n, ranks in optional if n is not None}
