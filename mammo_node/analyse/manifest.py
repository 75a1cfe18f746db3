"""The manifest of a model package: what ``model.toml`` may and must say.

Every key is forbidden unless it stands here, except the recipe parameter tables
``[input.<channel>]``, which are free-form name -> number and belong to the recipe.
A model family is one class with a literal ``family``; :data:`FAMILIES` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mammo_node.vocabulary import CodedConcept, InputSpec, View, VoiKind

Probability = Annotated[float, Field(ge=0, le=1)]
#: PS3.5 9.1: components of digits without leading zeros, at most 64 characters.
Uid = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$", max_length=64)]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Text = Annotated[str, Field(min_length=1)]
#: A file beside model.toml: no path out of the package.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]

_SIZES = ("mm_per_pixel", "longest_side", "height", "size")
_Pixels = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    # "global" and the like are recipe names and TOML keys; numbers must be numbers.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Intended(_Table):
    """[intended]: the images that the model was made for."""

    sop_classes: tuple[Uid, ...] = Field(
        min_length=1, description="SOP Class UIDs of the images it was made for."
    )
    views: tuple[View, ...] = Field(
        (View.CC, View.MLO), min_length=1, description="Views it was made for (CID 4014)."
    )
    vendors: tuple[Text, ...] = Field(
        (),
        description="Words of Manufacturer (0008,0070) it was made for, in any case; empty: any.",
    )
    statement: Text = Field(description="One sentence on intended use, for results and pages.")


class Input(_Table):
    """[input]: how an image becomes the model's input tensor (1, channels, rows, columns)."""

    name: Text = Field(description="Name of the ONNX graph's input.")
    channels: tuple[Word, ...] = Field(
        min_length=1, description="Preprocessing recipes, one per channel, in order."
    )
    mm_per_pixel: float | None = Field(None, gt=0, description="Scale to this pixel pitch.")
    longest_side: int | None = Field(None, gt=0, description="Scale the longer side to this.")
    height: int | None = Field(None, gt=0, description="Scale the rows to this many.")
    size: tuple[_Pixels, _Pixels] | None = Field(
        None, description="Rows and columns of the tensor, always the same."
    )
    fit: Literal["letterbox", "stretch"] = Field(
        "letterbox",
        description="With size: letterbox keeps the shape and centres the image, stretch fills.",
    )
    pad_value: float = Field(0.0, description="Every channel's value where there is no image.")
    crop: Literal["breast", "none"] = Field("breast", description="Crop to the breast, or not.")
    mirror: Literal["left", "none"] = Field(
        "left", description="left: flip so that the chest wall is on the left; none: as stored."
    )
    pad_multiple: int = Field(32, ge=1, description="Pad rows and columns to a multiple of this.")
    interpolation: Literal["area", "bilinear"] = Field("area", description="Resampling.")
    voi: VoiKind = Field(
        VoiKind.NONE, description="none: values before the VOI stage; window: after it."
    )
    parameters: Mapping[str, Mapping[str, float]] = Field(
        default_factory=dict, description="The [input.<channel>] tables, gathered."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_recipe_tables(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        if "parameters" in values:
            raise ValueError("parameters: write a table [input.<channel>] for each recipe instead")
        tables = {key: value for key, value in values.items() if isinstance(value, dict)}
        rest = {key: value for key, value in values.items() if key not in tables}
        return rest | {"parameters": tables}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = [key for key in _SIZES if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of {', '.join(_SIZES)} is needed, found {', '.join(given) or 'none'}"
            )
        if "display" in self.channels and self.voi is not VoiKind.WINDOW:
            raise ValueError('channels: display shows the image as a viewer does: voi = "window"')
        if "fit" in self.model_fields_set and self.size is None:
            raise ValueError("fit: belongs to size; the other scales keep the shape anyway")
        for table in self.parameters:
            if table not in self.channels:
                raise ValueError(f"{table}: no channel uses this recipe")
        return self

    def spec(self) -> InputSpec:
        """Return the preprocessing's view of this table."""
        return InputSpec(**self.model_dump())


class _BoxOutput(_Table):
    """What every contract that ends in boxes has."""

    nms_iou: Probability = Field(
        description="Of two boxes of one label that overlap by more than this, the better stays."
    )
    max_detections: int = Field(100, ge=1, le=10000, description="Most boxes kept of one image.")


class BoxesScoresLabels(_BoxOutput):
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

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of the graph's outputs, in the order that the decoder takes them."""
        names = (self.boxes, self.scores, self.labels)
        return names if self.heatmap is None else (*names, self.heatmap)


class Yolo(_BoxOutput):
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


class RetinaNet(_BoxOutput):
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


class Concept(_Table):
    """A code triplet; lengths as in PS3.3 8.8 (SH, SH, LO)."""

    value: str = Field(min_length=1, max_length=16, description="Code Value.")
    scheme: str = Field(min_length=1, max_length=16, description="Coding Scheme Designator.")
    meaning: str = Field(min_length=1, max_length=64, description="Code Meaning.")

    def coded(self) -> CodedConcept:
        """Return the domain's value."""
        return CodedConcept(self.value, self.scheme, self.meaning)


class Label(_Table):
    """[[label]]: one class of the model's output."""

    index: int = Field(ge=0, description="Value of this class in the labels output.")
    name: Word = Field(description="Name in settings and results: mass, calcification-cluster.")
    concept: Concept = Field(description="The coded concept that results carry.")


class OperatingPoint(_Table):
    """[[operating_point]]: a threshold and what was measured at it."""

    name: Word = Field(description="Name of the operating point.")
    label: Word = Field(description="The [[label]] it belongs to; its first one is the default.")
    threshold: Probability = Field(description="Score from which a finding is reported.")
    sensitivity: Probability | None = Field(None, description="Measured at this threshold.")
    false_positives_per_image: float | None = Field(
        None, ge=0, description="Measured at this threshold."
    )
    data: Text = Field(description="The data on which that was measured, in words.")


class Expectation(_Table):
    """[[self_test.expect]]: one detection that the self-test must find."""

    label: Word = Field(description="Label of the expected detection.")
    box: tuple[float, float, float, float] = Field(
        description="x_min, y_min, x_max, y_max, model pixels."
    )
    score: Probability = Field(description="Expected score.")


class SelfTest(_Table):
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


class BaseManifest(_Table):
    """What every family's manifest has."""

    format: Literal[1] = Field(description="Version of this format.")
    name: Word = Field(description="Name of the package; settings refer to it.")
    version: Text = Field(description="Version of the model.")
    family: str = Field(description="Model family.")
    licence: Text = Field(description="SPDX expression or words.")
    description: Text = Field(description="One sentence for results and lists.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of model.onnx.")
    opset: int = Field(ge=1, description="Opset of the default ONNX domain.")
    intended: Intended
    input: Input


class DetectorManifest(BaseManifest):
    """family = "detector": boxes with scores and labels."""

    family: Literal["detector"] = Field(description="Model family: detector.")
    output: DetectorOutput
    label: tuple[Label, ...] = Field(min_length=1)
    operating_point: tuple[OperatingPoint, ...] = Field(min_length=1)
    self_test: SelfTest | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [label.name for label in self.label]
        _each_once("label.index", [label.index for label in self.label])
        _each_once("label.name", names)
        _each_once("operating_point", [(p.label, p.name) for p in self.operating_point])
        _known("operating_point.label", [p.label for p in self.operating_point], names)
        _known("self_test.expect.label", [e.label for e in self.expectations], names)
        if isinstance(self.output, Yolo | RetinaNet):
            for label in self.label:
                if label.index >= self.output.classes:
                    classes = self.output.classes
                    raise ValueError(f"label.index: {label.index}: there are {classes} classes")
        for name in names:
            if name not in {point.label for point in self.operating_point}:
                raise ValueError(f"operating_point: label {name!r} has none")
        return self

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What the self-test must find."""
        return self.self_test.expect if self.self_test else ()


#: The model families, by the manifest's ``family``; a new family is one more entry.
FAMILIES: Mapping[str, type[DetectorManifest]] = MappingProxyType({"detector": DetectorManifest})


def _each_once(key: str, values: list[Any]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: {value!r} is there twice; each may stand once")


def _known(key: str, values: list[str], names: list[str]) -> None:
    for value in values:
        if value not in names:
            raise ValueError(f"{key}: no [[label]] is named {value!r} ({', '.join(names)})")
