"""``mammo-node demo``: a phantom study in, results out, on this machine."""

from __future__ import annotations

import argparse

from mammo_node import demo, log


def run(options: argparse.Namespace) -> int:
    """Run the demonstration and name what it left."""
    log.configure("error")
    print("A phantom study goes to a node and its results to a small local PACS.")
    print("Research use only: not a medical device.\n")
    summary = demo.run(options.out, options.seed, print)
    print(f"\nimages    {options.out / 'study'}")
    print(f"results   {options.out / 'pacs'}")
    print(f"summary   {summary.resolve().as_uri()}")
    return 0
