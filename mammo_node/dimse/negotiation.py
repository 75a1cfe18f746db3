"""What is asked for and answered when an association is set up, as values (PS3.8 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

#: DICOM Application Context Name (PS3.7 A.2.1).
APPLICATION_CONTEXT_NAME = "1.2.840.10008.3.1.1.1"
#: Verification SOP Class (PS3.4 A.4).
VERIFICATION = "1.2.840.10008.1.1"
#: Storage Commitment Push Model SOP Class (PS3.4 J.3).
STORAGE_COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
#: Result of an A-ASSOCIATE-RJ (PS3.8 Table 9-21).
_REJECTED_TRANSIENT = 2


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """One proposed presentation context; transfer syntaxes in the requestor's order."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """SCP/SCU Role Selection for one SOP class: the requestor's roles (PS3.7 D.3.3.4)."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2); ``maximum_length`` 0 means that the peer sets no limit."""

    called_ae_title: str
    calling_ae_title: str
    protocol_version: int
    application_context_name: str
    contexts: tuple[ProposedContext, ...]
    maximum_length: int
    implementation_version_name: str
    echo: bytes
    """Octets 11 to 74, which the answer sends back as they came (PS3.8 Table 9-17)."""
    roles: tuple[RoleSelection, ...] = ()


class ContextResult(IntEnum):
    """Result of one presentation context (PS3.8 Table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """The answer to one proposed context; the transfer syntax counts only on acceptance."""

    context_id: int
    result: ContextResult
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """A presentation context in force on an association."""

    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An association is accepted, with one answer for each proposed context, in order."""

    answers: tuple[ContextAnswer, ...]
    roles: tuple[RoleSelection, ...] = ()
    """Roles that the requestor gets, for SOP classes that it asked roles for."""

    def accepted(self, request: AssociationRequest) -> Mapping[int, AcceptedContext]:
        """Return the contexts in force, by presentation context ID."""
        proposed = {context.context_id: context for context in request.contexts}
        return {
            answer.context_id: AcceptedContext(
                proposed[answer.context_id].abstract_syntax, answer.transfer_syntax
            )
            for answer in self.answers
            if answer.result is ContextResult.ACCEPTANCE
        }


class Rejection(Enum):
    """Why an association is rejected: result, source and reason (PS3.8 Table 9-21)."""

    CALLING_AE_TITLE_NOT_RECOGNIZED = (1, 1, 3)
    CALLED_AE_TITLE_NOT_RECOGNIZED = (1, 1, 7)
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = (1, 1, 2)
    PROTOCOL_VERSION_NOT_SUPPORTED = (1, 2, 2)
    TEMPORARY_CONGESTION = (2, 3, 1)
    LOCAL_LIMIT_EXCEEDED = (2, 3, 2)

    @property
    def transient(self) -> bool:
        """Whether the peer may try again later."""
        result: int = self.value[0]
        return result == _REJECTED_TRANSIENT
