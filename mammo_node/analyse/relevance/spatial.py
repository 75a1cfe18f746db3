"""Gradients of convolutions, pooling and resizing: (batch, channels, rows, columns)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from onnx import NodeProto, TensorProto

from mammo_node.analyse.relevance.moving import scattered
from mammo_node.analyse.relevance.rule import Gradients, Rule, attribute, only
from mammo_node.analyse.relevance.writer import NoGradient, Writer

_IMAGE_RANK: Final = 4


def _plain_padding(node: NodeProto) -> None:
    if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NoGradient(f"{node.op_type} with automatic padding")


def _cut_to(w: Writer, value: str, like: str, rank: int) -> str:
    """Cut the spatial sides of a tensor to those of another one."""
    sides = list(range(2, rank))
    ends = w.op("Gather", [w.shape(like), w.ints(sides)], axis=0)
    return w.op("Slice", [value, w.ints([0] * len(sides)), ends, w.ints(sides)])


def _transposed(
    w: Writer, gradient: str, weight: str, like: str, strides: Sequence[int], **settings: Any
) -> str:
    """Convolve transposed, and cut what the stride leaves open to the size that there was."""
    # Where a stride leaves rows over at the end, the padding of the output makes them again.
    more = [stride - 1 for stride in strides]
    wide = w.op(
        "ConvTranspose",
        [gradient, weight],
        strides=list(strides),
        output_padding=more,
        **settings,
    )
    return _cut_to(w, wide, like, len(strides) + 2) if any(more) else wide


def _conv(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    _plain_padding(node)
    if set(wanted) != {0}:
        raise NoGradient("Conv with computed weights")
    value, weight = node.input[:2]
    sides = w.rank(weight) - 2
    back = _transposed(
        w,
        only(gradients),
        weight,
        value,
        attribute(node, "strides", [1] * sides),
        pads=attribute(node, "pads", [0] * 2 * sides),
        dilations=attribute(node, "dilations", [1] * sides),
        group=attribute(node, "group", 1),
    )
    return {0: back}


def _average_pool(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    _plain_padding(node)
    kernel = attribute(node, "kernel_shape", None)
    pads = attribute(node, "pads", [0] * 2 * len(kernel))
    counted = not any(pads) or attribute(node, "count_include_pad", 0)
    dilated = any(step != 1 for step in attribute(node, "dilations", []))
    if not counted or dilated or attribute(node, "ceil_mode", 0) or len(kernel) != 2:
        raise NoGradient("AveragePool over its edge, dilated, or not of images")
    value = node.input[0]
    # Each channel by itself: channels become a batch of images.
    gradient = _one_channel(w, only(gradients), node.output[0])
    image = _one_channel(w, value, value)
    weight = w.floats(np.full((1, 1, *kernel), 1.0 / np.prod(kernel)))
    strides = attribute(node, "strides", [1] * len(kernel))
    back = _transposed(w, gradient, weight, image, strides, pads=pads)
    return {0: w.reshaped_like(back, value)}


def _one_channel(w: Writer, value: str, like: str) -> str:
    sides = w.op("Gather", [w.shape(like), w.ints([2, 3])], axis=0)
    return w.op("Reshape", [value, w.op("Concat", [w.ints([-1, 1]), sides], axis=0)])


def _max_pool(
    w: Writer, node: NodeProto, gradients: Gradients, _: Collection[int]
) -> dict[int, str]:
    if gradients[0] is None:
        return {}
    if attribute(node, "storage_order", 0):
        raise NoGradient("MaxPool that counts by columns")
    return {0: scattered(w, gradients[0], node.output[1], node.input[0])}


def _resize(
    w: Writer, node: NodeProto, gradients: Gradients, wanted: Collection[int]
) -> dict[int, str]:
    """Resizing is a product with one matrix for rows and one for columns: take their transposes.

    The matrices are what the node itself makes of the identity, whatever its mode.
    """
    crops = attribute(node, "coordinate_transformation_mode", "") == "tf_crop_and_resize"
    keeps = attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch"
    some = attribute(node, "axes", None) is not None
    if set(wanted) != {0} or crops or keeps or some or w.rank(node.input[0]) != _IMAGE_RANK:
        raise NoGradient("Resize of another kind than of whole images")
    rows, columns = (_resized_identity(w, node, axis) for axis in (2, 3))
    turned = w.op("Transpose", [rows], perm=[0, 1, 3, 2])
    return {0: w.op("MatMul", [turned, w.op("MatMul", [only(gradients), columns])])}


def _resized_identity(w: Writer, node: NodeProto, axis: int) -> str:
    """Return (1, 1, new, old): how much of each old row or column is in each new one."""
    old, new = w.side(node.input[0], axis), w.side(node.output[0], axis)
    square = w.op("ConstantOfShape", [w.op("Concat", [old, old], axis=0)])
    eye = w.op("EyeLike", [square], dtype=TensorProto.FLOAT)
    ones = w.ints([1, 1])
    image = w.op("Unsqueeze", [eye, w.ints([0, 1])])
    sizes = w.op("Concat", [ones, new, old], axis=0)
    settings = {one.name: attribute(node, one.name, None) for one in node.attribute}
    return w.op("Resize", [image, "", "", sizes], **settings)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "Conv": _conv,
        "AveragePool": _average_pool,
        "MaxPool": _max_pool,
        "Resize": _resize,
    }
)
