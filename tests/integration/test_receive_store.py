"""C-STORE over a real socket: what is answered, and what lies in the spool afterwards."""

from __future__ import annotations

import os
import subprocess
import zlib
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pydicom
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mammo_node.dimse.pdu import COMMAND, LAST, PduType
from mammo_node.errors import OutOfResources
from mammo_node.journal.spool import IncomingFile, Spool
from mammo_node.receive import dataset_header
from mammo_node.receive.acceptance import STORAGE_TRANSFER_SYNTAXES, AcceptancePolicy, KnownSource
from mammo_node.vocabulary import Laterality, View
from tests.receiving import (
    CALLED,
    CALLING,
    CT,
    MG,
    Peer,
    Reception,
    echo_command,
    encode,
    encoded_mammogram,
    mammogram,
    pdv,
    reception,
    sha256,
    store_command,
    store_message,
    until,
)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Reception]:
    """A server that takes from ROOM_1."""
    with reception(tmp_path) as running:
        yield running


def test_what_is_acknowledged_is_durable_and_journaled(receiver: Reception) -> None:
    """0000 means: a whole DICOM file under our own name, and a row that describes it."""
    content = encoded_mammogram("2.25.77")
    with receiver.peer() as peer:
        assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
        assert peer.store(content, "2.25.77") == (0x0000, "")
        (instance,) = receiver.journal.instances
        assert receiver.files() == [instance.path]
        assert peer.release() == PduType.A_RELEASE_RP
    assert instance.ref.content_hash == sha256(content)
    assert instance.path.read_bytes().endswith(content)
    assert instance.size_bytes == instance.path.stat().st_size
    assert instance.summary.laterality is Laterality.LEFT
    assert instance.summary.view is View.CC
    assert instance.summary.standard
    assert (instance.calling_ae_title, instance.called_ae_title) == (CALLING, CALLED)
    assert instance.peer_address == "127.0.0.1"
    assert "77" not in instance.path.name or "2.25" not in instance.path.name
    read = pydicom.dcmread(instance.path)
    assert read.file_meta.MediaStorageSOPInstanceUID == "2.25.77"
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert len(read.PixelData) == 4096


def test_release_is_told_to_the_journal_with_the_studies(receiver: Reception) -> None:
    """The study clock learns who is done with which study, and whether it was cut off."""
    with receiver.peer() as peer:
        peer.associate()
        peer.store(encoded_mammogram("2.25.1"), "2.25.1")
        peer.store(encoded_mammogram("2.25.2", StudyInstanceUID="2.25.9"), "2.25.2")
        peer.release()
    receiver.quiet()
    with receiver.peer() as peer:
        peer.associate()
        peer.store(encoded_mammogram("2.25.3"), "2.25.3")
    receiver.quiet()
    assert receiver.journal.releases == [
        (CALLING, frozenset({"2.25.1", "2.25.9"}), False),
        (CALLING, frozenset({"2.25.1"}), True),
    ]


def test_an_echo_tells_the_journal_nothing(receiver: Reception) -> None:
    """C-ECHO succeeds and leaves no trace."""
    with receiver.peer() as peer:
        peer.associate()
        assert peer.echo() == 0x0000
        assert peer.release() == PduType.A_RELEASE_RP
    receiver.quiet()
    assert receiver.journal.releases == []


def test_identical_duplicate_is_success_without_a_second_file(receiver: Reception) -> None:
    """Sending again is normal: 0000, and nothing is kept twice."""
    content = encoded_mammogram("2.25.77")
    with receiver.peer() as peer:
        peer.associate()
        assert peer.store(content, "2.25.77")[0] == 0x0000
        before = receiver.files()
        assert peer.store(content, "2.25.77")[0] == 0x0000
    assert receiver.files() == before


