"""RetinaNet in PyTorch, eager: reads weights and image, then runs once for each line it is sent.

    python -m bench.analyse.eager FOLDER THREADS CLOCK

CLOCK is a function of the module time. Writes the seconds of each run, and the outputs of the first
to FOLDER. Needs torch.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from tests.unit.retinanet_torch import forward


def main() -> None:
    """Serve."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(int(sys.argv[2]))
    with np.load(folder / "weights.npz") as weights:
        tensors = {name: torch.from_numpy(weights[name]) for name in weights.files}
    image = np.load(folder / "image.npy")
    clock = getattr(time, sys.argv[3])
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        begun = clock()
        logits, deltas = forward(tensors, image)
        print(clock() - begun, flush=True)
        if not number:
            np.savez(folder / "eager.npz", logits=logits, deltas=deltas)


if __name__ == "__main__":
    main()
