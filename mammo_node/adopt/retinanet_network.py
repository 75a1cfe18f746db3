"""The structure of torchvision's RetinaNet, read off a state dict's names and shapes.

Lin et al. 2017 on a ResNet (v1.5: the stride is on the 3 x 3 convolution) with a feature pyramid.
Written once against :class:`Operations`, so that an ONNX graph and plain numpy are made from the
same lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from mammo_node.adopt.checkpoint import Tensors
from mammo_node.errors import ModelPackageError

Value = TypeVar("Value")
Weights = npt.NDArray[np.float32]
#: Of rows and of columns.
Sides = tuple[int, int]

#: nn.BatchNorm2d and nn.GroupNorm.
_EPSILON = 1e-5
_GROUPS = 32
_BODY, _FPN, _HEAD = "backbone.body", "backbone.fpn", "head"
_HEADS = ("classification_head", "regression_head")
_BOX = 4


@dataclass(frozen=True, slots=True)
class GroupNorm:
    """Wu and He, 2018: ``scale`` and ``offset`` are (channels,)."""

    groups: int
    scale: Weights
    offset: Weights
    epsilon: float


class Operations(Protocol[Value]):
    """What the network is made of; values are (1, channels, rows, columns)."""

    def conv(
        self, value: Value, weight: Weights, bias: Weights, *, stride: int, padding: Sides
    ) -> Value:
        """Convolve; ``padding`` zeros before and after rows and columns."""

    def relu(self, value: Value) -> Value:
        """Cut off what is negative."""

    def max_pool(self, value: Value) -> Value:
        """Maximum of 3 x 3, stride 2, padding 1."""

    def add(self, value: Value, other: Value) -> Value:
        """Add."""

    def enlarge(self, value: Value, like: Value) -> Value:
        """Repeat pixels up to the rows and columns of another value."""

    def group_norm(self, value: Value, norm: GroupNorm) -> Value:
        """Normalise groups of channels, then scale and offset each channel."""

    def rows(self, value: Value, numbers: int) -> Value:
        """(1, anchors * numbers, rows, columns) to (rows * columns * anchors, numbers)."""

    def join(self, values: Sequence[Value]) -> Value:
        """Put rows one after the other."""


class RetinaNetWeights:
    """A state dict that is a RetinaNet's.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As torchvision names them, of any of its versions.

    Raises
    ------
    ModelPackageError
        Naming the first tensor that is missing or has another shape.
    """

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self.anchors_per_cell = self._shape(f"{_HEAD}.regression_head.bbox_reg.weight")[0] // _BOX
        logits = self._shape(f"{_HEAD}.classification_head.cls_logits.weight")[0]
        self.classes = logits // self.anchors_per_cell
        self.bottleneck = f"{_BODY}.layer1.0.conv3.weight" in tensors
        self.depths = tuple(self._count(f"{_BODY}.layer{n}.{{}}.conv1.weight") for n in range(1, 5))

    @property
    def description(self) -> str:
        """Which ResNet this is, in words."""
        layers = sum(self.depths) * (3 if self.bottleneck else 2) + 2
        return f"RetinaNet, ResNet-{layers} FPN, {self.classes} classes"

    @property
    def group_norm(self) -> bool:
        """Whether its heads normalise over all that they see."""
        towers = (self._tower(f"{_HEAD}.{head}.conv") for head in _HEADS)
        return any(norm is not None for tower in towers for _, norm in tower)

    def run(self, ops: Operations[Value], image: Value) -> tuple[Value, Value]:
        """Return (anchors, classes) logits and (anchors, 4) deltas of all levels."""
        levels = self._pyramid(ops, self._body(ops, image))
        logits = [self._head(ops, "classification_head", "cls_logits", v) for v in levels]
        deltas = [self._head(ops, "regression_head", "bbox_reg", v) for v in levels]
        return (
            ops.join([ops.rows(value, self.classes) for value in logits]),
            ops.join([ops.rows(value, _BOX) for value in deltas]),
        )

    def _body(self, ops: Operations[Value], image: Value) -> list[Value]:
        """Return C3, C4 and C5."""
        value = self._conv_bn(ops, image, f"{_BODY}.conv1", f"{_BODY}.bn1", stride=2)
        value = ops.max_pool(ops.relu(value))
        found = []
        for number, depth in enumerate(self.depths, start=1):
            for block in range(depth):
                name = f"{_BODY}.layer{number}.{block}"
                value = self._block(ops, value, name, 2 if number > 1 and block == 0 else 1)
            found.append(value)
        return found[1:]

    def _block(self, ops: Operations[Value], value: Value, name: str, stride: int) -> Value:
        last = 3 if self.bottleneck else 2
        strided = 2 if self.bottleneck else 1
        inner = value
        for number in range(1, last + 1):
            step = stride if number == strided else 1
            conv, norm = f"{name}.conv{number}", f"{name}.bn{number}"
            inner = self._conv_bn(ops, inner, conv, norm, stride=step)
            if number < last:
                inner = ops.relu(inner)
        if f"{name}.downsample.0.weight" in self._tensors:
            conv, norm = f"{name}.downsample.0", f"{name}.downsample.1"
            value = self._conv_bn(ops, value, conv, norm, stride=stride)
        return ops.relu(ops.add(inner, value))

    def _pyramid(self, ops: Operations[Value], body: Sequence[Value]) -> list[Value]:
        """Return P3 to P7."""
        laterals = [
            self._conv(ops, value, self._named(f"{_FPN}.inner_blocks.{i}"))
            for i, value in enumerate(body)
        ]
        for i in reversed(range(len(laterals) - 1)):
            laterals[i] = ops.add(laterals[i], ops.enlarge(laterals[i + 1], laterals[i]))
        levels = [
            self._conv(ops, value, self._named(f"{_FPN}.layer_blocks.{i}"))
            for i, value in enumerate(laterals)
        ]
        p6 = f"{_FPN}.extra_blocks.p6"
        shape = self._shape(f"{p6}.weight")
        source = levels[-1] if shape[0] == shape[1] else body[-1]
        levels.append(self._conv(ops, source, p6, stride=2))
        levels.append(self._conv(ops, ops.relu(levels[-1]), f"{_FPN}.extra_blocks.p7", stride=2))
        return levels

    def _head(self, ops: Operations[Value], head: str, last: str, value: Value) -> Value:
        for name, norm in self._tower(f"{_HEAD}.{head}.conv"):
            value = self._conv(ops, value, name)
            if norm is not None:
                scale, offset = self._floats(f"{norm}.weight"), self._floats(f"{norm}.bias")
                value = ops.group_norm(value, GroupNorm(_GROUPS, scale, offset, _EPSILON))
            value = ops.relu(value)
        return self._conv(ops, value, f"{_HEAD}.{head}.{last}")

    def _tower(self, name: str) -> list[tuple[str, str | None]]:
        """Return the convolutions of a head, each with its norm, if any.

        Newer versions of torchvision write ``conv.0.0`` and norm ``conv.0.1``, older ones
        ``conv.0``, ``conv.2``: activations count there.
        """
        pattern = re.compile(re.escape(name) + r"\.(\d+)(\.0)?\.weight")
        matches = [match for key in self._tensors if (match := pattern.fullmatch(key))]
        if not matches:
            raise ModelPackageError(f"no RetinaNet of torchvision: it has no {name}.0.0.weight")
        found: list[tuple[str, str | None]] = []
        for match in sorted(matches, key=lambda match: int(match[1])):
            norm = f"{name}.{match[1]}.1" if match[2] else None
            has_norm = norm is not None and f"{norm}.weight" in self._tensors
            found.append((match[0].removesuffix(".weight"), norm if has_norm else None))
        return found

    def _conv(self, ops: Operations[Value], value: Value, name: str, *, stride: int = 1) -> Value:
        weight = self._floats(f"{name}.weight")
        bias = (
            self._floats(f"{name}.bias")
            if f"{name}.bias" in self._tensors
            else np.zeros(len(weight), dtype=np.float32)
        )
        return ops.conv(value, weight, bias, stride=stride, padding=_same(weight))

    def _conv_bn(
        self, ops: Operations[Value], value: Value, conv: str, norm: str, *, stride: int
    ) -> Value:
        """Convolve with the batch norm's running statistics folded in."""
        weight = self._get(f"{conv}.weight").astype(np.float64)
        mean, variance = self._get(f"{norm}.running_mean"), self._get(f"{norm}.running_var")
        factor = self._get(f"{norm}.weight") / np.sqrt(variance.astype(np.float64) + _EPSILON)
        bias = self._get(f"{norm}.bias") - mean * factor
        folded = (weight * factor[:, None, None, None]).astype(np.float32)
        offset = bias.astype(np.float32)
        return ops.conv(value, folded, offset, stride=stride, padding=_same(folded))

    def _named(self, name: str) -> str:
        """Return the name of a pyramid's convolution: newer versions nest it once more."""
        return f"{name}.0" if f"{name}.0.weight" in self._tensors else name

    def _count(self, pattern: str) -> int:
        count = 0
        while pattern.format(count) in self._tensors:
            count += 1
        if not count:
            raise ModelPackageError(f"no RetinaNet of torchvision: it has no {pattern.format(0)}")
        return count

    def _floats(self, name: str) -> Weights:
        return self._get(name).astype(np.float32)

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._get(name).shape)

    def _get(self, name: str) -> npt.NDArray[Any]:
        if name not in self._tensors:
            raise ModelPackageError(f"no RetinaNet of torchvision: it has no {name}")
        return self._tensors[name]


def _same(weight: Weights) -> Sides:
    """Return the padding that keeps rows and columns."""
    return weight.shape[-2] // 2, weight.shape[-1] // 2