def test_same_uid_with_other_content_is_kept_and_refused(
    receiver: Reception, capfd: pytest.CaptureFixture[str]
) -> None:
    """0111, both files kept, one line for the operator; a third time leaves no third file."""
    changed = encoded_mammogram("2.25.77", ViewPosition="MLO")
    with receiver.peer() as peer:
        peer.associate()
        peer.store(encoded_mammogram("2.25.77"), "2.25.77")
        status, comment = peer.store(changed, "2.25.77")
        assert status == 0x0111
        assert "came before" in comment
        assert len(receiver.files()) == 2
        assert peer.store(changed, "2.25.77")[0] == 0x0111
        assert len(receiver.files()) == 2
    receiver.quiet()
    captured = capfd.readouterr()
    assert "instance-refused" in captured.out + captured.err
    assert "Phantom" not in captured.out + captured.err


@pytest.mark.parametrize("fragment", [1, 7, 999, 16378, 131066])
def test_any_fragment_size_gives_the_same_bytes(receiver: Reception, fragment: int) -> None:
    """Odd and tiny fragments are put together exactly."""
    content = encoded_mammogram("2.25.77", pixels=1 << 20 if fragment > 100 else 4096)
    with receiver.peer() as peer:
        peer.associate()
        assert peer.store(content, "2.25.77", fragment=fragment)[0] == 0x0000
    assert receiver.journal.instances[0].ref.content_hash == sha256(content)


def test_several_fragments_in_one_pdu(receiver: Reception) -> None:
    """A command set in two PDVs and a dataset in two more, all in one P-DATA-TF."""
    content, command = encoded_mammogram("2.25.77"), store_command("2.25.77")
    parts = [(command[:9], COMMAND), (command[9:], COMMAND | LAST), (content[:5], 0), (b"", 0)]
    values = b"".join(pdv(1, part, control)[6:] for part, control in parts)
    values += pdv(1, content[5:], LAST)[6:]
    with receiver.peer() as peer:
        peer.associate()
        peer.send(b"\x04\0" + len(values).to_bytes(4, "big") + values)
        assert peer.response()[0] == 0x0000
    assert receiver.journal.instances[0].ref.content_hash == sha256(content)


def test_next_request_may_come_before_the_answer(receiver: Reception) -> None:
    """Two messages sent at once are answered one after the other."""
    with receiver.peer() as peer:
        peer.associate()
        both = [*store_message(encoded_mammogram("2.25.1"), "2.25.1")]
        both += store_message(encoded_mammogram("2.25.2"), "2.25.2")
        peer.send(b"".join(both))
        assert [peer.response()[0], peer.response()[0]] == [0x0000, 0x0000]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"SOPInstanceUID": "2.25.78"}, 0xA900, "differ"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, 0xA900, "differ"),
        ({"SOPInstanceUID": None}, 0xC000, "SOPInstanceUID of the dataset is missing"),
        ({"SOPClassUID": None}, 0xC000, "SOPClassUID of the dataset is missing"),
        ({"StudyInstanceUID": None}, 0xC000, "StudyInstanceUID of the dataset is missing"),
        ({"StudyInstanceUID": ""}, 0xC000, "StudyInstanceUID of the dataset is missing"),
        ({"SeriesInstanceUID": "../../x"}, 0xC000, "not a valid UID"),
    ],
)
def test_datasets_that_contradict_or_do_not_say_who_they_are(
    receiver: Reception, changes: dict[str, object], status: int, words: str
) -> None:
    """The status names the fault, the comment says it, nothing is kept, the next one works."""
    with receiver.peer() as peer:
        peer.associate()
        answer, comment = peer.store(encoded_mammogram("2.25.77", **changes), "2.25.77")
        assert answer == status
        assert words in comment
        assert receiver.files() == []
        assert peer.store(encoded_mammogram("2.25.79"), "2.25.79")[0] == 0x0000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"\xff" * 1000,
        os.urandom(1000),
        b"\x08\0\x05\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff" * 300,
        b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 2000,
        encoded_mammogram("2.25.77")[:-1],
        encoded_mammogram("2.25.77")[:60],
    ],
)
def test_bytes_that_are_no_dataset_are_answered_c000(receiver: Reception, content: bytes) -> None:
    """Empty, random, truncated and endlessly nested datasets cost an answer, not the node."""
    with receiver.peer() as peer:
        peer.associate()
        assert peer.store(content, "2.25.77")[0] == 0xC000
        assert receiver.files() == []
        assert peer.echo() == 0x0000


