"""family = "density": breast density A to D from a craniocaudal and an oblique view."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mammo_node.analyse.manifest.base import BaseManifest, OutputsSelfTest, Table, Text


class DensityOutput(Table):
    """[output] of a density model."""

    contract: Literal["density"] = Field(description="What the output means.")
    probabilities: Text = Field(
        "probabilities", description="Output (1, 4) float32: of the categories A, B, C and D."
    )
    activation: Literal["none", "softmax"] = Field(
        "none", description="none: they are probabilities; softmax: they are logits."
    )
    category: Literal["most-probable", "median"] = Field(
        "most-probable",
        description="What is reported; median: the first up to which half of the probability lies,"
        " for networks that were trained on the order of the categories.",
    )


class DensityManifest(BaseManifest):
    """family = "density": two inputs, ``input.name`` is the CC view's and ``mlo`` the other."""

    family: Literal["density"] = Field(description="Model family: density.")
    mlo: Text = Field("mlo", description="Name of the ONNX graph's input for the MLO view.")
    output: DensityOutput
    self_test: OutputsSelfTest | None = None

    @model_validator(mode="after")
    def _fixed(self) -> Self:
        if self.input.size is None:
            raise ValueError("input.size: this family needs a fixed size")
        return self

    @property
    def inputs(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of both inputs, by name of the graph's input."""
        assert self.input.size is not None  # noqa: S101 - validated above
        return {self.input.name: self.input.size, self.mlo: self.input.size}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Ranks that each output may have, by name."""
        return {self.output.probabilities: (2,)}
