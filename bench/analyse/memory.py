"""Memory of an analysis process over many studies: it must not grow.

    .venv/bin/python -m bench.analyse.memory [--studies 500] [--threads 2] [--mm 0.2]

Phantom studies of ever other women, sizes and looks, eight in turn, are answered by one pipeline in
one process with the shipped models and every kind of output. Resident memory is printed along the
way: what counts is the second half.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.analyse.overhead import SHIPPED, pipeline, request
from bench.analyse.rounds import machine
from mammo_node.outputs import OutputKind
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study

_STUDIES, _LINES = 8, 20


def resident_mb() -> float:
    """Return the resident set size (proc(5), statm)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mm", type=float, default=0.2, help="pixel pitch of the phantoms")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        requests = []
        for seed in range(_STUDIES):
            folder = Path(name) / str(seed)
            write_study(generate_study(seed, pixel_spacing_mm=options.mm), folder)
            requests.append(replace(request(folder), outputs=tuple(OutputKind)))
        pipe = pipeline(Path(name) / "none", SHIPPED, options.threads)
        memory, begun = [], time.monotonic()
        for number in range(1, options.studies + 1):
            pipe.answer(requests[number % _STUDIES])
            memory.append(resident_mb())
            if number % max(1, options.studies // _LINES) == 0:
                pace = (time.monotonic() - begun) / number
                print(f"{number:5d} studies, {memory[-1]:.0f} MB, {pace:.2f} s each", flush=True)
    gc.collect()
    half = len(memory) // 2
    early, late = (max(part) for part in (memory[half // 2 : half], memory[half:]))
    print(
        f"most in the second quarter {early:.0f} MB, in the second half {late:.0f} MB; {machine()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
