"""Memory and time of a detector-like network over ever new image sizes.

ONNX Runtime keeps an arena that grows with the shapes it meets. This runs one network over
many sizes of crop, in a fresh process per choice of options, and prints resident memory and
time. Run: ``python bench/analyse_memory.py``; RUNS is the number of sizes, SCALE=3 makes them
crops at 0.1 instead of 0.3 mm per pixel, THREADS is the number of threads, CHOICES the options
to compare, parted by semicolons.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

_RUNS = int(os.environ.get("RUNS", "40"))
_SCALE = int(os.environ.get("SCALE", "1"))
#: 1: crops at 0.3 mm per pixel; 3: at 0.1 mm.
_CHOICES: dict[str, dict[str, object]] = {
    "defaults": {},
    "no arena": {"arena": False},
    "no pattern": {"pattern": False},
    "no arena, no pattern": {"arena": False, "pattern": False},
    "shrink after each run": {"shrink": True},
    "same as requested": {"extend": True},
    "same as requested, shrink": {"extend": True, "shrink": True},
    "no spinning": {"spin": False},
    "deterministic": {"deterministic": True},
}


def network() -> bytes:
    """Return a stride-8 convolutional detector of about 2 M parameters, random weights."""
    random = np.random.default_rng(0)
    nodes, weights, name, channels = [], [], "image", 2
    for i, (out, stride) in enumerate(
        [(32, 2), (32, 1), (64, 2), (64, 1), (64, 1), (128, 2), *[(128, 1)] * 6, (192, 1), (3, 1)]
    ):
        scale = (2 / (9 * channels)) ** 0.5
        weight = random.normal(0, scale, (out, channels, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes += [
            helper.make_node(
                "Conv", [name, f"w{i}"], [f"c{i}"], pads=[1] * 4, strides=[stride] * 2
            ),
            helper.make_node("Relu", [f"c{i}"], [f"r{i}"]),
        ]
        name, channels = f"r{i}", out
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 2, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, None, None])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model.SerializeToString()


def sizes() -> list[tuple[int, int]]:
    """Return sizes of breast crops at 0.3 mm, padded to 32."""
    random = np.random.default_rng(1)
    return [
        (_SCALE * 32 * int(random.integers(16, 31)), _SCALE * 32 * int(random.integers(6, 24)))
        for _ in range(_RUNS)
    ]


def measure(choice: dict[str, object]) -> dict[str, float]:
    """Run all sizes in this process."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("THREADS", "2"))
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = bool(choice.get("arena", True))
    options.enable_mem_pattern = bool(choice.get("pattern", True))
    options.use_deterministic_compute = bool(choice.get("deterministic", False))
    if not choice.get("spin", True):
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider: object = "CPUExecutionProvider"
    if choice.get("extend"):
        provider = (provider, {"arena_extend_strategy": "kSameAsRequested"})
    session = ort.InferenceSession(network(), options, providers=[provider])
    run = ort.RunOptions()
    if choice.get("shrink"):
        run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    before = _rss()
    random = np.random.default_rng(2)
    quarters, seconds = [], 0.0
    for number, (rows, columns) in enumerate(sizes(), start=1):
        image = random.random((1, 2, rows, columns), dtype=np.float32)
        begun = time.perf_counter()
        session.run(None, {"image": image}, run)
        seconds += time.perf_counter() - begun
        if number % max(_RUNS // 4, 1) == 0:
            quarters.append(_rss())
    return {
        "loaded_mb": before,
        **{f"after_{i}_of_4_mb": rss for i, rss in enumerate(quarters, start=1)},
        "peak_mb": _status("VmHWM"),
        "ms": 1000 * seconds / _RUNS,
        "cpu_ms": 1000 * time.process_time() / _RUNS,
    }


def _rss() -> float:
    return _status("VmRSS")


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(json.loads(sys.argv[1]))))
        return
    wanted = os.environ.get("CHOICES", ";".join(_CHOICES)).split(";")
    for name, choice in ((name, _CHOICES[name]) for name in wanted):
        done = subprocess.run(
            [sys.executable, __file__, json.dumps(choice)],
            capture_output=True,
            text=True,
            check=True,
        )
        figures = json.loads(done.stdout)
        words = "  ".join(f"{key} {value:.1f}" for key, value in figures.items())
        print(f"{name:28s} {words}", flush=True)


if __name__ == "__main__":
    onnx.checker.check_model(network())
    main()
