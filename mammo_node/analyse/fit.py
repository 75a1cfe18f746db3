"""Whether a manifest and an ONNX graph fit each other: mistakes in words, by manifest key."""

from __future__ import annotations

from collections.abc import Collection

from mammo_node.analyse.manifest import (
    BoxesScoresLabels,
    CandidatePatchesManifest,
    DetectorManifest,
    Manifest,
    OtherManifest,
    RetinaNet,
    SlidingPatchesManifest,
    Yolo,
)
from mammo_node.analyse.onnx_file import OnnxInfo, TensorInfo
from mammo_node.analyse.onnx_nodes import far_sighted


def recipe_mistakes(manifest: Manifest, recipes: Collection[str] | None) -> list[str]:
    """Return the channels that no recipe can make; None: not known here, nothing is checked."""
    if recipes is None:
        return []
    known = ", ".join(sorted(recipes))
    return [
        f"input.channels = {channel!r}: there is no such recipe (known: {known})"
        for channel in manifest.input.channels
        if channel not in recipes
    ]


def graph_mistakes(manifest: Manifest, info: OnnxInfo) -> list[str]:
    """Return where opset, inputs or outputs of the graph are not the manifest's, as key: what."""
    if isinstance(manifest, DetectorManifest):
        mistakes = [*_input_mistakes(manifest, info), *_box_mistakes(manifest, info)]
    else:
        mistakes = [*_inputs_mistakes(manifest, info), *_outputs_mistakes(manifest, info)]
    if isinstance(manifest, SlidingPatchesManifest):
        mistakes += _window_mistakes(manifest, info)
    if isinstance(manifest, CandidatePatchesManifest):
        mistakes += _batch_mistakes(manifest, info)
    if manifest.opset != info.opset:
        mistakes.insert(0, f"opset = {manifest.opset}: the graph has opset {info.opset}")
    return mistakes


def _box_mistakes(manifest: DetectorManifest, info: OnnxInfo) -> list[str]:
    output = manifest.output
    if isinstance(output, Yolo):
        return _yolo_mistakes(output, info)
    if isinstance(output, RetinaNet):
        return _retinanet_mistakes(output, info)
    return _rows_mistakes(output, info)


def _inputs_mistakes(manifest: OtherManifest, info: OnnxInfo) -> list[str]:
    """Every input that the manifest names is there and takes its channels and size."""
    extra = [tensor.name for tensor in info.inputs if tensor.name not in manifest.inputs]
    mistakes = [f"input.name: the graph wants an input {name!r} as well" for name in extra]
    if manifest.input.trimmed_inputs is not None:
        mistakes.append("input.trimmed_inputs: detectors only")
    by_name = {tensor.name: tensor for tensor in info.inputs}
    for name, sides in manifest.inputs.items():
        wrong = _tensor_mistakes("input.name", name, info.inputs, ("float32",), (4,))
        mistakes += wrong
        shape = None if wrong else by_name[name].shape
        if shape is None:
            continue
        channels = len(manifest.input.channels)
        if shape[1] not in (None, channels):
            mistakes.append(f"input.channels: {channels} are named, {name} wants {shape[1]}")
        if any(given not in (None, side) for given, side in zip(shape[2:], sides, strict=True)):
            mistakes.append(f"input: {name} wants {shape[2:]} pixels, the manifest gives {sides}")
    return mistakes


def _outputs_mistakes(manifest: OtherManifest, info: OnnxInfo) -> list[str]:
    return [
        mistake
        for name, ranks in manifest.outputs.items()
        for mistake in _tensor_mistakes("output", name, info.outputs, ("float32",), ranks)
    ]


def _window_mistakes(manifest: SlidingPatchesManifest, info: OnnxInfo) -> list[str]:
    """Batches and the dense engine need free dimensions; a dense map must not see everything."""
    window, shape = manifest.window, info.inputs[0].shape if info.inputs else None
    batch, sides = (shape[0], shape[2:]) if shape else (None, ())
    mistakes = []
    if batch not in (None, window.batch):
        mistakes.append(f"window.batch = {window.batch}: the graph takes {batch} windows at a time")
    if not window.dense_safe:
        return mistakes
    if any(side is not None for side in sides):
        mistakes.append(f"window.dense_safe: rows and columns of the graph are fixed: {sides}")
    joining = far_sighted(info.nodes, str(manifest.output.map))
    if joining:
        mistakes.append(
            f"window.dense_safe: {', '.join(joining)} before output.map = {manifest.output.map!r}"
            " joins the whole image, which is not what a window would see"
        )
    return mistakes


