"""The node as a service: readiness, watchdog, drain, and a hardened unit."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import mammo_node
from tests.node_process import NodeProcess, wait_until
from tests.peers import require
from tests.studies import new_study, storescu

UNIT = Path(mammo_node.__file__).parent / "systemd" / "mammo-node.service"


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """READY after start, a sign of life within half the watchdog time, STOPPING at the end."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service_manager:
        service_manager.bind(str(address))
        service_manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "4000000")
        with NodeProcess(tmp_path / "node", []) as node:
            assert b"READY=1" in service_manager.recv(4096)
            assert b"WATCHDOG=1" in service_manager.recv(4096)
            assert node.stop() == 0
            messages = b""
            while b"STOPPING=1" not in messages:
                messages = service_manager.recv(4096)


def test_sigterm_finishes_the_running_study(phantom_files: list[Path], tmp_path: Path):
    """A study that is being analysed at SIGTERM is answered before the node ends with 0."""
    node = NodeProcess(tmp_path / "node", [])
    with node:
        files = new_study(phantom_files, tmp_path / "study")
        assert storescu(node.port, files).returncode == 0
        wait_until(lambda: node.events("study-ready"), "the study is ready")
        wait_until(lambda: node.studies()[0]["job_state"] != "queued", "its analysis has begun")
        assert node.stop() == 0
        assert len(node.events("study-answered")) == 1


def test_unit_is_clean(tmp_path: Path):
    """`systemd-analyze verify` has nothing to say about the unit."""
    unit = tmp_path / "mammo-node.service"
    # The program must exist for the check: any will do.
    program = shutil.which("true") or "/bin/true"
    unit.write_text(UNIT.read_text().replace("/opt/mammo-node/bin/mammo-node", program))
    done = subprocess.run(
        [require("systemd-analyze"), "verify", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_unit_is_hardened():
    """The exposure that systemd computes offline stays under 2.0."""
    done = subprocess.run(
        [require("systemd-analyze"), "security", "--offline=true", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for [^:]+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found.group(1)) < 2.0
