"""Train any model of the project from its configuration.

    python -m training.train --config training/configs/lesion-detector.toml \
        --bank build/bank --out build/lesion-detector

Seeded; resumes from the checkpoint in the output folder; runs on a GPU if there is one. Leaves
`weights.pt`, `run.json` (configuration, data hash, code version, figures) and `curves.svg`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.begin import read_weights
from training.config import Config
from training.trainer import PRECISIONS, train


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--bank", type=Path, required=True, help="folder made by training.bank")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="end the schedule by the clock")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument(
        "--precision",
        default="float32",
        choices=PRECISIONS,
        help="of convolutions; bfloat16 is faster on processors with AMX and on GPUs",
    )
    parser.add_argument(
        "--init",
        nargs="+",
        default=[],
        metavar="[PART=]FILE",
        help="weights to start from, as far as they fit: of the network, or of a part of it",
    )
    options = parser.parse_args()
    config = Config.read(options.config)
    train(
        config,
        options.bank,
        options.out,
        minutes=options.minutes,
        device=options.device,
        precision=options.precision,
        init=read_weights(options.init),
    )


if __name__ == "__main__":
    main()
