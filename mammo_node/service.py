"""Talking to systemd: readiness, status text and the watchdog (sd_notify(3)).

Without NOTIFY_SOCKET in the environment every call does nothing, so that the same code
runs under systemd, in a container and on a terminal.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """The supervisor that started us, if any."""

    address: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read NOTIFY_SOCKET."""
        return cls(address=environment.get("NOTIFY_SOCKET") or None)

    def ready(self, status: str) -> None:
        """Say that start-up is complete."""
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """Feed the watchdog and show what is going on in ``systemctl status``."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """Say that a clean stop has begun."""
        self._send("STOPPING=1\nSTATUS=draining")

    def _send(self, message: str) -> None:
        if self.address is None:
            return
        # A leading @ names the abstract namespace.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                sender.sendto(message.encode(), address)
            except OSError:
                # A supervisor that went away must not take the node with it.
                return
