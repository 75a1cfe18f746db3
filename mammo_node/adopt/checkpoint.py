"""A PyTorch checkpoint's tensors, without PyTorch and without running what is in the file.

``torch.save`` writes a zip: ``*/data.pkl`` says which tensor lies where, ``*/data/<key>`` are the
bytes. A pickle can name any function; here only the few that rebuild tensors are known, so a
file that wants anything else is refused.
"""

from __future__ import annotations

import collections
import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mammo_node.errors import ModelPackageError

Tensors = dict[str, npt.NDArray[Any]]

_STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}
#: Where training scripts keep the weights in a larger checkpoint.
_NESTED = ("state_dict", "model_state_dict", "model")
#: Of models wrapped for several GPUs.
_PREFIX = "module."


def read_checkpoint(data: bytes) -> Tensors:
    """Return the tensors of a state dict by name.

    Parameters
    ----------
    data : bytes
        A file of ``torch.save`` (PyTorch 1.6 or later): a state dict, or a dict that holds one
        under ``state_dict``, ``model_state_dict`` or ``model``.

    Raises
    ------
    ModelPackageError
        If the file is none, is damaged, or wants more than tensors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content = _unpickled(archive)
    except zipfile.BadZipFile as error:
        raise ModelPackageError(
            "not a checkpoint of PyTorch 1.6 or later; load it and torch.save it again"
        ) from error
    except (pickle.UnpicklingError, KeyError, EOFError, ValueError, TypeError, IndexError) as error:
        raise ModelPackageError(f"the checkpoint cannot be read: {error}") from error
    return _state_dict(content)


def _unpickled(archive: zipfile.ZipFile) -> object:
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise ModelPackageError("not a PyTorch checkpoint: it has no data.pkl")
    root = names[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
        raise ModelPackageError("the checkpoint was written on a big-endian machine")
    return _Unpickler(archive, root).load()


class _Unpickler(pickle.Unpickler):
    """Knows tensors and ordered dicts, and nothing else."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}data.pkl")))
        self._archive, self._root = archive, root

    def find_class(self, module: str, name: str) -> Any:
        known: Mapping[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(
            f"it wants {module}.{name}; save the state dict alone: torch.save(model.state_dict())"
        )

    def persistent_load(self, pid: Any) -> npt.NDArray[Any]:
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError(f"unknown storage {kind!r}")
        return np.frombuffer(self._archive.read(f"{self._root}data/{key}"), dtype, count=count)


def _tensor(
    storage: npt.NDArray[Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> npt.NDArray[Any]:
    """Rebuild one tensor, copied: strides of a file must not reach beyond its storage."""
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride), default=0) < 0 or (0 not in size and last >= storage.size):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    view = np.lib.stride_tricks.as_strided(
        storage[offset:], size, [step * storage.itemsize for step in stride], writeable=False
    )
    return view.copy()


def _state_dict(content: object) -> Tensors:
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise ModelPackageError("the checkpoint holds no state dict")
    tensors = {
        str(name).removeprefix(_PREFIX): value
        for name, value in content.items()
        if isinstance(value, np.ndarray)
    }
    if not tensors:
        raise ModelPackageError("the checkpoint's state dict holds no tensors")
    return tensors
