"""One processor thread of ONNX Runtime, as every figure is measured."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
