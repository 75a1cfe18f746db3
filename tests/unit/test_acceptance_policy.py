"""What is accepted, from whom, in which transfer syntax: the pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    JPEG2000,
    BreastTomosynthesisImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from mammo_node.config import AETitles, Destination, Local, Source
from mammo_node.dimse.negotiation import (
    APPLICATION_CONTEXT_NAME,
    STORAGE_COMMITMENT_PUSH_MODEL,
    Acceptance,
    AssociationRequest,
    ContextResult,
    ProposedContext,
    Rejection,
    RoleSelection,
)
from mammo_node.receive.acceptance import (
    STORAGE_SOP_CLASSES,
    STORAGE_TRANSFER_SYNTAXES,
    VERIFICATION,
    AcceptancePolicy,
    answer_context,
    is_valid_uid,
)

MG = DigitalMammographyXRayImageStorageForPresentation
RAW = DigitalMammographyXRayImageStorageForProcessing
POLICY = AcceptancePolicy.of(
    AETitles(
        source=(
            Source(ae_title="ROOM_1", addresses=("10.1.2.0/24", "2001:db8::/32")),
            Source(ae_title="PACS"),
        )
    )
)


def ask(**changes: object) -> AssociationRequest:
    values: dict[str, object] = {
        "called_ae_title": "MAMMO_AI",
        "calling_ae_title": "ROOM_1",
        "protocol_version": 1,
        "application_context_name": APPLICATION_CONTEXT_NAME,
        "contexts": (ProposedContext(1, MG, (ExplicitVRLittleEndian,)),),
        "maximum_length": 16384,
        "implementation_version_name": "",
        "echo": bytes(64),
    }
    return AssociationRequest(**{**values, **changes})


def negotiate(
    request: AssociationRequest, address: str = "10.1.2.3", *, room: bool = True, disk: bool = True
) -> Acceptance | Rejection:
    return POLICY.negotiate(request, address, has_room=room, has_disk=disk)


def test_known_source_from_its_network_is_accepted() -> None:
    """A configured AE title calling from a configured network gets in."""
    assert isinstance(negotiate(ask()), Acceptance)


@pytest.mark.parametrize("address", ["10.1.2.255", "::ffff:10.1.2.3", "2001:db8::7"])
def test_addresses_are_networks_not_strings(address: str) -> None:
    """IPv6, and IPv4 as a dual-stack socket reports it, are compared as addresses."""
    assert isinstance(negotiate(ask(), address), Acceptance)


def test_source_without_addresses_may_call_from_anywhere() -> None:
    """An empty address list means any address."""
    assert isinstance(negotiate(ask(calling_ae_title="PACS"), "192.0.2.1"), Acceptance)


@pytest.mark.parametrize(
    ("changes", "address", "rejection"),
    [
        ({"called_ae_title": "OTHER"}, "10.1.2.3", Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED),
        ({"called_ae_title": "mammo_ai"}, "10.1.2.3", Rejection.CALLED_AE_TITLE_NOT_RECOGNIZED),
        ({"calling_ae_title": "ROOM_2"}, "10.1.2.3", Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED),
        ({"calling_ae_title": ""}, "10.1.2.3", Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED),
        ({}, "10.1.3.3", Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED),
        ({}, "::1", Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED),
        ({"protocol_version": 2}, "10.1.2.3", Rejection.PROTOCOL_VERSION_NOT_SUPPORTED),
        (
            {"application_context_name": "1.2.3"},
            "10.1.2.3",
            Rejection.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
        ),
    ],
)
def test_strangers_are_rejected_with_the_standard_reason(
    changes: dict[str, object], address: str, rejection: Rejection
) -> None:
    """Each thing that is wrong has its own A-ASSOCIATE-RJ reason, and it is permanent."""
    answer = negotiate(ask(**changes), address)
    assert answer is rejection
    assert not rejection.transient


def test_protocol_version_is_a_bit_field() -> None:
    """A peer that speaks later versions too is accepted (PS3.8 9.3.2: test bit 0 only)."""
    assert isinstance(negotiate(ask(protocol_version=3)), Acceptance)


def test_no_room_and_no_disk_are_transient() -> None:
    """What time heals is rejected as transient, so that senders come back."""
    assert negotiate(ask(), room=False) is Rejection.LOCAL_LIMIT_EXCEEDED
    assert negotiate(ask(), disk=False) is Rejection.TEMPORARY_CONGESTION
    assert Rejection.LOCAL_LIMIT_EXCEEDED.transient
    assert Rejection.TEMPORARY_CONGESTION.transient


def test_strangers_learn_nothing_of_our_load() -> None:
    """The permanent reason comes first: an unknown peer is not told to try again."""
    answer = negotiate(ask(calling_ae_title="X"), room=False, disk=False)
    assert answer is Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED


def test_echo_works_on_a_full_disk() -> None:
    """Monitoring by C-ECHO sees a node that is alive, though it takes no images."""
    echo = (ProposedContext(1, VERIFICATION, (ImplicitVRLittleEndian,)),)
    assert isinstance(negotiate(ask(contexts=echo), disk=False), Acceptance)


def test_unknown_sources_may_be_let_in_but_not_under_a_known_title() -> None:
    """accept_unknown_sources opens the door, yet a named AE title keeps its addresses."""
    policy = AcceptancePolicy.of(
        AETitles(
            local=Local(accept_unknown_sources=True),
            source=(Source(ae_title="ROOM_1", addresses=("10.1.2.3",)),),
        )
    )
    assert policy.knows("ANYBODY", "192.0.2.9")
    assert policy.knows("ROOM_1", "10.1.2.3")
    assert not policy.knows("ROOM_1", "192.0.2.9")
    assert not policy.knows("", "192.0.2.9")
    assert not policy.knows("A\ufffdB", "192.0.2.9")


@pytest.mark.parametrize("syntax", sorted(STORAGE_TRANSFER_SYNTAXES))
@pytest.mark.parametrize("sop_class", sorted(STORAGE_SOP_CLASSES))
def test_each_storage_class_takes_each_syntax(sop_class: str, syntax: str) -> None:
    """A context with one supported syntax is accepted with it."""
    answer = answer_context(ProposedContext(7, sop_class, (ExplicitVRBigEndian, syntax)))
    assert (answer.context_id, answer.result, answer.transfer_syntax) == (
        7,
        ContextResult.ACCEPTANCE,
        syntax,
    )


def test_what_is_taken_is_what_the_conformance_statement_says() -> None:
    """Mammography, tomosynthesis, Secondary Capture; all syntaxes with a decoder."""
    assert {MG, RAW, BreastTomosynthesisImageStorage, SecondaryCaptureImageStorage} < set(
        STORAGE_SOP_CLASSES
    )
    assert set(STORAGE_TRANSFER_SYNTAXES) == {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGLosslessSV1,
        JPEGLossless,
        JPEGExtended12Bit,
        JPEGLSLossless,
        JPEGLSNearLossless,
        JPEG2000Lossless,
        JPEG2000,
        RLELossless,
    }


@pytest.mark.parametrize(
    ("abstract_syntax", "syntaxes", "result"),
    [
        (CTImageStorage, (ExplicitVRLittleEndian,), ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED),
        ("garbage", ("garbage",), ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED),
        (MG, (ExplicitVRBigEndian,), ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
        (VERIFICATION, (JPEG2000,), ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED),
    ],
)
def test_the_rest_is_refused_in_negotiation(
    abstract_syntax: str, syntaxes: tuple[str, ...], result: ContextResult
) -> None:
    """What the node can say nothing about is not taken in the first place."""
    assert answer_context(ProposedContext(1, abstract_syntax, syntaxes)).result is result


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ((JPEGLosslessSV1, ExplicitVRLittleEndian), JPEGLosslessSV1),
        ((ImplicitVRLittleEndian, ExplicitVRLittleEndian), ImplicitVRLittleEndian),
        ((JPEG2000, JPEGExtended12Bit, ImplicitVRLittleEndian), ImplicitVRLittleEndian),
        ((JPEGLSNearLossless, JPEG2000), JPEGLSNearLossless),
    ],
)
def test_requestors_order_wins_but_lossless_first(proposed: tuple[str, ...], chosen: str) -> None:
    """The requestor's first lossless syntax; a lossy one only when nothing else is offered."""
    assert answer_context(ProposedContext(1, MG, proposed)).transfer_syntax == chosen


