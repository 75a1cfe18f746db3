"""A receiver in this process over a fake journal, and a peer that says exactly what it is told."""

from __future__ import annotations

import hashlib
import mmap
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mammo_node.dimse.command import CommandField
from mammo_node.dimse.occupancy import Occupancy
from mammo_node.dimse.pdu import COMMAND, HEADER, LAST, PDV_HEADER, PduType
from mammo_node.dimse.server import Server, ServerLimits
from mammo_node.errors import JournalError
from mammo_node.journal.records import CommitOutcome
from mammo_node.journal.spool import Spool
from mammo_node.receive.acceptance import AcceptancePolicy, KnownSource
from mammo_node.receive.service import ReceiveService
from mammo_node.vocabulary import ReceivedInstance

MG = DigitalMammographyXRayImageStorageForPresentation
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
CALLED, CALLING = "MAMMO_AI", "ROOM_1"
DEADLINE_S = 60.0


def until(condition: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        threading.Event().wait(0.002)


@dataclass
class FakeJournal:
    """An InstanceJournal in memory."""

    instances: list[ReceivedInstance] = field(default_factory=list)
    releases: list[tuple[str, frozenset[str], bool]] = field(default_factory=list)
    fails: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def commit(self, instance: ReceivedInstance) -> CommitOutcome:
        with self.lock:
            if self.fails:
                raise JournalError("the disk image is malformed")
            same = [
                i for i in self.instances if i.ref.sop_instance_uid == instance.ref.sop_instance_uid
            ]
            if any(i.ref.content_hash == instance.ref.content_hash for i in same):
                first = same[0].ref.content_hash == instance.ref.content_hash
                return CommitOutcome.DUPLICATE if first else CommitOutcome.CONFLICT_AGAIN
            self.instances.append(instance)
            return CommitOutcome.CONFLICT if same else CommitOutcome.NEW

    def association_released(
        self,
        association_id: str,
        calling_ae_title: str,
        study_instance_uids: Sequence[str],
        at: datetime,
        aborted: bool,
    ) -> None:
        with self.lock:
            self.releases.append((calling_ae_title, frozenset(study_instance_uids), aborted))


@dataclass
class Reception:
    """A running server and what is under it."""

    server: Server
    port: int
    spool: Spool
    journal: FakeJournal
    occupancy: Occupancy
    thread: threading.Thread

    def files(self) -> list[Path]:
        """All files in the spool, finished or not."""
        return sorted(p for p in self.spool.root.rglob("*") if p.is_file())

    def peer(self, **kwargs: object) -> Peer:
        """Return a connected peer."""
        return Peer(self.port, **kwargs)

    def quiet(self) -> None:
        """Wait until no association is open."""
        until(lambda: self.occupancy.associations == 0)


LIMITS = ServerLimits(
    max_associations=8,
    maximum_length=131072,
    association_deadline_s=5.0,
    pdu_deadline_s=5.0,
    idle_deadline_s=30.0,
)


@contextmanager
def reception(
    folder: Path,
    *,
    limits: ServerLimits = LIMITS,
    policy: AcceptancePolicy | None = None,
    spool: Spool | None = None,
    min_free_bytes: int = 0,
    max_instance_bytes: int = 1 << 30,
) -> Iterator[Reception]:
    """Run a server in a thread until the block ends."""
    policy = policy or AcceptancePolicy(CALLED, (KnownSource(CALLING, ()),))
    spool, journal = spool or Spool(folder / "spool"), FakeJournal()
    service = ReceiveService(
        policy=policy,
        spool=spool,
        journal=journal,
        now=lambda: datetime.now(UTC),
        min_free_bytes=min_free_bytes,
        max_instance_bytes=max_instance_bytes,
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    port = listener.getsockname()[1]
    occupancy = Occupancy(mmap.mmap(-1, Occupancy.size(1)))
    server = Server(listener, service, limits, occupancy, lambda: uuid.uuid4().hex)
    thread = threading.Thread(target=server.run, args=(1.0,))
    thread.start()
    try:
        yield Reception(server, port, spool, journal, occupancy, thread)
    finally:
        server.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def item(kind: int, value: bytes) -> bytes:
    """Return an upper layer item."""
    return struct.pack(">BxH", kind, len(value)) + value


def request(
    contexts: list[tuple[int, str, list[str]]],
    *,
    called: str = CALLED,
    calling: str = CALLING,
    version: int = 1,
    application_context: str = "1.2.840.10008.3.1.1.1",
    maximum_length: int = 16384,
    extra: bytes = b"",
) -> bytes:
    """Return an A-ASSOCIATE-RQ PDU."""
    body = struct.pack(">Hxx", version) + called.ljust(16).encode() + calling.ljust(16).encode()
    body += bytes(32) + item(0x10, application_context.encode())
    for number, abstract, syntaxes in contexts:
        inner = item(0x30, abstract.encode()) + b"".join(item(0x40, s.encode()) for s in syntaxes)
        body += item(0x20, struct.pack(">Bxxx", number) + inner)
    user = item(0x51, struct.pack(">L", maximum_length)) + item(0x52, b"1.2.3.4")
    body += extra + item(0x50, user + item(0x55, b"TEST"))
    return HEADER.pack(PduType.A_ASSOCIATE_RQ, len(body)) + body


STORE = [(1, MG, [ExplicitVRLittleEndian]), (3, VERIFICATION, [ImplicitVRLittleEndian])]


class Peer:
    """A raw DICOM peer: sends the bytes it is told, reads whole PDUs."""

    def __init__(self, port: int, timeout_s: float = DEADLINE_S) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, content: bytes) -> None:
        self.sock.sendall(content)

    def read_pdu(self) -> tuple[int, bytes]:
        """Return type and body; type 0 when the connection was closed."""
        header = self._exactly(HEADER.size)
        if len(header) < HEADER.size:
            return 0, b""
        kind, length = HEADER.unpack(header)
        return kind, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            try:
                piece = self.sock.recv(count - len(content))
            except ConnectionResetError:
                break
            if not piece:
                break
            content += piece
        return content

    def associate(self, contexts: list | None = None, **kwargs: object) -> tuple[int, bytes]:
        """Ask for an association and return the answering PDU."""
        self.send(request(contexts or STORE, **kwargs))
        return self.read_pdu()

    def release(self) -> int:
        """Ask for release and return the type of the answer."""
        self.send(HEADER.pack(PduType.A_RELEASE_RQ, 4) + bytes(4))
        return self.read_pdu()[0]

    def store(self, dataset: bytes, uid: str, **kwargs: object) -> tuple[int, str]:
        """Send a C-STORE and return status and Error Comment."""
        for part in store_message(dataset, uid, **kwargs):
            self.send(part)
        return self.response()

    def echo(self, context_id: int = 3) -> int:
        """Send a C-ECHO and return the status."""
        self.send(pdv(context_id, echo_command(), COMMAND | LAST))
        return self.response()[0]

    def response(self) -> tuple[int, str]:
        """Return status and Error Comment of the response that comes."""
        kind, body = self.read_pdu()
        assert kind == PduType.P_DATA_TF, f"PDU type {kind}: {body!r}"
        elements = dict(_elements(body[PDV_HEADER.size :]))
        comment = elements.get(0x0902, b"").decode().strip()
        return struct.unpack("<H", elements[0x0900])[0], comment


def _elements(command: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(command):
        _, element, length = struct.unpack_from("<HHL", command, at)
        yield element, command[at + 8 : at + 8 + length]
        at += 8 + length


def pdv(context_id: int, content: bytes, control: int) -> bytes:
    """Return a P-DATA-TF PDU with one PDV."""
    inner = PDV_HEADER.pack(len(content) + 2, context_id, control) + content
    return HEADER.pack(PduType.P_DATA_TF, len(inner)) + inner


def command_set(elements: dict[int, bytes]) -> bytes:
    """Return a command set of elements of group 0000, values padded already (PS3.7 6.3)."""
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in sorted(elements.items())
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def even(uid: str) -> bytes:
    """Return a UID padded to an even length (PS3.5 9.1)."""
    return uid.encode() + b"\0" * (len(uid) % 2)


def store_command(
    uid: str, *, sop_class: str = MG, has_dataset: bool = True, message_id: int = 1
) -> bytes:
    """Return the command set of a C-STORE-RQ."""
    return command_set(
        {
            0x0002: even(sop_class),
            0x0100: struct.pack("<H", CommandField.C_STORE_RQ),
            0x0110: struct.pack("<H", message_id),
            0x0700: struct.pack("<H", 0),
            0x0800: struct.pack("<H", 0x0001 if has_dataset else 0x0101),
            0x1000: even(uid),
        }
    )


def echo_command(command_field: int = CommandField.C_ECHO_RQ) -> bytes:
    """Return the command set of a C-ECHO-RQ, or of another request without a dataset."""
    return command_set(
        {
            0x0002: even(VERIFICATION),
            0x0100: struct.pack("<H", command_field),
            0x0110: struct.pack("<H", 1),
            0x0800: struct.pack("<H", 0x0101),
        }
    )


def store_message(
    dataset: bytes,
    uid: str,
    *,
    context_id: int = 1,
    sop_class: str = MG,
    fragment: int = 16000,
) -> Iterator[bytes]:
    """Yield the PDUs of a C-STORE-RQ."""
    yield pdv(context_id, store_command(uid, sop_class=sop_class), COMMAND | LAST)
    for at in range(0, len(dataset) or 1, fragment):
        last = at + fragment >= len(dataset)
        yield pdv(context_id, dataset[at : at + fragment], LAST if last else 0)


def mammogram(uid: str, *, pixels: int = 4096, **changes: object) -> Dataset:
    """Return a small synthetic mammogram's dataset; None as a change deletes the element."""
    ds = Dataset()
    ds.SOPClassUID = MG
    ds.SOPInstanceUID = uid
    ds.StudyInstanceUID = "2.25.1"
    ds.SeriesInstanceUID = "2.25.2"
    ds.PatientID = "X"
    ds.PatientName = "Phantom^One"
    ds.Modality = "MG"
    ds.ImageLaterality = "L"
    ds.ViewPosition = "CC"
    ds.Rows, ds.Columns = pixels // 64, 32
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = bytes(pixels)
    ds["PixelData"].VR = "OW"
    for keyword, value in changes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def encode(ds: Dataset, *, implicit: bool = False) -> bytes:
    """Return a dataset in Explicit or Implicit VR Little Endian."""
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, implicit
    write_dataset(file, ds)
    return file.getvalue()


def encoded_mammogram(uid: str, **kwargs: object) -> bytes:
    """Return a small mammogram in Explicit VR Little Endian."""
    return encode(mammogram(uid, **kwargs))


def sha256(content: bytes) -> str:
    """Return the hash that the journal should get."""
    return hashlib.sha256(content).hexdigest()
