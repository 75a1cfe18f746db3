"""Weights to learn on from, out of a packaged model: of what is shipped only the ONNX file is kept.

    python -m training.restore --config training/configs/lesion-detector.toml \
        --model mammo_node/models/lesion-detector/model.onnx --bank build/bank --out weights.pt

Export folds batch normalisation into the convolution before it, which a network cannot learn on
without. Here each is put back with the statistics of a batch of the bank's images, and with the
gain and offset that undo them: the network answers as the file does, and learns on (`--init`).
Heads that only teach were not exported: they begin fresh.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from training.config import Config
from training.task import Batch, Task, drawn_batch, make_task

#: Samples whose statistics batch normalisation begins with.
SAMPLES = 16
#: What export adds to names: the wrapper around the network, half precision, and a folded offset.
_WRAPPER, _HALF, _FOLDED = "net.", ".half", "_bias"


def stored_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of an exported file by the names that they have in the network."""
    graph = onnx.load(str(path)).graph
    named = {
        weight.name.removeprefix(_WRAPPER).removesuffix(_HALF): numpy_helper.to_array(weight)
        for weight in graph.initializer
        if weight.name.startswith(_WRAPPER)
    }
    return {
        name: torch.from_numpy(values.astype(np.float32 if values.dtype == "f2" else values.dtype))
        for name, values in named.items()
    }


def restore(task: Task, path: Path, batch: Batch) -> nn.Module:
    """Make the network that `path` was exported from, in evaluation mode.

    Parameters
    ----------
    task
        What was trained, with the keys that it was trained with.
    path
        A model.onnx written by `training.export`; no int8 variant.
    batch
        Images that the statistics of batch normalisation are taken from, as the task draws them.

    Raises
    ------
    SystemExit
        If the file has no tensor of the network's shapes for one of its layers.
    """
    stored, net = stored_tensors(path), task.network().eval()
    folded = {
        norm: stored.pop(f"{name}.weight{_FOLDED}")
        for name, norm in _normalised(net)
        if f"{name}.weight{_FOLDED}" in stored
    }
    own = net.state_dict()
    for name, values in stored.items():
        if name not in own or own[name].shape != values.shape:
            raise SystemExit(
                f"{path}: {name} {tuple(values.shape)}: the configuration's network has no such"
                " tensor. Give the configuration that the model was trained with"
            )
    if not stored:
        raise SystemExit(f"{path}: it has no weights by name: no float model of this project")
    net.load_state_dict({**own, **stored})
    handles = [norm.register_forward_pre_hook(_undo(b)) for norm, b in folded.items()]
    with torch.no_grad():
        task.losses(net, batch)
    for handle in handles:
        handle.remove()
    return net


def _normalised(net: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """Yield each convolution's name with the batch normalisation right behind it."""
    for name, module in net.named_modules():
        if isinstance(module, nn.Sequential):
            for (key, first), (_, second) in zip(
                module.named_children(), list(module.named_children())[1:], strict=False
            ):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    yield f"{name}.{key}" if name else key, second


def _undo(offset: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    """Make a hook that gives a batch normalisation its input's statistics and takes them back."""

    def prepare(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.copy_(offset + mean)

    return prepare


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="the package's model.onnx")
    parser.add_argument("--bank", type=Path, required=True, help="folder made by training.bank")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    config = Config.read(options.config)
    task = make_task(config.phases[-1])
    batch = drawn_batch(task, options.bank, config.seed, SAMPLES)
    torch.save(restore(task, options.model, batch).state_dict(), options.out)


if __name__ == "__main__":
    main()
