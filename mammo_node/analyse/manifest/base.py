"""What every model package's manifest has: who it is, what it is for, how its input is made.

Every key is forbidden unless it stands here or in the family's module, except the recipe
parameter tables ``[input.<channel>]``, which are free-form name -> number and belong to the
recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Table(BaseModel):
    """A table of the manifest: unknown keys are mistakes."""

    # "global" and the like are recipe names and TOML keys; numbers must be numbers.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Intended(Table):
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


class Input(Table):
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
    trim: Literal["breast", "none"] = Field(
        "none",
        description="breast: cut the finished tensor to the breast, on the grid of pad_multiple.",
    )
    trim_grid: int | None = Field(
        None,
        ge=1,
        description="With trim: the part begins at multiples of this, the network's largest"
        " stride, ends at those of pad_multiple, and keeps pad_multiple pixels of air. Absent:"
        " both at pad_multiple, and none kept.",
    )
    trimmed_inputs: tuple[Text, Text] | None = Field(
        None,
        description="With trim, detectors only: two more inputs of the graph, which get the mean"
        " column (1, channels, rows, 1) and the mean row (1, channels, 1, columns) of what was cut"
        " away, as long as the whole tensor. Absent: the graph is not told.",
    )
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
        if self.trim != "none" and self.size is not None:
            raise ValueError("trim: does not go with size, where the tensor is always the same")
        self._check_trimming()
        for table in self.parameters:
            if table not in self.channels:
                raise ValueError(f"{table}: no channel uses this recipe")
        return self

    def _check_trimming(self) -> None:
        for key in ("trim_grid", "trimmed_inputs"):
            if getattr(self, key) is not None and self.trim == "none":
                raise ValueError(f'{key}: belongs to trim = "breast"')
        if self.trim_grid is not None and self.trim_grid % self.pad_multiple:
            raise ValueError(f"trim_grid: {self.trim_grid} is no multiple of pad_multiple")
        names = (self.name, *(self.trimmed_inputs or ()))
        if len(set(names)) < len(names):
            raise ValueError("trimmed_inputs: an input is named twice")

    def spec(self) -> InputSpec:
        """Return the preprocessing's view of this table."""
        return InputSpec(**self.model_dump())


class Concept(Table):
    """A code triplet; lengths as in PS3.3 8.8 (SH, SH, LO)."""

    value: str = Field(min_length=1, max_length=16, description="Code Value.")
    scheme: str = Field(min_length=1, max_length=16, description="Coding Scheme Designator.")
    meaning: str = Field(min_length=1, max_length=64, description="Code Meaning.")

    def coded(self) -> CodedConcept:
        """Return the domain's value."""
        return CodedConcept(self.value, self.scheme, self.meaning)


class Label(Table):
    """[[label]]: one class of the model's output."""

    index: int = Field(ge=0, description="Value of this class in the labels output.")
    name: Word = Field(description="Name in settings and results: mass, calcification-cluster.")
    concept: Concept = Field(description="The coded concept that results carry.")


class OperatingPoint(Table):
    """[[operating_point]]: a threshold and what was measured at it."""

    name: Word = Field(description="Name of the operating point.")
    label: Word = Field(description="The [[label]] it belongs to; its first one is the default.")
    threshold: Probability = Field(description="Score from which a finding is reported.")
    sensitivity: Probability | None = Field(None, description="Measured at this threshold.")
    false_positives_per_image: float | None = Field(
        None, ge=0, description="Measured at this threshold."
    )
    data: Text = Field(description="The data on which that was measured, in words.")


class BaseManifest(Table):
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

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Files that must lie beside the manifest, with the keys that name them."""
        return ()

    @property
    def labels(self) -> Mapping[int, str]:
        """Names of what the model may find, by index in its output; none: it finds nothing."""
        return {}

    @property
    def concepts(self) -> Mapping[str, CodedConcept]:
        """Coded concepts by label name."""
        return {}

    @property
    def default_thresholds(self) -> Mapping[str, float]:
        """Score from which a label counts, by label name: its first operating point."""
        return {}

    @property
    def thresholds(self) -> Sequence[tuple[str, float]]:
        """(label, threshold) of every operating point."""
        return ()


class LabelledManifest(BaseManifest):
    """What the manifests of families that report findings have besides."""

    label: tuple[Label, ...] = Field(min_length=1)
    operating_point: tuple[OperatingPoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_consistent(self) -> Self:
        names = [label.name for label in self.label]
        each_once("label.index", [label.index for label in self.label])
        each_once("label.name", names)
        each_once("operating_point", [(p.label, p.name) for p in self.operating_point])
        known("operating_point.label", [p.label for p in self.operating_point], names)
        for name in names:
            if name not in {point.label for point in self.operating_point}:
                raise ValueError(f"operating_point: label {name!r} has none")
        return self

    @property
    def labels(self) -> Mapping[int, str]:
        """Names of what the model may find, by index in its output."""
        return {label.index: label.name for label in self.label}

    @property
    def concepts(self) -> Mapping[str, CodedConcept]:
        """Coded concepts by label name."""
        return {label.name: label.concept.coded() for label in self.label}

    @property
    def default_thresholds(self) -> Mapping[str, float]:
        """Score from which a label counts, by label name: its first operating point."""
        return {p.label: p.threshold for p in reversed(self.operating_point)}

    @property
    def thresholds(self) -> Sequence[tuple[str, float]]:
        """(label, threshold) of every operating point."""
        return tuple((p.label, p.threshold) for p in self.operating_point)


class OutputExpectation(Table):
    """[[self_test.expect]]: what an output must hold."""

    output: Text = Field(description="Name of the ONNX graph's output.")
    values: tuple[float, ...] = Field(
        min_length=1, description="Its first numbers, rows after rows."
    )


class OutputsSelfTest(Table):
    """[self_test]: a Gaussian blob of height 1 in every channel of every input, at every start."""

    scale: float = Field(1.0, description="The tensor is blob * scale + offset.")
    offset: float = Field(0.0, description="See scale.")
    tolerance: float = Field(0.02, ge=0, description="Largest difference of a number.")
    expect: tuple[OutputExpectation, ...] = Field((), description="What the outputs must hold.")


def each_once(key: str, values: list[Any]) -> None:
    """Refuse a value that stands twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: {value!r} is there twice; each may stand once")


def known(key: str, values: list[str], names: list[str]) -> None:
    """Refuse a label that there is not."""
    for value in values:
        if value not in names:
            raise ValueError(f"{key}: no [[label]] is named {value!r} ({', '.join(names)})")
