"""Average the weights of runs that started from the same ones: often better than any of them.

    python -m training.average --weights a/weights.pt b/weights.pt --out weights.pt \
        --config training/configs/lesion-detector.toml --bank build/bank

Wortsman et al., "Model soups" (2022): runs that share their beginning lie in one basin, and the
middle of it transfers better to images unlike those trained on. Weights that are named twice count
twice. The statistics of batch normalisation are not the mean of the runs': with a configuration and
a bank they are estimated anew (Izmailov et al., 2018), without which scores come out far too low.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from training.config import Config
from training.task import Batch, Task, drawn_batches, make_task

#: Batches, and samples in each, that batch normalisation is estimated from.
BATCHES, SAMPLES = 100, 8


def average(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of every tensor; one that only some of the states have is the mean of theirs.

    Raises
    ------
    ValueError
        If a tensor has different shapes: then these are not runs of one network.
    """
    mean = {}
    for name in dict.fromkeys(key for state in states for key in state):
        found = [state[name] for state in states if name in state]
        if len({tensor.shape for tensor in found}) > 1:
            raise ValueError(f"{name} has different shapes")
        mean[name] = torch.stack([t.float() for t in found]).mean(dim=0).to(found[0].dtype)
    return mean


class _Learning(nn.Module):
    """A network as its task asks it while it learns, which takes more than images."""

    def __init__(self, task: Task, net: nn.Module) -> None:
        super().__init__()
        self.task, self.net = task, net

    def forward(self, batch: Batch) -> None:
        self.task.losses(self.net, batch)


def renormalised(
    task: Task, state: Mapping[str, Tensor], batches: Iterable[Batch]
) -> dict[str, Tensor]:
    """Estimate the statistics of batch normalisation anew: their means over batches.

    Parameters
    ----------
    task
        What was trained, with the keys that it was trained with.
    state
        Weights of its network, all of them; not changed.
    batches
        Samples as the task draws them.
    """
    net = task.network()
    net.load_state_dict(state)
    update_bn(batches, _Learning(task, net))
    return net.state_dict()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, help="of the runs")
    parser.add_argument("--bank", type=Path, help="folder made by training.bank")
    options = parser.parse_args()
    if (options.config is None) != (options.bank is None):
        parser.error("--config and --bank go together: give both, or none to keep the statistics")
    made = average([torch.load(path, weights_only=True) for path in options.weights])
    if options.config is not None:
        config = Config.read(options.config)
        task = make_task(config.phases[-1])
        drawn = drawn_batches(task, options.bank, config.seed, SAMPLES)
        made = renormalised(task, made, islice(drawn, BATCHES))
    torch.save(made, options.out)


if __name__ == "__main__":
    main()