@pytest.mark.parametrize("uid", ["1.2", "1.0.3", "2.25." + "9" * 59, MG])
def test_uids_of_the_standard_are_valid(uid: str) -> None:
    """PS3.5 9.1: up to 64 characters, components without leading zeros."""
    assert is_valid_uid(uid)


@pytest.mark.parametrize(
    "uid", ["", "1", "../../x", "1..2", ".1.2", "1.2.", "1.02", "1.2\n", "1.2.٣", "1." + "9" * 63]
)
def test_other_strings_are_no_uids(uid: str) -> None:
    """Nothing else passes: not a path, not a newline, not another script's digits."""
    assert not is_valid_uid(uid)


@given(st.text(max_size=70))
def test_a_valid_uid_is_digits_and_dots(text: str) -> None:
    """Whatever passes is harmless in a path, a query and a log line."""
    assert not is_valid_uid(text) or set(text) <= set("0123456789.")


COMMITTING = AcceptancePolicy.of(
    AETitles(
        source=(Source(ae_title="BOTH"),),
        destination=tuple(
            Destination.model_validate(
                {"name": name.lower(), "ae_title": name, "host": "h", "port": 104, **settings}
            )
            for name, settings in (
                ("ARCHIVE", {"commitment": True}),
                ("BOTH", {"commitment": True}),
                ("OTHER", {"commitment": True, "calling_ae_title": "RESULTS"}),
                ("VIEWER", {}),
            )
        ),
    )
)
REPORT_AND_STORE = (
    ProposedContext(1, STORAGE_COMMITMENT_PUSH_MODEL, (ImplicitVRLittleEndian,)),
    ProposedContext(3, MG, (ExplicitVRLittleEndian,)),
    ProposedContext(5, VERIFICATION, (ImplicitVRLittleEndian,)),
)


