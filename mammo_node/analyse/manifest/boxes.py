"""The [output] tables of models that end in boxes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mammo_node.analyse.manifest.base import Probability, Table, Text, each_once

#: "rows": upside down; "columns": left for right.
Flip = Literal["rows", "columns"]


class BoxOutput(Table):
    """What every contract that ends in boxes has."""

    nms_iou: Probability = Field(
        description="Of two boxes of one label that overlap by more than this, the better stays."
    )
    max_detections: int = Field(100, ge=1, le=10000, description="Most boxes kept of one image.")
    flips: tuple[Flip, ...] = Field(
        (),
        description="Run the image turned over as well, and average: rows, upside down; columns,"
        " left for right. Each is one more run.",
    )

    @field_validator("flips")
    @classmethod
    def _each_flip_once(cls, flips: tuple[str, ...]) -> tuple[str, ...]:
        each_once("flips", list(flips))
        return flips


class BoxesScoresLabels(BoxOutput):
    """[output] of three tensors, one row per box."""

    contract: Literal["boxes+scores+labels"] = Field(description="What the outputs mean.")
    boxes: Text = Field(
        "boxes", description="Output (N, 4) float32: x_min, y_min, x_max, y_max in model pixels."
    )
    scores: Text = Field("scores", description="Output (N,) float32: scores from 0 to 1.")
    labels: Text = Field("labels", description="Output (N,) int64: an index of [[label]].")
    heatmap: Text | None = Field(
        None,
        description="Output (1, 1, rows / n, columns / n) float32, 0 to 1: how much each place"
        " scores, whether a box comes of it or not.",
    )
    suspicion: Text | None = Field(
        None,
        description="Output (N,) float32, 0 to 1: how malignant what is in the box looks.",
    )

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the graph's outputs, in the order that the decoder takes them."""
        names = (self.boxes, self.scores, self.labels, self.heatmap, self.suspicion)
        return tuple(name for name in names if name is not None)


class Yolo(BoxOutput):
    """[output] of a YOLO network: one tensor of candidate boxes with a score for each class."""

    contract: Literal["yolo"] = Field(description="What the outputs mean.")
    layout: Literal["v5", "v6", "v8", "end2end"] = Field(
        description="How the tensor is laid out: by the generation of YOLO that wrote it."
    )
    output: Text = Field("output0", description="Name of the tensor.")
    classes: int = Field(
        ge=1, description="Classes that the network has; those without a [[label]] are left out."
    )

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the graph's outputs, in the order that the decoder takes them."""
        return (self.output,)

    @property
    def numbers(self) -> int:
        """How many numbers the tensor has for one box."""
        extra = {"v8": self.classes, "end2end": 2}.get(self.layout, 1 + self.classes)
        return 4 + extra


class RetinaNet(BoxOutput):
    """[output] of a RetinaNet: class logits and box deltas of every anchor, undecoded."""

    contract: Literal["retinanet"] = Field(description="What the outputs mean.")
    logits: Text = Field("logits", description="Output (anchors, classes) float32.")
    deltas: Text = Field("deltas", description="Output (anchors, 4) float32.")
    classes: int = Field(
        ge=1, description="Classes that the network has; those without a [[label]] are left out."
    )
    sizes: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (32.0, 64.0, 128.0, 256.0, 512.0),
        min_length=1,
        description="Side of the anchors of each level, model pixels; the first has stride 8.",
    )
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 2 ** (1 / 3), 2 ** (2 / 3)), min_length=1, description="Factors of each size."
    )
    ratios: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.5, 1.0, 2.0), min_length=1, description="Height over width of the anchors."
    )
    candidates: int = Field(1000, ge=1, le=100000, description="Best boxes taken of each level.")

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the graph's outputs, in the order that the decoder takes them."""
        return (self.logits, self.deltas)


DetectorOutput = Annotated[BoxesScoresLabels | Yolo | RetinaNet, Field(discriminator="contract")]
#: Every value of ``output.contract``.
CONTRACTS = ("boxes+scores+labels", "yolo", "retinanet")