@pytest.mark.parametrize("uid", ["../../x", "", "1.2.3/../../../etc/passwd", "1" * 65])
def test_a_uid_that_is_a_path_is_refused(receiver: Reception, uid: str) -> None:
    """Affected SOP Instance UID must be one, before a byte of the dataset is kept."""
    with receiver.peer() as peer:
        peer.associate()
        status, comment = peer.store(encoded_mammogram("2.25.77"), uid)
        assert status == 0xC000
        assert "valid UID" in comment
    assert receiver.files() == []


def test_sop_classes_that_do_not_belong_here(receiver: Reception) -> None:
    """0122 for a class that is not storage, or not the presentation context's."""
    content = encoded_mammogram("2.25.77")
    with receiver.peer() as peer:
        peer.associate()
        assert peer.store(content, "2.25.77", sop_class=CT)[0] == 0x0122
        assert peer.store(content, "2.25.77", context_id=3)[0] == 0x0122
    assert receiver.files() == []


def test_store_without_a_dataset(receiver: Reception) -> None:
    """A C-STORE-RQ that says it has no dataset is answered, and the association goes on."""
    with receiver.peer() as peer:
        peer.associate()
        peer.send(pdv(1, store_command("2.25.77", has_dataset=False), COMMAND | LAST))
        assert peer.response()[0] == 0xC000
        assert peer.echo() == 0x0000
    assert receiver.files() == []


def test_other_operations_are_answered_0211(receiver: Reception) -> None:
    """A C-FIND gets 'unrecognized operation', not silence."""
    with receiver.peer() as peer:
        peer.associate()
        peer.send(pdv(3, echo_command(0x0020), COMMAND | LAST))
        assert peer.response()[0] == 0x0211
        assert peer.echo() == 0x0000


def test_cancel_has_no_response(receiver: Reception) -> None:
    """C-CANCEL-RQ is taken silently (PS3.7 9.3.2.3)."""
    with receiver.peer() as peer:
        peer.associate()
        peer.send(pdv(3, echo_command(0x0FFF), COMMAND | LAST))
        assert peer.echo() == 0x0000


def test_implicit_and_deflated_are_written_as_they_came(tmp_path: Path) -> None:
    """The file says the negotiated syntax, and reads back in it."""
    plain = encoded_mammogram("2.25.2")
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(plain) + deflater.flush()
    with reception(tmp_path) as receiver, receiver.peer() as peer:
        peer.associate(
            [(1, MG, ["1.2.840.10008.1.2"]), (5, MG, [str(DeflatedExplicitVRLittleEndian)])]
        )
        implicit = encode(mammogram("2.25.1"), implicit=True)
        assert peer.store(implicit, "2.25.1", context_id=1)[0] == 0x0000
        assert peer.store(deflated, "2.25.2", context_id=5)[0] == 0x0000
        assert peer.store(b"\xff" * 99, "2.25.3", context_id=5)[0] == 0xC000
        for instance in receiver.journal.instances:
            read = pydicom.dcmread(instance.path)
            assert read.SOPInstanceUID == instance.ref.sop_instance_uid
            assert read.file_meta.TransferSyntaxUID == instance.transfer_syntax_uid
            assert instance.summary.view is View.CC


