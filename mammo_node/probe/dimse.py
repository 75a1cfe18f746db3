"""Probing a Storage SCP: reach it, verify, negotiate every output, store, find, commit."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import monotonic

from pydicom.uid import UID

from mammo_node.deliver.conversion import syntaxes_for
from mammo_node.destination import Destination, TransferSyntax
from mammo_node.dimse.client import echo
from mammo_node.dimse.negotiation import STORAGE_COMMITMENT_PUSH_MODEL
from mammo_node.dimse.offer import accepted_syntaxes
from mammo_node.dimse.query import STUDY_ROOT_FIND, has_instance
from mammo_node.errors import AssociationRejected, DeliveryError, DeliveryRefused
from mammo_node.outputs import OutputKind
from mammo_node.probe.kinds import SOP_CLASSES
from mammo_node.probe.round_trip import RoundTrip
from mammo_node.probe.steps import Step, Verdict
from mammo_node.probe.storing import find, store
from mammo_node.probe.test_object import TestObject

_Accepted = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DimseProbe:
    """A probe of one Storage SCP.

    Parameters
    ----------
    destination : Destination
        The peer.
    calling_ae_title : str
        Ours.
    test : TestObject
        What is stored.
    round_trip : RoundTrip
        How a commitment is asked for and its report waited for.
    pause : callable
        Waits so many seconds.
    """

    destination: Destination
    calling_ae_title: str
    test: TestObject
    round_trip: RoundTrip
    pause: Callable[[float], object]

    def steps(self) -> Iterator[Step]:
        """Yield the steps as they are done; what cannot be tried any more is left out."""
        reached = self._connect()
        yield reached
        if reached.verdict is not Verdict.OK:
            return
        verified, associated = self._verify()
        yield verified
        if not associated:
            return
        accepted = self._accepted()
        if isinstance(accepted, Step):
            yield accepted
            return
        yield from (self._output(kind, accepted) for kind in self.destination.outputs)
        yield from self._store_and_find(accepted)

    def _connect(self) -> Step:
        destination, started = self.destination, monotonic()
        address = (destination.host, destination.port)
        try:
            socket.create_connection(address, timeout=destination.connect_timeout_s).close()
        except OSError as error:
            detail = f"{destination.host}:{destination.port}: {error.strerror or error}"
            advice = "Check host, port and firewall, and that the peer runs."
            return Step("connect", Verdict.FAILED, detail, advice)
        return Step("connect", Verdict.OK, f"TCP in {_ms(started)}")

    def _verify(self) -> tuple[Step, bool]:
        try:
            seconds = echo(self.destination, self.calling_ae_title)
        except DeliveryRefused as error:
            # Verification is the one SOP class that every SCP should offer; results need it not.
            return Step("verify (C-ECHO)", Verdict.NOT_SUPPORTED, str(error)), True
        except DeliveryError as error:
            return Step("verify (C-ECHO)", Verdict.FAILED, str(error), self._advice(error)), False
        return Step("verify (C-ECHO)", Verdict.OK, f"answered in {seconds * 1000:.0f} ms"), True

    def _advice(self, error: DeliveryError) -> str:
        text = str(error).lower()
        if isinstance(error, AssociationRejected) and "calling ae" in text:
            return f"Register the AE title {self.calling_ae_title} with our address at the peer."
        if isinstance(error, AssociationRejected) and "called ae" in text:
            return f"The peer does not answer to {self.destination.ae_title}: correct ae_title."
        return "The peer's log says why."

    def _accepted(self) -> _Accepted | Step:
        wanted = [
            (SOP_CLASSES[kind], syntax)
            for kind in self.destination.outputs
            for syntax in self._syntaxes(SOP_CLASSES[kind])
        ]
        plain = TransferSyntax.IMPLICIT.uid
        extra = [(self.test.sop_class_uid, plain), (STUDY_ROOT_FIND, plain)]
        extra.append((STORAGE_COMMITMENT_PUSH_MODEL, plain))
        offered = dict.fromkeys(wanted + extra)
        try:
            return accepted_syntaxes(self.destination, self.calling_ae_title, offered)
        except DeliveryError as error:
            return Step("negotiate", Verdict.FAILED, str(error), self._advice(error))

    def _syntaxes(self, sop_class_uid: str) -> tuple[str, ...]:
        own = syntaxes_for(sop_class_uid, self.destination.transfer_syntaxes)
        return tuple(dict.fromkeys((*own, TransferSyntax.IMPLICIT.uid)))

    def _output(self, kind: OutputKind, accepted: _Accepted) -> Step:
        sop_class_uid = SOP_CLASSES[kind]
        name = f"accept {kind.value}"
        syntaxes = accepted.get(sop_class_uid, ())
        title = f"{UID(sop_class_uid).name} ({sop_class_uid})"
        if syntaxes:
            return Step(name, Verdict.OK, f"{title} in {', '.join(UID(s).name for s in syntaxes)}")
        advice = f"Let the peer accept this SOP class from us, or take {kind.value} out of outputs."
        return Step(name, Verdict.FAILED, f"{title}: not accepted", advice)

    def _store_and_find(self, accepted: _Accepted) -> Iterator[Step]:
        needed = OutputKind.OVERVIEW in self.destination.outputs
        stored = store(self.destination, self.calling_ae_title, self.test, needed=needed)
        yield stored
        if stored.verdict is not Verdict.OK:
            return
        test = self.test
        yield find(
            lambda: has_instance(
                self.destination,
                self.calling_ae_title,
                test.study_instance_uid,
                test.series_instance_uid,
                test.sop_instance_uid,
            ),
            self.pause,
        )
        yield self._commit(offered=STORAGE_COMMITMENT_PUSH_MODEL in accepted)

    def _commit(self, *, offered: bool) -> Step:
        name = "storage commitment"
        if not self.destination.commitment:
            what = "offered by the peer" if offered else "not offered by the peer"
            advice = "Set commitment = true to have results committed to." if offered else ""
            return Step(name, Verdict.NOT_TRIED, f"{what}; not asked for", advice)
        if not offered:
            advice = "Enable it at the peer for our AE title, or set commitment = false."
            return Step(name, Verdict.FAILED, "not offered by the peer", advice)
        return self.round_trip.run(self.destination, self.calling_ae_title, self.test)


def _ms(started: float) -> str:
    return f"{(monotonic() - started) * 1000:.0f} ms"
