"""Receiving, beside DCMTK's storescp: throughput, memory, idle cost, association set-up.

    .venv/bin/python bench/receive.py [--widths 1 2 4 8] [--repeats 5] [--json FILE]

One sender process for each association replays a prepared byte stream, the same for every
peer but for the PDU length that the peer announces. The peers are measured in turns within
each repeat, so that other load on the machine meets all of them; medians are printed.
mammo_node fsyncs file, folder and journal before it answers; storescp does not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from mammo_node.config import (
    AETitles,
    Configuration,
    Local,
    Log,
    Receive,
    Settings,
    Source,
    Storage,
)
from mammo_node.dimse.pdu import COMMAND, HEADER, LAST, PDV_HEADER, PduType
from mammo_node.journal.journal import Journal
from mammo_node.journal.spool import Spool
from mammo_node.receive.supervisor import Receiver

ROWS, COLUMNS = 3328, 2560  # 16 bit: 17 MB
CALLED, CALLING = "MAMMO_AI", "BENCH"
_UID_PREFIX, _UID_DIGITS = "2.25.", 30
_SYNTAXES = (ExplicitVRLittleEndian,)


# -- what is sent ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A dataset whose SOP Instance UID can be replaced in place."""

    sop_class: str
    encoded: bytes
    uid_at: int

    def head(self, uid: str, length: int) -> bytes:
        content = self.encoded[:length]
        return content[: self.uid_at] + uid.encode() + content[self.uid_at + len(uid) :]


def sample(sop_class: str, frames: int) -> Sample:
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = _uid(0)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.1", "2.25.2"
    ds.PatientID, ds.PatientName, ds.Modality = "BENCH", "Bench^Mark", "MG"
    ds.ImageLaterality, ds.ViewPosition = "L", "CC"
    ds.Rows, ds.Columns, ds.NumberOfFrames = ROWS, COLUMNS, frames
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.PixelData = os.urandom(1 << 16) * (ROWS * COLUMNS * 2 * frames // (1 << 16))
    ds["PixelData"].VR = "OW"
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, ds)
    encoded = file.getvalue()
    return Sample(sop_class, encoded, encoded.index(_uid(0).encode()))


def _uid(number: int) -> str:
    return f"{_UID_PREFIX}{10 ** (_UID_DIGITS - 1) + number}"


# -- the sender: a process that does nothing but copy prepared bytes into a socket ------------