def test_a_deflated_bomb_is_read_only_so_far(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small deflated dataset of endless elements ends at the header limit."""
    monkeypatch.setattr(dataset_header, "HEADER_LIMIT", 1 << 20)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    element = b"\x09\0\x10\0UN\0\0\0\0\x01\0" + bytes(1 << 16)
    bomb = deflater.compress(element * 64) + deflater.flush()
    with receiver.peer() as peer:
        peer.associate([(1, MG, [str(DeflatedExplicitVRLittleEndian)])])
        assert peer.store(bomb, "2.25.77")[0] == 0xC000


def test_a_header_of_endless_elements_is_refused(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header is read up to a limit, however many elements a peer puts there."""
    monkeypatch.setattr(dataset_header, "HEADER_LIMIT", 1 << 13)
    items = [pydicom.Dataset() for _ in range(2000)]
    ds = mammogram("2.25.77", ReferencedImageSequence=Sequence(items))
    ds["ReferencedImageSequence"].is_undefined_length = True
    with receiver.peer() as peer:
        peer.associate()
        status, comment = peer.store(encode(ds), "2.25.77")
        assert (status, comment) == (0xC000, "the header is larger than any mammogram's")


def test_long_private_values_are_skipped_not_read(
    receiver: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor's megabytes before the pixel data do not count against the header."""
    monkeypatch.setattr(dataset_header, "HEADER_LIMIT", 1 << 16)
    ds = mammogram("2.25.77")
    ds.add_new(0x00290010, "LO", "VENDOR")
    ds.add_new(0x00291010, "OB", bytes(1 << 20))
    with receiver.peer() as peer:
        peer.associate()
        assert peer.store(encode(ds), "2.25.77")[0] == 0x0000


def test_journal_failure_is_a700_and_leaves_no_file(receiver: Reception) -> None:
    """Without a row there is no acknowledgement; when the journal is back, it works again."""
    content = encoded_mammogram("2.25.77")
    with receiver.peer() as peer:
        peer.associate()
        receiver.journal.fails = True
        assert peer.store(content, "2.25.77")[0] == 0xA700
        assert receiver.files() == []
        receiver.journal.fails = False
        assert peer.store(content, "2.25.77")[0] == 0x0000


def test_an_instance_beyond_the_limit_is_a700(tmp_path: Path) -> None:
    """max_instance_mb holds while the bytes come; the rest is read and dropped."""
    with reception(tmp_path, max_instance_bytes=100_000) as receiver, receiver.peer() as peer:
        peer.associate()
        large = encoded_mammogram("2.25.1", pixels=1 << 20)
        assert peer.store(large, "2.25.1") == (
            0xA700,
            "the instance is larger than max_instance_mb",
        )
        assert receiver.files() == []
        assert peer.store(encoded_mammogram("2.25.2"), "2.25.2")[0] == 0x0000


class FullDisk(Spool):
    """A spool whose files take only so many bytes."""

    room = 50_000

    def open_incoming(self) -> IncomingFile:
        file, room = super().open_incoming(), self.room
        write, written = file.write, 0

        def limited(content: bytes | memoryview) -> None:
            nonlocal written
            written += len(content)
            if written > room:
                raise OutOfResources("cannot write to the spool: No space left on device")
            write(content)

        file.write = limited  # type: ignore[method-assign]
        return file


def test_disk_full_while_receiving_is_a700(tmp_path: Path) -> None:
    """Half a file is removed at once, the sender gets A700, smaller ones still fit."""
    spool = FullDisk(tmp_path / "spool")
    with reception(tmp_path, spool=spool) as receiver, receiver.peer() as peer:
        peer.associate()
        status, comment = peer.store(encoded_mammogram("2.25.1", pixels=1 << 20), "2.25.1")
        assert status == 0xA700
        assert "No space left" in comment
        assert receiver.files() == []
        assert peer.store(encoded_mammogram("2.25.2"), "2.25.2")[0] == 0x0000
        spool.room = 10
        assert peer.store(encoded_mammogram("2.25.3"), "2.25.3")[0] == 0xA700
        assert len(receiver.files()) == 1


def test_a_really_full_disk(tmp_path: Path) -> None:
    """On a tmpfs of one megabyte: A700, nothing half-written, and it recovers."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mounted)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs root")
    try:
        with reception(tmp_path, spool=Spool(mounted)) as receiver, receiver.peer() as peer:
            peer.associate()
            assert peer.store(encoded_mammogram("2.25.1", pixels=2 << 20), "2.25.1")[0] == 0xA700
            assert receiver.files() == []
            assert peer.store(encoded_mammogram("2.25.2"), "2.25.2")[0] == 0x0000
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_below_the_watermark_associations_are_turned_away_for_now(tmp_path: Path) -> None:
    """A-ASSOCIATE-RJ transient, temporary congestion; C-ECHO still answers."""
    with reception(tmp_path, min_free_bytes=1 << 60) as receiver:
        with receiver.peer() as peer:
            assert peer.associate() == (PduType.A_ASSOCIATE_RJ, bytes([0, 2, 3, 1]))
        with receiver.peer() as peer:
            echo = [(3, "1.2.840.10008.1.1", ["1.2.840.10008.1.2"])]
            assert peer.associate(echo)[0] == PduType.A_ASSOCIATE_AC
            assert peer.echo() == 0x0000


class Draining(Spool):
    """A spool that runs out of space after a while."""

    free = 10_000

    def free_bytes(self) -> int:
        return self.free


def test_watermark_reached_on_an_open_association_is_a700(tmp_path: Path) -> None:
    """A sender that is connected already gets A700 for the next instance."""
    spool = Draining(tmp_path / "spool")
    with reception(tmp_path, spool=spool, min_free_bytes=10_000) as receiver:
        with receiver.peer() as peer:
            peer.associate()
            assert peer.store(encoded_mammogram("2.25.1"), "2.25.1")[0] == 0x0000
            spool.free = 9_999
            assert peer.store(encoded_mammogram("2.25.2"), "2.25.2")[0] == 0xA700
        assert len(receiver.files()) == 1


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"called": "WRONG"}, [0, 1, 1, 7]),
        ({"calling": "STRANGER"}, [0, 1, 1, 3]),
        ({"version": 0}, [0, 1, 2, 2]),
        ({"application_context": "1.2"}, [0, 1, 1, 2]),
    ],
)
def test_rejections_on_the_wire(
    receiver: Reception, kwargs: dict[str, object], reason: list[int]
) -> None:
    """The peer gets the A-ASSOCIATE-RJ of PS3.8 9.3.4, then the connection closes."""
    with receiver.peer() as peer:
        assert peer.associate(**kwargs) == (PduType.A_ASSOCIATE_RJ, bytes(reason))
        assert peer.read_pdu()[0] == 0
    assert receiver.occupancy.associations == 0


def test_source_address_is_checked(tmp_path: Path) -> None:
    """The right AE title from the wrong network is a stranger."""
    policy = AcceptancePolicy(CALLED, (KnownSource(CALLING, (ip_network("192.0.2.0/24"),)),))
    with reception(tmp_path, policy=policy) as receiver, receiver.peer() as peer:
        assert peer.associate() == (PduType.A_ASSOCIATE_RJ, bytes([0, 1, 1, 3]))


def test_contexts_are_answered_one_by_one(receiver: Reception) -> None:
    """An unsupported SOP class is refused in negotiation, the others are accepted."""
    with receiver.peer() as peer:
        kind, body = peer.associate(
            [(1, CT, ["1.2.840.10008.1.2"]), (3, MG, ["1.2.840.10008.1.2"])]
        )
        assert kind == PduType.A_ASSOCIATE_AC
        assert b"\x21\0\0\x19\x01\0\x03\0" in body
        assert b"\x21\0\0\x19\x03\0\0\0" in body


def test_every_transfer_syntax_is_accepted_on_the_wire(receiver: Reception) -> None:
    """One association with a context for each syntax gets all of them."""
    contexts = [(2 * n + 1, MG, [s]) for n, s in enumerate(sorted(STORAGE_TRANSFER_SYNTAXES))]
    with receiver.peer() as peer:
        _, body = peer.associate(contexts)
        for number, _, (syntax,) in contexts:
            assert bytes([number, 0, 0, 0, 0x40, 0, 0, len(syntax)]) + syntax.encode() in body


def test_ten_peers_at_a_time(tmp_path: Path) -> None:
    """More peers than the limit: those within are served, the next is told to come back."""
    with reception(tmp_path) as receiver:
        peers = [Peer(receiver.port) for _ in range(9)]
        answers = [peer.associate() for peer in peers]
        assert [kind for kind, _ in answers].count(PduType.A_ASSOCIATE_AC) == 8
        assert answers[8] == (PduType.A_ASSOCIATE_RJ, bytes([0, 2, 3, 2]))
        for number, peer in enumerate(peers[:8], start=1):
            uid = f"2.25.{number}"
            assert peer.store(encoded_mammogram(uid), uid)[0] == 0x0000
            assert peer.release() == PduType.A_RELEASE_RP
        until(lambda: receiver.occupancy.associations == 0)
        with receiver.peer() as peer:
            assert peer.associate()[0] == PduType.A_ASSOCIATE_AC
        for peer in peers:
            peer.sock.close()
