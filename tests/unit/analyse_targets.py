"""What the analysis process runs in tests: each request names a way to behave."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import cast

from mammo_node.analyse.exchange import Prepared
from mammo_node.analyse.onnx_file import inspect
from mammo_node.errors import ImageError, InferenceError, ModelPackageError, ProviderUnavailable

_HOARD: list[bytearray] = []
_SECRET = "Doe^Jane"  # noqa: S105 - stands for a header value


def prepare(settings: object) -> Prepared[str, object]:
    """Behave as the settings say, then report what is known."""
    if settings == "refuse":
        raise ModelPackageError("model.toml: sha256: is another")
    if settings == "no-cuda":
        raise ProviderUnavailable("CUDA is not there")
    if settings == "bug":
        raise KeyError(_SECRET)
    if settings == "exit":
        os._exit(7)
    if settings == "slow":
        time.sleep(600)
    imported = [name for name in ("onnxruntime", "pynetdicom") if name in sys.modules]
    return Prepared(analyse, {"settings": settings, "imported": imported, "pid": os.getpid()})


def analyse(request: str) -> object:
    """Do what the request says."""
    what, _, argument = request.partition(":")
    return _WAYS[what](argument)


def _echo(argument: str) -> str:
    return argument


def _pid(_: str) -> int:
    return os.getpid()


def _hang(_: str) -> None:
    time.sleep(600)


def _exit(argument: str) -> None:
    os._exit(int(argument))


def _system_exit(argument: str) -> None:
    sys.exit(int(argument))


def _segfault(_: str) -> None:
    ctypes.string_at(0)


def _hoard(megabytes: str) -> None:
    # Written to, so that the pages are really there.
    _HOARD.append(bytearray(b"x" * (int(megabytes) * 1024 * 1024)))


def _image_error(_: str) -> None:
    raise ImageError("rows do not fit")


def _inference_error(_: str) -> None:
    raise InferenceError("out of memory")


def _bug(_: str) -> None:
    raise KeyError(_SECRET)


def _os_error(_: str) -> None:
    raise FileNotFoundError(2, "No such file or directory", _SECRET)


def _library_bug(_: str) -> None:
    inspect(cast("bytes", _SECRET))


def _unpicklable(_: str) -> object:
    return lambda: None


def _large(megabytes: str) -> bytes:
    return bytes(int(megabytes) * 1024 * 1024)


def _slow_write(_: str) -> int:
    """Print where a careless library would: nothing of it may reach standard output."""
    print("noise")
    return 1


_WAYS = {
    "echo": _echo,
    "pid": _pid,
    "hang": _hang,
    "exit": _exit,
    "system-exit": _system_exit,
    "segfault": _segfault,
    "hoard": _hoard,
    "image-error": _image_error,
    "inference-error": _inference_error,
    "bug": _bug,
    "os-error": _os_error,
    "library-bug": _library_bug,
    "unpicklable": _unpicklable,
    "large": _large,
    "print": _slow_write,
}