def send(
    port: int, what: Sample, first: int, files: int, gate: Barrier, results: multiprocessing.Queue
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        room = (associate(sock, what.sop_class) or 131072) - PDV_HEADER.size
        tail = _tail(what.encoded, room)
        heads = [_head(what, _uid(first + number), room) for number in range(files)]
        gate.wait()
        began = time.perf_counter()
        for head in heads:
            sock.sendall(head)
            sock.sendall(tail)
            check_success(sock)
        results.put((began, time.perf_counter()))
        release(sock)


def associate(sock: socket.socket, *sop_classes: str) -> int:
    """Ask for an association; return the PDU length that the peer announces."""
    body = struct.pack(">Hxx", 1) + CALLED.ljust(16).encode() + CALLING.ljust(16).encode()
    body += bytes(32) + _item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, sop_class in enumerate(sop_classes):
        inner = _item(0x30, sop_class.encode())
        inner += b"".join(_item(0x40, syntax.encode()) for syntax in _SYNTAXES)
        body += _item(0x20, struct.pack(">Bxxx", 2 * number + 1) + inner)
    body += _item(0x50, _item(0x51, struct.pack(">L", 16384)) + _item(0x52, b"2.25.3"))
    sock.sendall(HEADER.pack(PduType.A_ASSOCIATE_RQ, len(body)) + body)
    kind, answer = read_pdu(sock)
    assert kind == PduType.A_ASSOCIATE_AC, kind
    at = answer.index(struct.pack(">BxH", 0x51, 4))
    return int(struct.unpack_from(">L", answer, at + 4)[0])


def release(sock: socket.socket) -> None:
    sock.sendall(HEADER.pack(PduType.A_RELEASE_RQ, 4) + bytes(4))
    assert read_pdu(sock)[0] == PduType.A_RELEASE_RP


def check_success(sock: socket.socket) -> None:
    kind, body = read_pdu(sock)
    at = body.index(struct.pack("<HHL", 0, 0x0900, 2)) + 8
    status = struct.unpack_from("<H", body, at)[0]
    assert (kind, status) == (PduType.P_DATA_TF, 0), (kind, hex(status))


def read_pdu(sock: socket.socket) -> tuple[int, bytes]:
    kind, length = HEADER.unpack(_exactly(sock, HEADER.size))
    return kind, _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        piece = sock.recv(count - len(content))
        assert piece, "the peer closed the connection"
        content += piece
    return content


def _head(what: Sample, uid: str, room: int) -> bytes:
    return _pdv(_store_command(what.sop_class, uid), COMMAND | LAST) + _pdv(what.head(uid, room), 0)


def _store_command(sop_class: str, uid: str) -> bytes:
    elements = {
        0x0002: sop_class.encode() + b"\0" * (len(sop_class) % 2),
        0x0100: struct.pack("<H", 0x0001),
        0x0110: struct.pack("<H", 1),
        0x0700: struct.pack("<H", 0),
        0x0800: struct.pack("<H", 0x0001),
        0x1000: uid.encode() + b"\0" * (len(uid) % 2),
    }
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value for element, value in elements.items()
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _tail(encoded: bytes, room: int) -> bytes:
    starts = range(room, len(encoded), room)
    return b"".join(
        _pdv(encoded[at : at + room], LAST if at + room >= len(encoded) else 0) for at in starts
    )


def _pdv(content: bytes, control: int) -> bytes:
    inner = PDV_HEADER.pack(len(content) + 2, 1, control) + content
    return HEADER.pack(PduType.P_DATA_TF, len(inner)) + inner


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


# -- the peers --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    port: int
    pids: Callable[[], list[int]]


@contextmanager
def mammo_node(folder: Path) -> Iterator[Running]:
    configuration = Configuration(
        ae_titles=AETitles(
            local=Local(bind="127.0.0.1", port=0), source=(Source(ae_title=CALLING),)
        ),
        settings=Settings(
            log=Log(level="error"),
            storage=Storage(min_free_mb=0),
            receive=Receive(processes=_processes()),
        ),
    )
    Spool(folder)
    Journal(folder / "journal.db").close()
    receiver = Receiver(configuration, folder / "journal.db", folder)
    port = receiver.start()
    try:
        yield Running(port, lambda: list(receiver.pids))
    finally:
        receiver.stop()


def storescp(*options: str) -> Callable[[Path], object]:
    @contextmanager
    def run(folder: Path) -> Iterator[Running]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            ["storescp", "--fork", *options, "-od", str(folder), str(port)],
            env={**os.environ, "TCP_NODELAY": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield Running(port, lambda: [process.pid, *_children(process.pid)])
        finally:
            process.terminate()
            process.wait()

    return run


def _processes() -> int:
    return max(2, len(os.sched_getaffinity(0)))


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
                associate(sock, DigitalMammographyXRayImageStorageForPresentation)
                release(sock)
            return
        except OSError:
            assert time.monotonic() < deadline, "the peer does not start"
            time.sleep(0.05)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


PEERS: dict[str, Callable[[Path], object]] = {
    "mammo_node": mammo_node,
    "storescp --fork": storescp(),
    "storescp --fork +B -pdu 131072": storescp("+B", "-pdu", "131072"),
}


# -- measurements -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    mb_per_s: float
    files_per_s: float
    peak_mb: float
    """Largest resident set of any one process of the peer, above its idle one not deducted."""


def throughput(start: object, root: Path, what: Sample, width: int, files: int) -> Measured:
    folder = Path(tempfile.mkdtemp(dir=root))
    os.sync()  # nobody pays for what the run before left dirty
    context = multiprocessing.get_context("fork")
    with start(folder) as peer:
        gate, results = context.Barrier(width + 1), context.Queue()
        senders = [
            context.Process(
                target=send, args=(peer.port, what, number * files, files, gate, results)
            )
            for number in range(width)
        ]
        for process in senders:
            process.start()
        gate.wait()
        peak = 0.0
        while any(process.is_alive() for process in senders):
            peak = max(peak, *(_resident_mb(pid) for pid in peer.pids()))
            time.sleep(0.02)
        times = [results.get(timeout=10) for _ in senders]
        assert all(process.exitcode == 0 for process in senders)
    shutil.rmtree(folder)
    seconds = max(end for _, end in times) - min(began for began, _ in times)
    count = width * files
    return Measured(count * len(what.encoded) / 1e6 / seconds, count / seconds, peak)


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def setup_ms(peer: Running, repeats: int = 30) -> float:
    """Median time from connect to A-ASSOCIATE-AC, for what a modality proposes."""
    classes = (DigitalMammographyXRayImageStorageForPresentation, BreastTomosynthesisImageStorage)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", peer.port)) as sock:
            associate(sock, *classes)
            times.append(time.perf_counter() - began)
            release(sock)
    return statistics.median(times) * 1e3


def idle_percent(peer: Running, associations: int = 10, seconds: float = 5.0) -> float:
    """Processor time of the peer's processes, percent of one core, with idle associations."""
    socks = [socket.create_connection(("127.0.0.1", peer.port)) for _ in range(associations)]
    for sock in socks:
        associate(sock, DigitalMammographyXRayImageStorageForPresentation)
    pids = peer.pids()
    before = sum(_cpu_s(pid) for pid in pids)
    time.sleep(seconds)
    used = sum(_cpu_s(pid) for pid in pids) - before
    for sock in socks:
        release(sock)
        sock.close()
    return 100 * used / seconds


def _cpu_s(pid: int) -> float:
    # schedstat counts nanoseconds; the ticks of /proc/<pid>/stat are too coarse for this.
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


# -- report -----------------------------------------------------------------------------------


def main() -> int:
    arguments = _arguments()
    report: dict[str, object] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as root:
        what = sample(DigitalMammographyXRayImageStorageForPresentation, frames=1)
        for width in arguments.widths:
            title = f"{width} x {arguments.files} mammograms of {len(what.encoded) / 1e6:.1f} MB"
            files = max(2, arguments.files // max(1, width // 2))
            report[title] = _compare(title, Path(root), what, width, files, arguments.repeats)
        tomosynthesis = sample(BreastTomosynthesisImageStorage, arguments.frames)
        title = f"1 x 2 tomosynthesis objects of {len(tomosynthesis.encoded) / 1e6:.0f} MB"
        report[title] = _compare(title, Path(root), tomosynthesis, 1, 2, arguments.repeats)
        for name in ("mammo_node", "storescp --fork"):
            with PEERS[name](Path(tempfile.mkdtemp(dir=root))) as peer:
                report[f"{name}: association set-up, ms"] = setup_ms(peer)
                report[f"{name}: 10 idle associations, % of a core"] = idle_percent(peer)
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key}: {value:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1))
    return 0


def _compare(
    title: str, root: Path, what: Sample, width: int, files: int, repeats: int
) -> dict[str, dict[str, float]]:
    runs: dict[str, list[Measured]] = {name: [] for name in PEERS}
    for _ in range(repeats):
        for name, start in PEERS.items():
            runs[name].append(throughput(start, root, what, width, files))
    reference = runs["storescp --fork"]
    print(f"\n{title}")
    summary = {}
    for name, measured in runs.items():
        # Ratios within a repeat, then their median: neighbours in time share the machine's load.
        ratios = [m.mb_per_s / r.mb_per_s for m, r in zip(measured, reference, strict=True)]
        summary[name] = {
            "mb_per_s": statistics.median(m.mb_per_s for m in measured),
            "files_per_s": statistics.median(m.files_per_s for m in measured),
            "peak_mb": max(m.peak_mb for m in measured),
            "ratio": statistics.median(ratios),
        }
        row = summary[name]
        print(
            f"  {name:32} {row['mb_per_s']:7.0f} MB/s {row['files_per_s']:6.1f} files/s"
            f"  peak {row['peak_mb']:5.0f} MB  ratio {row['ratio']:.2f}"
            f"  ({min(ratios):.2f}-{max(ratios):.2f})"
        )
    return summary


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--files", type=int, default=12, help="mammograms of one association")
    parser.add_argument("--frames", type=int, default=18, help="of the tomosynthesis object")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to store; by default the temp folder")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
