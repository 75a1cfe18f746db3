"""What this node accepts, and which answer the rest gets. Pure: values in, values out.

Rules:

* Only SOP classes that the node can say something about are accepted; the others are
  refused in negotiation, not stored and ignored.
* Within one presentation context the first transfer syntax in the requestor's order wins,
  for that is how most senders hold the image: nobody transcodes. But a lossy one is taken
  only where no lossless one is proposed beside it, so that negotiation never costs a pixel.
* A destination that is asked to commit may report on it, and, unless it is a source as well,
  do nothing else. It calls whom we called ourselves.
* Rejections that time heals (no room, no disk) are transient (PS3.8 9.3.4).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pydicom.uid import (
    JPEG2000,
    BreastTomosynthesisImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from mammo_node.config import AETitles, Source
from mammo_node.destination import Destination
from mammo_node.dimse.negotiation import (
    APPLICATION_CONTEXT_NAME,
    STORAGE_COMMITMENT_PUSH_MODEL,
    VERIFICATION,
    Acceptance,
    AssociationRequest,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    Rejection,
    RoleSelection,
)

#: Storage SOP classes (PS3.4 B.5).
STORAGE_SOP_CLASSES: frozenset[str] = frozenset(
    {
        DigitalMammographyXRayImageStorageForPresentation,
        DigitalMammographyXRayImageStorageForProcessing,
        BreastTomosynthesisImageStorage,
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)

_LOSSLESS: frozenset[str] = frozenset(
    {
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGLosslessSV1,
        JPEGLossless,
        JPEGLSLossless,
        JPEG2000Lossless,
        RLELossless,
    }
)
_LOSSY: frozenset[str] = frozenset({JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000})

#: Transfer syntaxes for storage (PS3.5 chapter 10 and annex A).
STORAGE_TRANSFER_SYNTAXES: frozenset[str] = _LOSSLESS | _LOSSY

_PLAIN_TRANSFER_SYNTAXES: frozenset[str] = frozenset(
    {ExplicitVRLittleEndian, ImplicitVRLittleEndian}
)

_PROTOCOL_VERSION_1 = 0x0001
#: PS3.5 9.1: components of digits without leading zeros, at most 64 characters in all.
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+", re.ASCII)
#: PS3.5 6.2, VR AE: the default repertoire without backslash and control characters.
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}", re.ASCII)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_valid_uid(value: str) -> bool:
    """Whether a string is a unique identifier (PS3.5 9.1)."""
    return _UID.fullmatch(value) is not None


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A calling AE title and the networks it may call from; no networks: from anywhere."""

    ae_title: str
    networks: tuple[_Network, ...]

    @classmethod
    def of(cls, source: Source) -> Self:
        """Return the source of a configuration table."""
        networks = (ipaddress.ip_network(a, strict=False) for a in source.addresses)
        return cls(source.ae_title, tuple(networks))

    def matches(self, ae_title: str, address: _Address) -> bool:
        """Whether a peer of this AE title may call from this address."""
        if ae_title != self.ae_title:
            return False
        return not self.networks or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class CommittingPeer:
    """A destination that reports on storage commitment, and the AE title it then calls."""

    ae_title: str
    called_ae_title: str
    destination: str
    """Its name in the configuration."""


