"""The timing benches of the analysis, one after another, each in a process of its own.

    .venv/bin/python -m bench.analyse [--torch PYTHON]

Takes about three quarters of an hour on two quiet cores, most of it for 500 studies and PyTorch.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench.analyse.rounds import machine


def main() -> int:
    """Run them all; a bench that fails does not keep the others from running."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON")
    options = parser.parse_args()
    failed = []
    for name, *rest in (
        ("retinanet", "--torch", options.torch),
        ("preprocessing",),
        ("candidates",),
        ("overhead",),
        ("overhead", "lesion-detector"),
        ("overhead", "--retinanet"),
        ("overhead", "--retinanet", "--quicker"),
        ("memory",),
    ):
        print(f"\n## {name} {' '.join(rest)} ({machine()})", flush=True)
        done = subprocess.run([sys.executable, "-m", f"bench.analyse.{name}", *rest], check=False)
        failed += [name] if done.returncode else []
    print(f"failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
