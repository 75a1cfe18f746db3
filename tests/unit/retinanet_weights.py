"""State dicts of small RetinaNets with torchvision's names, and files as torch.save writes them."""

from __future__ import annotations

import collections
import io
import pickle
import zipfile
from typing import Any

import numpy as np

Tensors = dict[str, np.ndarray]
#: Smallest width of a head that 32 groups divide.
PYRAMID = 32


def state_dict(
    *,
    depths: tuple[int, ...] = (1, 2, 1, 1),
    classes: int = 2,
    style: str = "group-norm",
    stem: int = 8,
    inner: int = 4,
    pyramid: int = PYRAMID,
) -> Tensors:
    """Return random weights: 'group-norm' as torchvision's v2, 'plain' as its first version.

    ResNet-50 has depths (3, 4, 6, 3), ``stem`` and ``inner`` 64 and a pyramid of 256 channels.
    """
    made = _Maker(np.random.default_rng(7))
    made.conv("backbone.body.conv1", stem, 3, 7)
    made.norm("backbone.body.bn1", stem)
    width, narrowest = stem, inner
    outputs = []
    for number, depth in enumerate(depths, start=1):
        inner = narrowest * 2 ** (number - 1)
        for block in range(depth):
            name = f"backbone.body.layer{number}.{block}"
            for k, (out, inside, side) in enumerate(
                [(inner, width, 1), (inner, inner, 3), (4 * inner, inner, 1)], start=1
            ):
                made.conv(f"{name}.conv{k}", out, inside, side)
                made.norm(f"{name}.bn{k}", out)
            if block == 0:
                made.conv(f"{name}.downsample.0", 4 * inner, width, 1)
                made.norm(f"{name}.downsample.1", 4 * inner)
            width = 4 * inner
        outputs.append(width)
    nested = ".0" if style == "group-norm" else ""
    for level, channels in enumerate(outputs[1:]):
        made.conv(f"backbone.fpn.inner_blocks.{level}{nested}", pyramid, channels, 1, bias=True)
        made.conv(f"backbone.fpn.layer_blocks.{level}{nested}", pyramid, pyramid, 3, bias=True)
    from_c5 = outputs[-1] if style == "group-norm" else pyramid
    made.conv("backbone.fpn.extra_blocks.p6", pyramid, from_c5, 3, bias=True)
    made.conv("backbone.fpn.extra_blocks.p7", pyramid, pyramid, 3, bias=True)
    last = (("classification_head.cls_logits", 9 * classes), ("regression_head.bbox_reg", 36))
    for final, out in last:
        head = final.partition(".")[0]
        for k in range(4):
            if style == "group-norm":
                made.conv(f"head.{head}.conv.{k}.0", pyramid, pyramid, 3)
                made.affine(f"head.{head}.conv.{k}.1", pyramid)
            else:
                made.conv(f"head.{head}.conv.{2 * k}", pyramid, pyramid, 3, bias=True)
        made.conv(f"head.{final}", out, pyramid, 3, bias=True)
    return made.tensors


class _Maker:
    def __init__(self, chance: np.random.Generator) -> None:
        self.tensors: Tensors = {}
        self._chance = chance

    def _put(self, name: str, array: Any) -> None:
        self.tensors[name] = np.asarray(array, dtype=np.float32)

    def conv(self, name: str, out: int, inside: int, side: int, *, bias: bool = False) -> None:
        scale = (2.0 / (inside * side * side)) ** 0.5
        self._put(f"{name}.weight", self._chance.normal(0, scale, (out, inside, side, side)))
        if bias:
            self._put(f"{name}.bias", self._chance.normal(0, 0.1, out))

    def affine(self, name: str, channels: int) -> None:
        self._put(f"{name}.weight", self._chance.uniform(0.5, 1.5, channels))
        self._put(f"{name}.bias", self._chance.normal(0, 0.1, channels))

    def norm(self, name: str, channels: int) -> None:
        self.affine(name, channels)
        self._put(f"{name}.running_mean", self._chance.normal(0, 0.1, channels))
        self._put(f"{name}.running_var", self._chance.uniform(0.5, 1.5, channels))


class _Storage:
    """Stands for the bytes of one tensor."""

    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key, self.array = key, array


class _Named:
    """A name of PyTorch, pickled as a reference to it without PyTorch."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Rebuilt:
    """A tensor as torch pickles it: a call of ``torch._utils._rebuild_tensor_v2``."""

    def __init__(self, storage: _Storage, stride: tuple[int, ...] | None = None) -> None:
        self.storage, self.stride = storage, stride

    def arguments(self) -> tuple[Any, ...]:
        array = self.storage.array
        steps = self.stride or tuple(step // array.itemsize for step in array.strides)
        return self.storage, 0, array.shape, steps, False, collections.OrderedDict()


class _Pickler(pickle._Pickler):  # the pure-Python one: names are written by hand
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            kind = _Named("torch", "FloatStorage")
            return ("storage", kind, obj.key, "cpu", obj.array.size)
        return None

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if isinstance(obj, _Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Rebuilt):
            self.save(_Named("torch._utils", "_rebuild_tensor_v2"))
            self.save(obj.arguments())
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def torch_file(
    tensors: Tensors,
    *,
    nested: str | None = None,
    prefix: str = "",
    extra: Any = None,
    stride: tuple[int, ...] | None = None,
) -> bytes:
    """Return a zip as ``torch.save`` writes it, made without PyTorch."""
    storages = {name: _Storage(str(i), array) for i, (name, array) in enumerate(tensors.items())}
    content: Any = collections.OrderedDict(
        (prefix + name, _Rebuilt(storage, stride)) for name, storage in storages.items()
    )
    if nested is not None:
        content = {"epoch": 3, nested: content}
    if extra is not None:
        content["extra"] = extra
    pickled = io.BytesIO()
    _Pickler(pickled, protocol=2).dump(content)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("weights/data.pkl", pickled.getvalue())
        archive.writestr("weights/byteorder", "little")
        for storage in storages.values():
            archive.writestr(f"weights/data/{storage.key}", storage.array.tobytes())
    return packed.getvalue()