@dataclass(frozen=True, slots=True)
class AcceptancePolicy:
    """Who may send what to us."""

    ae_title: str
    sources: tuple[KnownSource, ...]
    accept_unknown_sources: bool = False
    committing: tuple[CommittingPeer, ...] = ()

    @classmethod
    def of(cls, ae_titles: AETitles) -> Self:
        """Return the policy that a configuration asks for."""
        return cls(
            ae_title=ae_titles.local.ae_title,
            sources=tuple(KnownSource.of(source) for source in ae_titles.source),
            accept_unknown_sources=ae_titles.local.accept_unknown_sources,
            committing=tuple(
                CommittingPeer(d.ae_title, d.calling_ae_title or ae_titles.local.ae_title, d.name)
                for d in ae_titles.destination
                if isinstance(d, Destination) and d.commitment
            ),
        )

    def committed_by(self, calling_ae_title: str) -> frozenset[str]:
        """Return the names of the destinations that a peer may report for."""
        return frozenset(p.destination for p in self.committing if p.ae_title == calling_ae_title)

    def negotiate(
        self, request: AssociationRequest, peer_address: str, *, has_room: bool, has_disk: bool
    ) -> Acceptance | Rejection:
        """Answer an association request.

        Parameters
        ----------
        request : AssociationRequest
            What the peer asks for.
        peer_address : str
            Its IP address.
        has_room : bool
            False when the limit of open associations is reached.
        has_disk : bool
            False when the spool is below its watermark.
        """
        rejection = self._reject(request, peer_address)
        if rejection is not None:
            return rejection
        if not has_room:
            return Rejection.LOCAL_LIMIT_EXCEEDED
        # A peer that only verifies learns that we live, also when the disk is full, and one
        # that reports lets files go.
        if not has_disk and not _stores_nothing(request.contexts):
            return Rejection.TEMPORARY_CONGESTION
        may_report = self._may_report(request)
        may_store = self._may_store(request, peer_address)
        answers = tuple(
            answer_context(context, may_store=may_store, may_report=may_report)
            for context in request.contexts
        )
        return Acceptance(answers, _roles(request) if may_report else ())

    def _reject(self, request: AssociationRequest, peer_address: str) -> Rejection | None:
        if not request.protocol_version & _PROTOCOL_VERSION_1:
            return Rejection.PROTOCOL_VERSION_NOT_SUPPORTED
        if request.application_context_name != APPLICATION_CONTEXT_NAME:
            return Rejection.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
        if self._may_report(request):
            return None
        if request.called_ae_title != self.ae_title:
            return Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED
        if not self.knows(request.calling_ae_title, peer_address):
            return Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED
        return None

    def _may_report(self, request: AssociationRequest) -> bool:
        return any(
            (peer.ae_title, peer.called_ae_title)
            == (request.calling_ae_title, request.called_ae_title)
            for peer in self.committing
        )

    def _may_store(self, request: AssociationRequest, peer_address: str) -> bool:
        ours = request.called_ae_title == self.ae_title
        return ours and self.knows(request.calling_ae_title, peer_address)

    def knows(self, calling_ae_title: str, peer_address: str) -> bool:
        """Whether this peer may send: AE title and address of one source fit.

        With ``accept_unknown_sources`` an AE title that no source names may come from
        anywhere; one that is named must still come from its own addresses.
        """
        address = _canonical(peer_address)
        if any(source.matches(calling_ae_title, address) for source in self.sources):
            return True
        named = any(source.ae_title == calling_ae_title for source in self.sources)
        presentable = _AE_TITLE.fullmatch(calling_ae_title) is not None
        return self.accept_unknown_sources and not named and presentable


def answer_context(
    context: ProposedContext, *, may_store: bool = True, may_report: bool = False
) -> ContextAnswer:
    """Answer one proposed presentation context (PS3.8 9.3.3.2)."""
    supported = _transfer_syntaxes_for(context.abstract_syntax)
    chosen = _preferred(t for t in context.transfer_syntaxes if t in supported)
    if not supported:
        result = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif not _is_allowed(context.abstract_syntax, may_store=may_store, may_report=may_report):
        result = ContextResult.USER_REJECTION
    elif chosen is None:
        result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    else:
        result = ContextResult.ACCEPTANCE
    return ContextAnswer(context.context_id, result, chosen or context.transfer_syntaxes[0])


def _is_allowed(abstract_syntax: str, *, may_store: bool, may_report: bool) -> bool:
    if abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL:
        return may_report
    return may_store or abstract_syntax == VERIFICATION


def _roles(request: AssociationRequest) -> tuple[RoleSelection, ...]:
    """Let the peer be SCP of storage commitment, where it asks to: it is we who are the SCU."""
    return tuple(
        RoleSelection(role.sop_class_uid, scu=False, scp=role.scp)
        for role in request.roles
        if role.sop_class_uid == STORAGE_COMMITMENT_PUSH_MODEL
    )


def _preferred(candidates: Iterable[str]) -> str | None:
    in_order = list(candidates)
    lossless = [syntax for syntax in in_order if syntax in _LOSSLESS]
    return next(iter(lossless + in_order), None)


def _transfer_syntaxes_for(abstract_syntax: str) -> frozenset[str]:
    if abstract_syntax in (VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL):
        return _PLAIN_TRANSFER_SYNTAXES
    if abstract_syntax in STORAGE_SOP_CLASSES:
        return STORAGE_TRANSFER_SYNTAXES
    return frozenset()


def _stores_nothing(contexts: Iterable[ProposedContext]) -> bool:
    harmless = (VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL)
    return all(context.abstract_syntax in harmless for context in contexts)


def _canonical(peer_address: str) -> _Address:
    address = ipaddress.ip_address(peer_address)
    mapped = getattr(address, "ipv4_mapped", None)  # a dual-stack socket's form of IPv4
    return mapped if mapped is not None else address
