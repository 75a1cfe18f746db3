"""A YOLO network as ultralytics exports it becomes a model package.

What the file says of itself is taken from it: input size, layout, class names. What no file
can say is asked for (which class is which finding) or left open in words (at which threshold
it finds how much): a package that was only imported claims nothing.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

from mammo_node.adopt.package_folder import Adoption, manifest_text, read_file, write_package
from mammo_node.analyse.onnx_file import OnnxInfo, inspect
from mammo_node.analyse.package import ModelPackage
from mammo_node.errors import ModelPackageError

#: Letterbox grey of ultralytics and of YOLOv5 to v7: 114 of 255.
_PAD_VALUE = 0.447059
_DEFAULT_SIDE = 640
_FOUR = 4
_END2END_NUMBERS = 6


@dataclass(frozen=True, slots=True)
class _Network:
    """What a YOLO file says of itself."""

    input_name: str
    channels: int
    size: tuple[int, int]
    output_name: str
    layout: str
    class_names: tuple[str, ...]
    description: str


def adopt_yolo(source: Path, adoption: Adoption, folder: Path) -> ModelPackage:
    """Write a package for ``source`` into a new folder ``folder / adoption.name``.

    Raises
    ------
    ModelPackageError
        If the file is no YOLO export that can be read, a class or finding is not known, or
        the folder is there already. Nothing is left behind then.
    """
    data = read_file(source)
    try:
        info = inspect(data)
    except ValueError as error:
        raise ModelPackageError(f"{source}: not an ONNX model: {error}") from error
    network = _network(source, info)
    manifest = manifest_text(
        adoption,
        adoption.classes(dict(enumerate(network.class_names))),
        model=data,
        opset=info.opset,
        description=network.description,
        tables=_tables(network),
    )
    return write_package(folder, adoption.name, data, manifest, _card(source, adoption, network))


def _network(source: Path, info: OnnxInfo) -> _Network:
    if len(info.inputs) != 1 or not info.outputs:
        raise ModelPackageError(f"{source}: one input and an output are needed")
    image, found = info.inputs[0], info.outputs[0]
    if image.shape is None or len(image.shape) != _FOUR:
        raise ModelPackageError(f"{source}: input {image.name} is not (1, channels, rows, columns)")
    rows, columns = _size(source, info, image.shape)
    names = _class_names(source, info)
    layout, classes = _layout(source, info, found.shape, len(names))
    if names and len(names) != classes:
        raise ModelPackageError(
            f"{source}: {len(names)} class names are noted in the file, its output has {classes}"
        )
    return _Network(
        input_name=image.name,
        channels=image.shape[1] or 3,
        size=(rows, columns),
        output_name=found.name,
        layout=layout,
        class_names=names or tuple(str(number) for number in range(classes)),
        description=info.metadata.get("description", "YOLO network"),
    )


def _size(source: Path, info: OnnxInfo, shape: tuple[int | None, ...]) -> tuple[int, int]:
    if shape[2] is not None and shape[3] is not None:
        return shape[2], shape[3]
    noted = _literal(source, info, "imgsz", f"[{_DEFAULT_SIDE}, {_DEFAULT_SIDE}]")
    if (
        not isinstance(noted, list)
        or len(noted) != 2
        or not all(isinstance(n, int) and n > 0 for n in noted)
    ):
        raise ModelPackageError(f"{source}: imgsz = {noted!r}: rows and columns are needed")
    return noted[0], noted[1]


def _class_names(source: Path, info: OnnxInfo) -> tuple[str, ...]:
    noted = _literal(source, info, "names", "{}")
    if isinstance(noted, list):
        noted = dict(enumerate(noted))
    if not isinstance(noted, dict) or sorted(noted) != list(range(len(noted))):
        raise ModelPackageError(f"{source}: names = {noted!r}: class numbers from 0 are needed")
    return tuple(str(noted[number]) for number in range(len(noted)))


def _literal(source: Path, info: OnnxInfo, key: str, default: str) -> object:
    """Read a Python literal that ultralytics notes in the file."""
    text = info.metadata.get(key, default)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise ModelPackageError(f"{source}: {key} = {text!r}: cannot be understood") from error


def _layout(
    source: Path, info: OnnxInfo, shape: tuple[int | None, ...] | None, named: int
) -> tuple[str, int]:
    """Tell the layout from the output's shape; class names help where a size is dynamic."""
    if shape is None or len(shape) != 3:
        raise ModelPackageError(f"{source}: output {info.outputs[0].name} is {shape}, not 3-D")
    first, last = shape[1], shape[2]
    if last == _END2END_NUMBERS and (named != 1 or _literal(source, info, "end2end", "False")):
        return "end2end", named or 1
    if named and last == named + _FOUR + 1:
        return "v5", named
    if named and first == named + _FOUR:
        return "v8", named
    if not named and first is not None and last is not None:
        # Candidates are many, numbers for one box are few.
        return ("v8", first - _FOUR) if first < last else ("v5", last - _FOUR - 1)
    raise ModelPackageError(
        f"{source}: output {info.outputs[0].name} of shape {shape} with {named} class names is"
        " no layout of YOLO known here; write the manifest by hand"
    )


def _tables(network: _Network) -> str:
    return f"""
[input]
name = {json.dumps(network.input_name)}
channels = {json.dumps(["display"] * network.channels)}
size = {json.dumps(network.size)}
fit = "letterbox"
pad_value = {_PAD_VALUE}
crop = "none"
mirror = "none"
interpolation = "bilinear"
voi = "window"

[output]
contract = "yolo"
layout = {json.dumps(network.layout)}
output = {json.dumps(network.output_name)}
classes = {len(network.class_names)}
nms_iou = 0.45
"""


def _card(source: Path, adoption: Adoption, network: _Network) -> str:
    names = ", ".join(network.class_names)
    return (
        f"# {adoption.name}\n\nImported from `{source.name}`: {network.description}\n\n"
        f"Classes of the network: {names}. Not measured here: what it was trained on, and what it\n"
        "finds at which threshold, is for whoever imported it to write down.\n"
    )
