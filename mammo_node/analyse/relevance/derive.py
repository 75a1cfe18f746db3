"""From a model's graph to one that gives gradient x input: reverse-mode differentiation.

Forward nodes stay as they are. From the scores back to the image each node that both depends on
the image and is needed for a score adds, by its rule, the nodes that compute the gradient of its
inputs; where a tensor is used several times its gradients are summed. What only leads to
places, sizes and decisions passes none on, as in every framework for training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from mammo_node.analyse.manifest import DetectorOutput
from mammo_node.analyse.relevance.heads import THRESHOLDS, Head, head_of
from mammo_node.analyse.relevance.rules import RULES, WITHOUT_GRADIENT
from mammo_node.analyse.relevance.writer import LEAST_OPSET, NoGradient, Shape, Writer

#: Output of the relevance graph, (1, 1, rows, columns) float32: gradient x input, summed over
#: channels.
RELEVANCE: Final = "relevance_map"
_DEFAULT_DOMAINS: Final = ("", "ai.onnx")
#: ScatterElements sums what meets in one place from this opset on.
_SCATTERS_SUMS: Final = 16
_BY_PLACE: Final = ("Slice", "Gather", "GatherElements", "GatherND", "MaxPool")


@dataclass(frozen=True, slots=True)
class NotDerivable:
    """Why a model has no relevance graph."""

    reason: str


def derive(model: bytes, image: str, output: DetectorOutput) -> bytes | NotDerivable:
    """Return the relevance graph of a model, or why there is none.

    Parameters
    ----------
    model : bytes
        An ONNX file that fits its manifest.
    image : str
        Its input, (1, channels, rows, columns) float32.
    output : DetectorOutput
        The manifest's [output] table: which of its outputs are scores.

    Returns
    -------
    bytes
        An ONNX file with the model's inputs and :data:`~.heads.THRESHOLDS`, and the output
        :data:`RELEVANCE`.
    """
    loaded = onnx.load_from_string(model)
    try:
        return bytes(_derived(_inferred(loaded), image, output).SerializeToString())
    except NoGradient as error:
        return NotDerivable(str(error))
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        return NotDerivable(str(error).split("\n", maxsplit=1)[0])


def _inferred(model: ModelProto) -> ModelProto:
    opset = _opset(model)
    if opset < LEAST_OPSET:
        raise NoGradient(f"opset {opset}; {LEAST_OPSET} is the least")
    # Copies nothing beyond protobuf's limit: larger models keep their weights outside the file.
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _opset(model: ModelProto) -> int:
    return next(int(o.version) for o in model.opset_import if o.domain in _DEFAULT_DOMAINS)


def _derived(model: ModelProto, image: str, output: DetectorOutput) -> ModelProto:
    graph = model.graph
    writer = Writer(_opset(model), _names(graph), _shapes(graph), _constants(graph))
    head = head_of(writer, output)
    forward = [_with_places(node) for node in graph.node] + writer.nodes
    writer.nodes = []
    gradient = _gradient(writer, forward, image, head)
    product = writer.op("Mul", [image, gradient])
    summed = writer.reduce("ReduceSum", product, [1])
    writer.nodes.append(helper.make_node("Identity", [summed], [RELEVANCE]))
    nodes = _needed([*forward, *writer.nodes], RELEVANCE)
    return _model(model, nodes, writer.initializers, image)


def _gradient(writer: Writer, forward: Sequence[NodeProto], image: str, head: Head) -> str:
    """Add the reverse pass; return the gradient of the image."""
    on_the_way, scores = _on_the_way(forward, image, head.scores), head.scores
    parts: dict[str, list[str]] = defaultdict(list)
    parts[scores].append(writer.op("Mul", [head.weights, writer.filled_like(scores, 1.0)]))
    for node in reversed(forward):
        mine = [writer.total(parts[o]) if parts.get(o) else None for o in node.output]
        wanted = [n for n, name in enumerate(node.input) if name in on_the_way]
        if not wanted or not any(mine):
            continue
        if writer.opset < _SCATTERS_SUMS and node.op_type in _BY_PLACE:
            raise NoGradient(f"{node.op_type} needs opset {_SCATTERS_SUMS}, not {writer.opset}")
        for place, part in RULES[node.op_type](writer, node, mine, wanted).items():
            if place in wanted:
                parts[node.input[place]].append(part)
    if not parts.get(image):
        raise NoGradient("its scores do not depend on its image, as far as there are rules")
    return writer.total(parts[image])


def _on_the_way(nodes: Sequence[NodeProto], image: str, scores: str) -> set[str]:
    """Return the tensors that lead from the image to the scores.

    Raises
    ------
    NoGradient
        If a kind of node on the way has no rule.
    """
    reached, between = {image}, []
    for node in nodes:
        if node.op_type not in WITHOUT_GRADIENT and reached.intersection(node.input):
            reached.update(node.output)
            between.append(node)
    leading = {scores}
    for node in reversed(between):
        if leading.intersection(node.output):
            leading.update(node.input)
    way = reached & leading
    used = {node.op_type for node in between if way.intersection(node.output)}
    foreign = {node.op_type for node in between if node.domain not in _DEFAULT_DOMAINS}
    missing = sorted(used & foreign | used - set(RULES))
    if missing:
        raise NoGradient(f"there is no gradient of {', '.join(missing)}")
    return way


def _with_places(node: NodeProto) -> NodeProto:
    """Return a node that also says where its values come from, where it can."""
    copy = NodeProto()
    copy.CopyFrom(node)
    if node.op_type == "MaxPool" and len(node.output) == 1:
        copy.output.append(f"relevance_places_of_{node.output[0]}")
    return copy


def _needed(nodes: Sequence[NodeProto], output: str) -> list[NodeProto]:
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _model(
    model: ModelProto, nodes: Sequence[NodeProto], more: Iterable[TensorProto], image: str
) -> ModelProto:
    used = {name for node in nodes for name in node.input} | {image}
    weights = [one for one in [*model.graph.initializer, *more] if one.name in used]
    kept = {one.name for one in weights}
    inputs = [one for one in model.graph.input if one.name in used - kept]
    if THRESHOLDS in used:
        inputs.append(helper.make_tensor_value_info(THRESHOLDS, TensorProto.FLOAT, ["classes"]))
    shape: list[str | int | None] = [1, 1, None, None]
    result = helper.make_tensor_value_info(RELEVANCE, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "relevance", inputs, [result], weights)
    made = helper.make_model(graph, opset_imports=model.opset_import, functions=model.functions)
    made.ir_version = model.ir_version
    onnx.checker.check_model(made)
    return made


def _constants(graph: GraphProto) -> dict[str, Any]:
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for one in node.attribute:
                if one.name == "value":
                    found[node.output[0]] = numpy_helper.to_array(one.t)
    return found


def _names(graph: GraphProto) -> set[str]:
    values = [*graph.initializer, *graph.input]
    return {one.name for one in values} | {name for node in graph.node for name in node.output}


def _shapes(graph: GraphProto) -> Mapping[str, Shape]:
    known: dict[str, Shape] = {one.name: tuple(one.dims) for one in graph.initializer}
    for value in [*graph.input, *graph.value_info, *graph.output]:
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            known[value.name] = tuple(_side(dim) for dim in kind.shape.dim)
    return known


def _side(dim: Any) -> int | str | None:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return str(dim.dim_param) or None
