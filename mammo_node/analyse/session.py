"""ONNX Runtime, and nothing else imports it: sessions that run where they were told to.

Rules:

* The provider that was asked for is the one that runs, or there is no session: ONNX Runtime
  itself falls back to the CPU without an error.
* One distribution of ONNX Runtime only: they all install the same module over each other.
* onnxruntime is imported when the first session is opened, in the analysis process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mammo_node.errors import InferenceError, ModelPackageError, ProviderUnavailable

Provider = Literal["cpu", "cuda"]
Array = npt.NDArray[Any]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
#: Distributions on PyPI that install the module ``onnxruntime``.
_DISTRIBUTIONS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-training",
)
#: Mammograms come in ever new sizes after cropping, and an exhaustive search of convolution
#: algorithms repeats for each; TF32 would round scores away from those of the CPU.
_CUDA_OPTIONS = {
    "arena_extend_strategy": "kSameAsRequested",
    "cudnn_conv_algo_search": "HEURISTIC",
    "use_tf32": "0",
}
_ERRORS_ONLY = 3


class Session:
    """A model that is ready to run; made by :func:`open_session`."""

    def __init__(self, session: Any, failures: tuple[type[Exception], ...]) -> None:
        self._session = session
        self._failures = failures

    @property
    def provider(self) -> str:
        """The execution provider that runs, in ONNX Runtime's words."""
        return str(self._session.get_providers()[0])

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Run the graph once and return the named outputs in order.

        Raises
        ------
        InferenceError
            If the runtime fails on these inputs: shapes, memory, device.
        """
        try:
            results = self._session.run(list(outputs), dict(inputs))
        except self._failures as error:
            raise InferenceError(f"ONNX Runtime: {_first_line(error)}") from error
        return [np.asarray(result) for result in results]


def open_session(model: bytes, *, provider: Provider, threads: int, name: str) -> Session:
    """Load a model.

    Parameters
    ----------
    model : bytes
        A self-contained ONNX file.
    provider : {"cpu", "cuda"}
        Where it must run.
    threads : int
        Threads of one inference; 0 lets ONNX Runtime take one per physical core.
    name : str
        What error messages call the model, such as its path.

    Raises
    ------
    ProviderUnavailable
        If the runtime is missing, there twice, or would run the model elsewhere.
    ModelPackageError
        If the runtime refuses the model.
    """
    runtime = _runtime(provider)
    failures = _failures(runtime)
    try:
        session = runtime.InferenceSession(
            model, _options(runtime, threads), providers=_providers(provider)
        )
    except failures as error:
        raise ModelPackageError(f"{name}: ONNX Runtime refuses it: {_first_line(error)}") from error
    opened = Session(session, failures)
    require_provider(provider, opened.provider)
    return opened


def runtime_version(provider: Provider = "cpu") -> str:
    """Return the version of the installed ONNX Runtime.

    Raises
    ------
    ProviderUnavailable
        As :func:`open_session`.
    """
    return str(_runtime(provider).__version__)


def require_single_distribution(installed: Iterable[str]) -> None:
    """Refuse an environment with two distributions of ONNX Runtime.

    Raises
    ------
    ProviderUnavailable
        Saying which to remove.
    """
    found = sorted(set(installed))
    if len(found) > 1:
        raise ProviderUnavailable(
            f"{' and '.join(found)} are both installed and overwrite each other's files:"
            f" pip uninstall -y {' '.join(found)}, then install mammo-node[cpu] or mammo-node[gpu]"
        )


def require_provider(wanted: Provider, running: str) -> None:
    """Refuse a session that runs elsewhere than it was asked to.

    Raises
    ------
    ProviderUnavailable
        If CUDA was asked for and ONNX Runtime fell back.
    """
    if wanted == "cuda" and running != _CUDA:
        raise ProviderUnavailable(
            f"worker.provider = 'cuda', but ONNX Runtime would run on {running}: it found no usable"
            " NVIDIA driver, CUDA or cuDNN (docs/howto/cuda.md); or set worker.provider = 'cpu'"
        )


def _runtime(provider: Provider) -> ModuleType:
    """Import ONNX Runtime, once it is clear that there is exactly one."""
    require_single_distribution(_installed())
    try:
        import onnxruntime  # noqa: PLC0415 - heavy, and only the analysis process needs it
    except ImportError as error:
        raise ProviderUnavailable(
            f"ONNX Runtime cannot be imported ({error}): pip install 'mammo-node[cpu]',"
            " or 'mammo-node[gpu]' for an NVIDIA GPU"
        ) from error
    runtime: ModuleType = onnxruntime
    if provider == "cuda":
        _prepare_cuda(runtime)
    return runtime


def _installed() -> list[str]:
    names = (str(dist.metadata["Name"]) for dist in metadata.distributions() if dist.metadata)
    normal = {name.lower().replace("_", "-") for name in names}
    return [name for name in _DISTRIBUTIONS if name in normal]


def _prepare_cuda(runtime: ModuleType) -> None:
    if _CUDA not in runtime.get_available_providers():
        raise ProviderUnavailable(
            "worker.provider = 'cuda', but the installed ONNX Runtime is built without CUDA:"
            " pip uninstall onnxruntime, then pip install 'mammo-node[gpu]'"
        )
    # Finds CUDA and cuDNN that pip installed; without it they must be on the loader's path.
    runtime.preload_dlls()


def _providers(provider: Provider) -> list[Any]:
    return [(_CUDA, _CUDA_OPTIONS), _CPU] if provider == "cuda" else [_CPU]


def _options(runtime: ModuleType, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Plans of memory are kept per input shape, and nearly every crop has another. Without them
    # 400 sizes end in less memory, and flat; giving the arena back after each run fragments
    # the heap, which then grows without end (bench/analyse_memory.py).
    options.enable_mem_pattern = False
    options.log_severity_level = _ERRORS_ONLY
    return options


def _failures(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """ONNX Runtime's own exceptions, and those its bindings raise for bad arguments."""
    state = runtime.capi.onnxruntime_pybind11_state
    own = [kind for kind in vars(state).values() if _is_exception(kind)]
    return (*own, RuntimeError, ValueError, TypeError)


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Exception)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0] or type(error).__name__