@pytest.mark.parametrize(
    ("calling", "called", "accepted"),
    [
        ("ARCHIVE", "MAMMO_AI", [1, 5]),
        ("BOTH", "MAMMO_AI", [1, 3, 5]),
        ("OTHER", "RESULTS", [1, 5]),
        ("OTHER", "MAMMO_AI", None),
        ("ARCHIVE", "RESULTS", None),
        ("VIEWER", "MAMMO_AI", None),
        ("STRANGER", "MAMMO_AI", None),
    ],
)
def test_who_may_report_and_who_may_store(
    calling: str, called: str, accepted: list[int] | None
) -> None:
    """A destination that is asked to commit may report to whom we were; a source may store."""
    request = ask(calling_ae_title=calling, called_ae_title=called, contexts=REPORT_AND_STORE)
    answer = COMMITTING.negotiate(request, "10.9.9.9", has_room=True, has_disk=True)
    if accepted is None:
        assert isinstance(answer, Rejection)
    else:
        assert isinstance(answer, Acceptance)
        assert sorted(answer.accepted(request)) == accepted


def test_a_source_may_not_report() -> None:
    """Storage commitment is refused to who is not asked for it, as a matter of rights."""
    answer = negotiate(ask(contexts=REPORT_AND_STORE))
    assert isinstance(answer, Acceptance)
    results = [context.result for context in answer.answers]
    assert results == [
        ContextResult.USER_REJECTION,
        ContextResult.ACCEPTANCE,
        ContextResult.ACCEPTANCE,
    ]


def test_roles_are_answered_for_commitment_alone() -> None:
    """The peer may be its SCP and never its SCU; other SOP classes keep the default roles."""
    roles = (
        RoleSelection(STORAGE_COMMITMENT_PUSH_MODEL, scu=True, scp=True),
        RoleSelection(MG, scu=True, scp=True),
    )
    request = ask(calling_ae_title="ARCHIVE", contexts=REPORT_AND_STORE, roles=roles)
    answer = COMMITTING.negotiate(request, "10.9.9.9", has_room=True, has_disk=True)
    assert isinstance(answer, Acceptance)
    assert answer.roles == (RoleSelection(STORAGE_COMMITMENT_PUSH_MODEL, scu=False, scp=True),)


def test_a_full_disk_keeps_no_report_out() -> None:
    """A report lets files go: it is taken when nothing else is."""
    for contexts, taken in ((REPORT_AND_STORE[:1], True), (REPORT_AND_STORE, False)):
        request = ask(calling_ae_title="BOTH", contexts=contexts)
        answer = COMMITTING.negotiate(request, "10.9.9.9", has_room=True, has_disk=False)
        assert isinstance(answer, Acceptance) is taken
