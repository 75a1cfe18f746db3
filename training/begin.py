"""Weights that a network begins with: of another network, or of a part of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor


def read_weights(given: Iterable[str | Path]) -> dict[str, Tensor]:
    """Read the weights of some files by the names that they have in the network.

    Parameters
    ----------
    given
        FILE, or PART=FILE for what becomes the network's part of that name.
    """
    made: dict[str, Tensor] = {}
    for one in given:
        part, _, file = str(one).rpartition("=")
        weights = torch.load(Path(file), weights_only=True, map_location="cpu")
        made |= {f"{part}.{name}" if part else name: value for name, value in weights.items()}
    return made
