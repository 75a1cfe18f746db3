"""Probing a DICOMweb server: reach it, credentials, STOW-RS, QIDO-RS."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

from mammo_node.deliver.credentials import authorization
from mammo_node.deliver.qido import has_instance
from mammo_node.destination import WebDestination
from mammo_node.errors import CredentialsUnavailable
from mammo_node.probe.steps import Step, Verdict
from mammo_node.probe.storing import find, store
from mammo_node.probe.test_object import TestObject

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WebProbe:
    """A probe of one DICOMweb server.

    Parameters
    ----------
    destination : WebDestination
        The server.
    test : TestObject
        What is stored.
    environment : mapping
        Environment variables, for secrets.
    pause : callable
        Waits so many seconds.
    """

    destination: WebDestination
    test: TestObject
    environment: Mapping[str, str]
    pause: Callable[[float], object]

    def steps(self) -> Iterator[Step]:
        """Yield the steps as they are done; what cannot be tried any more is left out."""
        for step in (self._connect(), self._credentials()):
            yield step
            if step.verdict is Verdict.FAILED:
                return
        # Of the SOP classes only that of the test object can be tried: nothing is negotiated.
        stored = store(self.destination, "", self.test, needed=True)
        yield stored
        if stored.verdict is Verdict.OK:
            yield find(
                lambda: has_instance(
                    self.destination,
                    self.test.study_instance_uid,
                    self.test.sop_instance_uid,
                    self.environment,
                ),
                self.pause,
            )

    def _connect(self) -> Step:
        parts, started = urlsplit(self.destination.url), monotonic()
        address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        try:
            timeout_s = self.destination.connect_timeout_s
            socket.create_connection(address, timeout=timeout_s).close()
        except OSError as error:
            detail = f"{address[0]}:{address[1]}: {error.strerror or error}"
            return Step("connect", Verdict.FAILED, detail, "Check url and firewall.")
        return Step("connect", Verdict.OK, f"TCP in {(monotonic() - started) * 1000:.0f} ms")

    def _credentials(self) -> Step:
        try:
            found = authorization(self.destination, self.environment)
        except CredentialsUnavailable as error:
            advice = "The node must be able to read it: check the path and who may read."
            return Step("credentials", Verdict.FAILED, str(error), advice)
        if found is None:
            return Step("credentials", Verdict.OK, "none configured")
        kind, _, _ = found.partition(" ")
        if self.destination.exposes_secret:
            detail = f"{kind}: over http they cross the network in the clear"
            return Step("credentials", Verdict.FAILED, detail, "Use https.")
        return Step("credentials", Verdict.OK, f"{kind}, readable")
