"""Export trained weights to ONNX, and show that ONNX Runtime computes the same.

python -m training.export --config CONFIG --weights weights.pt --out model.onnx
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.config import Config
from training.contract import Contract
from training.half import store_half
from training.task import Task, make_task

OPSET = 18
#: Largest difference of a box edge (pixels) and of anything else that still counts as the same.
PARITY_PX, PARITY = 0.02, 2e-4
#: The same of anything else, where weights have been rounded to half precision.
PARITY_HALF = 0.01


def build(config: Config, weights: Path | Mapping[str, Tensor]) -> tuple[nn.Module, Task]:
    """Build what a run's last phase trained, as it is exported, in evaluation mode."""
    state = weights if isinstance(weights, Mapping) else torch.load(weights, weights_only=True)
    task = make_task(config.phases[-1])
    net = task.network()
    net.load_state_dict(state)
    return task.deployed(net).eval(), task


def export(model: nn.Module, contract: Contract, path: Path) -> None:
    """Write `path` as `contract` says; free sides stay free."""
    names = [name for name, *_ in contract.inputs]
    # A batch of one would be taken for a constant.
    example = tuple(torch.zeros(1 + contract.batches, *shape) for _, *shape in contract.inputs)
    free: dict[int, Any] = {}
    if contract.multiple:
        free[2] = torch.export.Dim("rows", min=2, max=4096) * contract.multiple
        free[3] = torch.export.Dim("columns", min=2, max=4096) * contract.multiple
    if contract.batches:
        free[0] = torch.export.Dim("windows", min=1, max=4096)
    shapes = dict.fromkeys(names, free) if free else None
    torch.onnx.export(
        model,
        example,
        str(path),
        dynamo=True,
        opset_version=OPSET,
        input_names=names,
        output_names=list(contract.outputs),
        dynamic_shapes=shapes,
        external_data=False,
        optimize=True,
        verbose=False,
    )
    model_file = onnx.load(str(path))
    _forget_traces(model_file)
    onnx.checker.check_model(model_file, full_check=True)
    onnx.save(model_file, str(path))


def _forget_traces(model: onnx.ModelProto) -> None:
    """Take out where in the source each node came from: paths of the machine that exported it."""
    graph = model.graph
    holders = [model, graph, *graph.node, *graph.initializer]
    holders += [*graph.input, *graph.output, *graph.value_info, *model.functions]
    holders += [node for function in model.functions for node in function.node]
    for holder in holders:
        del holder.metadata_props[:]
        holder.doc_string = ""


def export_checked(model: nn.Module, contract: Contract, path: Path) -> float:
    """Write `path`, compare it with torch, and store its weights as `contract` says.

    Returns the largest difference.
    """
    export(model, contract, path)
    worst = parity(model, contract, path)
    if contract.half:
        file = onnx.load(str(path))
        store_half(file)
        onnx.checker.check_model(file, full_check=True)
        onnx.save(file, str(path))
        worst = parity(model, contract, path, PARITY_HALF)
    return worst


def parity(
    model: nn.Module, contract: Contract, path: Path, limit: float = PARITY, seed: int = 0
) -> float:
    """Largest difference between torch and ONNX Runtime, boxes (in pixels) left out.

    Compared on inputs of several sizes, or several at once, where those are free; ends the program
    if the two differ by more than `limit`.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    worst = 0.0
    for grow in (0, 1, 2) if contract.multiple or contract.batches else (0,):
        count = 1 + grow * contract.batches
        inputs = {
            name: rng.normal(
                0.3, 0.3, (count, channels, rows + grow * contract.multiple, columns)
            ).astype(np.float32)
            for name, channels, rows, columns in contract.inputs
        }
        with torch.no_grad():
            wanted = [t.numpy() for t in _as_tuple(model(*map(torch.from_numpy, inputs.values())))]
        found = session.run(list(contract.outputs), inputs)
        if contract.sets:
            worst = max(worst, _compare_sets(wanted, found))
        else:
            limits = [PARITY_PX if name == "nipple" else limit for name in contract.outputs]
            for a, b, most in zip(wanted, found, limits, strict=True):
                _check(float(np.abs(a - b).max()), most)
                worst = max(worst, float(np.abs(a - b).max()))
    return worst


def _compare_sets(wanted: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    boxes, scores, labels = wanted[:3]
    worst = float(np.abs(found[1] - scores).max())
    _check(worst, PARITY)
    # Nearly equal scores may come in another order, and the last ones may fall off the end.
    sure = scores > scores[-1] + 10 * PARITY
    for box, label in zip(boxes[sure], labels[sure], strict=True):
        same = found[0][found[2] == label]
        _check(float(np.abs(same - box).max(axis=1).min(initial=np.inf)), PARITY_PX)
    return worst


def _check(difference: float, limit: float) -> None:
    if not difference <= limit:
        raise SystemExit(f"torch and ONNX Runtime differ by {difference:.2g} (limit {limit:.2g})")


def _as_tuple(answer: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model, task = build(Config.read(options.config), options.weights)
    worst = export_checked(model, task.contract, options.out)
    print(
        f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB; differs by at most {worst:.2g}"
    )


if __name__ == "__main__":
    main()
