"""What the manifests of all families have in common, as lines of TOML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from mammo_node.evaluate import labels as names
from training.measures.session import open_model

#: Codes of findings, CID 6054 where it has them: it knows asymmetries only as focal or not. Nipple
#: retraction is of CID 6056.
CONCEPTS = {
    names.MASS: ("129788004", "SCT", "Mammographic breast mass"),
    names.CLUSTER: ("129769006", "SCT", "Calcification Cluster"),
    names.ASYMMETRY: ("129790003", "SCT", "Asymmetric breast tissue"),
    names.FOCAL_ASYMMETRY: ("129789007", "SCT", "Focal asymmetric breast tissue"),
    names.GLOBAL_ASYMMETRY: ("129790003", "SCT", "Asymmetric breast tissue"),
    names.DISTORTION: ("129792006", "SCT", "Architectural distortion of breast"),
    names.SKIN_THICKENING: ("129797000", "SCT", "Skin thickening of breast"),
    names.SKIN_RETRACTION: ("129796009", "SCT", "Skin retraction of breast"),
    names.NIPPLE_RETRACTION: ("271955004", "SCT", "Nipple retraction"),
    names.LYMPH_NODE: ("127189005", "SCT", "Axillary adenopathy"),
}
STATEMENT = (
    "Research software, not a medical device: trained on synthetic phantoms only and not validated"
    " clinically."
)
#: Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film).
SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.7")
#: The blob of the self-test, and how far a number may be off.
_SCALE, _OFFSET, _TOLERANCE = 0.8, 0.1, 0.02
#: So many numbers of an output are expected.
_MOST_NUMBERS = 16


def head(name: str, version: str, family: str, what: str, model: Path, *keys: str) -> list[str]:
    """Return the keys at the top, the family's own ones last."""
    opsets = {entry.domain: entry.version for entry in onnx.load(str(model)).opset_import}
    return [
        "format = 1",
        f'name = "{name}"',
        f'version = "{version}"',
        f'family = "{family}"',
        'licence = "Apache-2.0"',
        f'description = "{what}; trained on phantoms only"',
        f'sha256 = "{hashlib.sha256(model.read_bytes()).hexdigest()}"',
        f"opset = {opsets.get('', opsets.get('ai.onnx'))}",
        *keys,
    ]


def intended() -> list[str]:
    """Return the table [intended]."""
    return [
        "",
        "[intended]",
        "# Digital Mammography X-Ray Image - For Presentation; Secondary Capture (digitised film)",
        f"sop_classes = {json.dumps(SOP_CLASSES)}",
        'views = ["CC", "MLO"]',
        "vendors = []",
        f'statement = "{STATEMENT}"',
    ]


def input_table(
    name: str,
    channels: Sequence[str],
    parameters: Mapping[str, Mapping[str, float]],
    scale: Sequence[str],
    crop: str = "breast",
) -> list[str]:
    """Return the table [input] and those of its channels; `scale` are the keys of size."""
    lines = [
        "",
        "[input]",
        f'name = "{name}"',
        f"channels = {json.dumps(list(channels))}",
        *scale,
        f'crop = "{crop}"',
        'mirror = "left"',
        'interpolation = "area"',
        'voi = "none"',
    ]
    for channel in channels:
        values = parameters.get(channel, {})
        if values:
            lines += ["", f"[input.{channel}]", *(f"{k} = {v}" for k, v in values.items())]
    return lines


def labels(found: Sequence[str], known_as: Sequence[str] | None = None) -> list[str]:
    """Return the tables [[label]]; `known_as` are the findings whose codes they have."""
    lines = []
    for index, (label, finding) in enumerate(zip(found, known_as or found, strict=True)):
        value, scheme, meaning = CONCEPTS[finding]
        concept = f'{{ value = "{value}", scheme = "{scheme}", meaning = "{meaning}" }}'
        lines += ["", "[[label]]", f"index = {index}", f'name = "{label}"', f"concept = {concept}"]
    return lines


def point(
    name: str, label: str, threshold: float, data: str, measured: Mapping[str, float]
) -> list[str]:
    """Return one table [[operating_point]]."""
    return [
        "",
        "[[operating_point]]",
        f'name = "{name}"',
        f'label = "{label}"',
        f"threshold = {threshold}",
        *(f"{key} = {value}" for key, value in measured.items()),
        f'data = "{data}"',
    ]


def blob(channels: int, rows: int, columns: int) -> np.ndarray:
    """Return a Gaussian of height 1 in every channel, as the node's self-test makes it."""
    y, x = np.mgrid[:rows, :columns] + 0.5
    squared = (x - columns / 2) ** 2 + (y - rows / 2) ** 2
    made = np.exp(-squared / (2 * (min(rows, columns) / 16) ** 2)).astype(np.float32)
    return np.broadcast_to(made, (1, channels, rows, columns)).copy()


def outputs_self_test(
    model: Path, inputs: Mapping[str, tuple[int, int, int]], outputs: Sequence[str]
) -> list[str]:
    """Return [self_test] of the families that are tested by their outputs' numbers.

    Parameters
    ----------
    model
        The ONNX file.
    inputs
        (channels, rows, columns) of each input.
    outputs
        Outputs whose first numbers are expected again.
    """
    fed = {
        name: blob(*shape) * np.float32(_SCALE) + np.float32(_OFFSET)
        for name, shape in inputs.items()
    }
    made: list[Any] = list(open_model(model).run(list(outputs), fed))
    lines = ["", "[self_test]", f"scale = {_SCALE}", f"offset = {_OFFSET}"]
    lines += [f"tolerance = {_TOLERANCE}"]
    for name, values in zip(outputs, made, strict=True):
        numbers = ", ".join(f"{float(v):.4f}" for v in values.ravel()[:_MOST_NUMBERS])
        lines += ["", "[[self_test.expect]]", f'output = "{name}"', f"values = [{numbers}]"]
    return lines
