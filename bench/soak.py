"""Memory of a running node over many studies: it must not grow.

    .venv/bin/python bench/soak.py [--studies 60]

A real node answers one four-view phantom study (0.1 mm pixels) after another, sent by
DCMTK's storescu under ever new UIDs; resident memory of each of its processes is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mammo_node.dimse.archive import LocalArchive
from mammo_node.phantom import generate_study
from mammo_node.phantom.dicom import write_study
from tests.node_process import NodeProcess
from tests.studies import new_study, storescu

_MB = 1 << 20


def resident_mb(pid: int) -> int:
    """Return the resident set size (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // _MB


def processes(main: int) -> list[int]:
    """Return the node's main process and its children."""
    children = Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split()
    return [main, *map(int, children)]


def soak(folder: Path, studies: int) -> None:
    """Send, wait for the answer, and print memory at the start and every tenth of the way."""
    files = write_study(generate_study(11, look="digital"), folder / "phantom")
    # The report, a presentation state for each image, the overview with and without heatmaps.
    expected = 1 + len(files) + 2
    with LocalArchive(folder / "pacs") as pacs:
        table = {"name": "pacs", "ae_title": "DEMO_PACS", "host": "127.0.0.1", "port": pacs.port}
        settings = {"completion": {"settle_s": 0.2}}
        with NodeProcess(folder / "node", [table], settings=settings) as node:
            began = time.monotonic()
            for number in range(1, studies + 1):
                sent = storescu(node.port, new_study(files, folder / "study"))
                assert sent.returncode == 0, sent.stderr
                stored = pacs.wait_for(lambda o, n=number: len(o) >= expected * n, 120)
                assert len(stored) == expected * number, "a study was not answered"
                if number == 1 or number % max(1, studies // 10) == 0:
                    memory = [resident_mb(pid) for pid in processes(node.process.pid)]
                    pace = (time.monotonic() - began) / number
                    print(f"{number:5d} studies, {pace:.2f} s a study, MB: {memory}", flush=True)


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mammo-node-soak-") as folder:
        soak(Path(folder), options.studies)
    return 0


if __name__ == "__main__":
    sys.exit(main())
