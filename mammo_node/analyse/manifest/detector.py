"""family = "detector": boxes with scores and labels."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mammo_node.analyse.manifest.base import (
    FileName,
    LabelledManifest,
    Probability,
    Table,
    Word,
    known,
)
from mammo_node.analyse.manifest.boxes import DetectorOutput, RetinaNet, Yolo


class Expectation(Table):
    """[[self_test.expect]]: one detection that the self-test must find."""

    label: Word = Field(description="Label of the expected detection.")
    box: tuple[float, float, float, float] = Field(
        description="x_min, y_min, x_max, y_max, model pixels."
    )
    score: Probability = Field(description="Expected score.")


class SelfTest(Table):
    """[self_test]: an input and the detections it must give, run at every start."""

    input: FileName | None = Field(
        None, description="A .npy file in the package: (channels, rows, columns), any number type."
    )
    generated: Literal["blob"] | None = Field(
        None, description="Instead of a file: a Gaussian blob of height 1 in every channel."
    )
    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = Field(
        None, description="Rows and columns of the generated input."
    )
    scale: float = Field(1.0, description="The tensor is array * scale + offset: small integers.")
    offset: float = Field(0.0, description="See scale.")
    box_tolerance_px: float = Field(1.0, ge=0, description="Largest difference of a box edge.")
    score_tolerance: Probability = Field(0.02, description="Largest difference of a score.")
    expect: tuple[Expectation, ...] = Field(
        (), description="The best detections at the default operating point; none: there are none."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.input is None) == (self.generated is None):
            raise ValueError("exactly one of input and generated is needed")
        if (self.generated is None) != (self.size is None):
            raise ValueError("size belongs to generated: both or neither")
        return self


class DetectorManifest(LabelledManifest):
    """family = "detector": boxes with scores and labels."""

    family: Literal["detector"] = Field(description="Model family: detector.")
    output: DetectorOutput
    self_test: SelfTest | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [label.name for label in self.label]
        known("self_test.expect.label", [e.label for e in self.expectations], names)
        if isinstance(self.output, Yolo | RetinaNet):
            for label in self.label:
                if label.index >= self.output.classes:
                    classes = self.output.classes
                    raise ValueError(f"label.index: {label.index}: there are {classes} classes")
        return self

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The self-test's input, where it is a file."""
        name = self.self_test.input if self.self_test else None
        return () if name is None else (("self_test.input", name),)

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What the self-test must find."""
        return self.self_test.expect if self.self_test else ()