def _batch_mistakes(manifest: CandidatePatchesManifest, info: OnnxInfo) -> list[str]:
    """Refuse a fixed number of windows, since the last batch is smaller, but for one at a time."""
    shape, batch = info.inputs[0].shape if info.inputs else None, manifest.output.batch
    fixed = shape[0] if shape else None
    if fixed is None or fixed == batch == 1:
        return []
    free = "export it with their number left free, or for one window, with output.batch = 1"
    return [f"output.batch = {batch}: the graph takes {fixed} windows at once: {free}"]


def _rows_mistakes(output: BoxesScoresLabels, info: OnnxInfo) -> list[str]:
    tensors = info.outputs
    optional = (("heatmap", output.heatmap, (4,)), ("suspicion", output.suspicion, (1, 2)))
    return [
        *(
            mistake
            for key, name, ranks in optional
            if name is not None
            for mistake in _tensor_mistakes(f"output.{key}", name, tensors, ("float32",), ranks)
        ),
        *_tensor_mistakes("output.boxes", output.boxes, tensors, ("float32",), (2, 3)),
        *_tensor_mistakes("output.scores", output.scores, tensors, ("float32",), (1, 2)),
        *_tensor_mistakes("output.labels", output.labels, tensors, ("int64", "int32"), (1, 2)),
    ]


def _yolo_mistakes(output: Yolo, info: OnnxInfo) -> list[str]:
    key = "output.output"
    mistakes = _tensor_mistakes(key, output.output, info.outputs, ("float32",), (2, 3))
    if mistakes:
        return mistakes
    shape = next(t.shape for t in info.outputs if t.name == output.output)
    given = None if shape is None else shape[-2 if output.layout == "v8" else -1]
    if given not in (None, output.numbers):
        mistakes.append(
            f"output.classes: layout {output.layout} with {output.classes} classes has"
            f" {output.numbers} numbers a box, the graph has {given}"
        )
    return mistakes


def _retinanet_mistakes(output: RetinaNet, info: OnnxInfo) -> list[str]:
    mistakes = [
        *_tensor_mistakes("output.logits", output.logits, info.outputs, ("float32",), (2, 3)),
        *_tensor_mistakes("output.deltas", output.deltas, info.outputs, ("float32",), (2, 3)),
    ]
    for tensor in info.outputs:
        wanted = {output.logits: output.classes, output.deltas: 4}.get(tensor.name)
        if wanted and tensor.shape and tensor.shape[-1] not in (None, wanted):
            mistakes.append(f"output: {tensor.name} has {tensor.shape[-1]} columns, not {wanted}")
    return mistakes


def _input_mistakes(manifest: DetectorManifest, info: OnnxInfo) -> list[str]:
    key, table = "input.name", manifest.input
    trimmed = table.trimmed_inputs or ()
    if len(info.inputs) != 1 + len(trimmed):
        names = ", ".join(tensor.name for tensor in info.inputs) or "none"
        wanted = "exactly one input" if not trimmed else "one input and the trimmed_inputs"
        return [f"{key}: the graph must have {wanted}, it has: {names}"]
    mistakes = _tensor_mistakes(key, table.name, info.inputs, ("float32",), (4,))
    for name in trimmed:
        mistakes += _tensor_mistakes("input.trimmed_inputs", name, info.inputs, ("float32",), (4,))
    shape = next((t.shape for t in info.inputs if t.name == table.name), None)
    if mistakes or shape is None:
        return mistakes
    if shape[0] not in (None, 1):
        mistakes.append(f"{key}: the batch dimension of the graph is {shape[0]}, not 1")
    if shape[1] not in (None, len(table.channels)):
        mistakes.append(
            f"input.channels: {len(table.channels)} are named, the graph wants {shape[1]}"
        )
    fixed = [(given, place) for place, given in enumerate(shape[2:]) if given is not None]
    if table.size is None and fixed:
        mistakes.append(
            f"{key}: rows and columns must be dynamic in the graph, not {shape[2:]},"
            " or input.size must name them"
        )
    elif table.size is not None and any(given != table.size[place] for given, place in fixed):
        mistakes.append(f"input.size = {list(table.size)}: the graph wants {shape[2:]}")
    return mistakes


def _tensor_mistakes(
    key: str,
    name: str,
    tensors: tuple[TensorInfo, ...],
    elements: tuple[str, ...],
    ranks: tuple[int, ...],
) -> list[str]:
    by_name = {tensor.name: tensor for tensor in tensors}
    if name not in by_name:
        return [f"{key} = {name!r}: the graph has no such tensor (has: {', '.join(by_name)})"]
    tensor, mistakes = by_name[name], []
    if tensor.element not in elements:
        mistakes.append(f"{key}: {name} is {tensor.element}, not {' or '.join(elements)}")
    if tensor.shape is not None and len(tensor.shape) not in ranks:
        wanted = " or ".join(str(rank) for rank in ranks)
        mistakes.append(f"{key}: {name} has rank {len(tensor.shape)}, not {wanted}")
    return mistakes
