"""A real node in a process of its own, as the service runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.ports import free_port

DEADLINE_S = 120.0


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """Return the condition's first true value; fail with what was waited for."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)  # polling interval of a condition, never a fixed wait
    raise AssertionError(f"not within {timeout_s:.0f} s: {what}")


def toml(tables: Mapping[str, Any]) -> str:
    """Write the small TOML that tests need: tables and arrays of tables of plain values."""
    lines: list[str] = []
    for name, content in tables.items():
        for table in content if isinstance(content, list) else [content]:
            lines.append(f"[[{name}]]" if isinstance(content, list) else f"[{name}]")
            lines += [f"{key} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


@dataclass
class NodeProcess:
    """``mammo-node serve`` with a configuration folder and a storage folder below ``root``."""

    root: Path
    destinations: list[dict[str, Any]]
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    local: dict[str, Any] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    def __post_init__(self) -> None:
        self.config = self.root / "conf"
        self.log = self.root / "node.log"
        self.storage = self.root / "storage"
        self.config.mkdir(parents=True, exist_ok=True)
        local = {"bind": "127.0.0.1", "port": self.port, "accept_unknown_sources": True}
        tables = {"local": local | self.local, "destination": self.destinations}
        (self.config / "ae_titles.toml").write_text(toml(tables | {"source": self.sources}))
        settings = {
            "storage": {"folder": str(self.storage), "min_free_mb": 1},
            "completion": {"settle_s": 1.0, "quiet_s": 1.0, "deadline_s": 30.0},
            "retry": {"first_s": 0.5, "max_s": 2.0},
            "log": {"format": "json"},
        }
        for section, values in self.settings.items():
            settings[section] = settings.get(section, {}) | values
        (self.config / "mammo_node.toml").write_text(toml(settings))

    def start(self) -> NodeProcess:
        """Start the process; it may take a while until it listens."""
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mammo_node", "serve", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def wait_listening(self) -> NodeProcess:
        """Return once this process says that it listens; fail with the log if it died.

        An open port proves nothing: a killed node's receivers hold it for a moment more.
        """

        def listening() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return b'"event": "listening"' in log.read()

        wait_until(listening, "the node listens")
        return self

    def kill(self) -> None:
        """Send SIGKILL to the main process; its children must notice by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 60.0) -> int:
        """SIGTERM and wait; return the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another ``mammo-node`` command with this node's configuration."""
        name, *rest = arguments
        return subprocess.run(
            [sys.executable, "-m", "mammo_node", name, "--config", str(self.config), *rest],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def studies(self) -> list[dict[str, Any]]:
        """Return ``mammo-node studies --json``."""
        done = self.command("studies", "--json")
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of one event."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == name]

    def __enter__(self) -> Self:
        self.start().wait_listening()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
