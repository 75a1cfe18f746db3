"""A YOLO network as ultralytics exports it becomes a model package.

What the file says of itself is taken from it: input size, layout, class names. What no file
can say is asked for (which class is which finding) or left open in words (at which threshold
it finds how much): a package that was only imported claims nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mammo_node.analyse.onnx_file import OnnxInfo, inspect
from mammo_node.analyse.package import MANIFEST_NAME, MODEL_NAME, ModelPackage, load_package
from mammo_node.errors import ModelPackageError
from mammo_node.vocabulary import CodedConcept

#: Letterbox grey of ultralytics and of YOLOv5 to v7: 114 of 255.
_PAD_VALUE = 0.447059
_DEFAULT_SIDE = 640
_FOUR = 4
_END2END_NUMBERS = 6
#: Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film).
_SOP_CLASSES = ["1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7"]
_STATEMENT = "Imported, not measured here: research use only, not a medical device."
_UNMEASURED = "not measured: set when the file was imported"


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the user decides when a network is imported.

    ``labels`` maps a class of the network, by name or number as text, to the name of a
    finding; ``concepts`` holds the code of each finding.
    """

    name: str
    labels: Mapping[str, str]
    concepts: Mapping[str, CodedConcept]
    threshold: float
    licence: str


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
    data, info = _read(source)
    network = _network(source, info)
    classes = _classes(network, adoption)
    target = folder / adoption.name
    manifest = _manifest(network, adoption, classes, hashlib.sha256(data).hexdigest(), info.opset)
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise ModelPackageError(f"{target}: is there already; choose another --name") from None
    try:
        (target / MODEL_NAME).write_bytes(data)
        (target / MANIFEST_NAME).write_text(manifest, encoding="utf-8")
        return load_package(target)
    except ModelPackageError:
        for name in (MODEL_NAME, MANIFEST_NAME):
            (target / name).unlink(missing_ok=True)
        target.rmdir()
        raise


def _read(source: Path) -> tuple[bytes, OnnxInfo]:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise ModelPackageError(f"{source}: cannot be read: {error.strerror}") from error
    try:
        return data, inspect(data)
    except ValueError as error:
        raise ModelPackageError(f"{source}: not an ONNX model: {error}") from error


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


def _classes(network: _Network, adoption: Adoption) -> dict[int, str]:
    """Return the finding of each mapped class."""
    numbers = {name: number for number, name in enumerate(network.class_names)}
    numbers |= {str(number): number for number in range(len(network.class_names))}
    found: dict[int, str] = {}
    for key, finding in adoption.labels.items():
        if key not in numbers:
            known = ", ".join(f"{i} {name}" for i, name in enumerate(network.class_names))
            raise ModelPackageError(
                f"--label {key}={finding}: no such class (the file has: {known})"
            )
        if finding not in adoption.concepts:
            known = ", ".join(sorted(adoption.concepts))
            raise ModelPackageError(f"--label {key}={finding}: no such finding (known: {known})")
        found[numbers[key]] = finding
    return dict(sorted(found.items()))


def _manifest(
    network: _Network, adoption: Adoption, classes: Mapping[int, str], sha256: str, opset: int
) -> str:
    description = re.sub(r"\s+", " ", network.description).strip() or "YOLO network"
    lines = [
        "format = 1",
        f"name = {json.dumps(adoption.name)}",
        'version = "imported"',
        'family = "detector"',
        f"licence = {json.dumps(adoption.licence)}",
        f"description = {json.dumps(description)}",
        f"sha256 = {json.dumps(sha256)}",
        f"opset = {opset}",
        "",
        "[intended]",
        f"sop_classes = {json.dumps(_SOP_CLASSES)}",
        'views = ["CC", "MLO"]',
        f"statement = {json.dumps(_STATEMENT)}",
        "",
        "[input]",
        f"name = {json.dumps(network.input_name)}",
        f"channels = {json.dumps(['display'] * network.channels)}",
        f"size = {json.dumps(network.size)}",
        'fit = "letterbox"',
        f"pad_value = {_PAD_VALUE}",
        'crop = "none"',
        'mirror = "none"',
        'voi = "window"',
        "",
        "[output]",
        'contract = "yolo"',
        f"layout = {json.dumps(network.layout)}",
        f"output = {json.dumps(network.output_name)}",
        f"classes = {len(network.class_names)}",
        "nms_iou = 0.45",
    ]
    for number, finding in classes.items():
        lines += ["", "[[label]]", f"# {network.class_names[number]}", f"index = {number}"]
        lines += [f"name = {json.dumps(finding)}", f"concept = {_concept(adoption, finding)}"]
    for finding in classes.values():
        lines += ["", "[[operating_point]]", 'name = "default"', f"label = {json.dumps(finding)}"]
        lines += [f"threshold = {adoption.threshold}", f"data = {json.dumps(_UNMEASURED)}"]
    return "\n".join(lines) + "\n"


def _concept(adoption: Adoption, finding: str) -> str:
    code = adoption.concepts[finding]
    pairs = {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}
    return "{ " + ", ".join(f"{key} = {json.dumps(text)}" for key, text in pairs.items()) + " }"
