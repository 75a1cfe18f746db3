"""Average the weights of runs that started from the same ones: often better than any of them.

    python -m training.average --weights a/weights.pt b/weights.pt --out weights.pt

Wortsman et al., "Model soups" (2022): runs that share their beginning lie in one basin, and the
middle of it transfers better to images unlike those trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor


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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    states = [torch.load(path, weights_only=True) for path in options.weights]
    torch.save(average(states), options.out)


if __name__ == "__main__":
    main()
