"""The analysis process: whatever happens in the child, the parent gets an answer in time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mammo_node.analyse.child_main import failure_of
from mammo_node.analyse.exchange import Answer, Died, Failed, Hung, Prepared
from mammo_node.analyse.package import load_package
from mammo_node.analyse.process import AnalysisProcess, Limits
from mammo_node.errors import LeaseLost, ModelError, ModelPackageError, ProviderUnavailable
from tests.unit.analyse_targets import prepare

_DEADLINE_S = 60.0
_Process = AnalysisProcess[object, str, object]


@pytest.fixture(scope="module")
def shared() -> Iterator[_Process]:
    with AnalysisProcess(prepare, "fine") as process:
        yield process


def _gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _eventually(condition: Callable[[], bool], deadline_s: float = 60.0) -> bool:
    end = time.monotonic() + deadline_s
    waiter = threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        waiter.wait(0.01)
    return True


def test_the_report_of_the_target_reaches_the_parent(shared: _Process) -> None:
    """What the target reports, start returns, and the child has only what the target imports."""
    report = shared.start()
    assert report == {"settings": "fine", "imported": [], "pid": shared.pid}
    assert report == shared.report


def test_the_parent_imports_no_runtime() -> None:
    """Importing the process and the package modules loads neither ONNX Runtime nor pynetdicom."""
    code = (
        "import sys; import mammo_node.analyse.process, mammo_node.analyse.package,"
        " mammo_node.analyse.session, mammo_node.analyse.fuse;"
        " assert not {'onnxruntime', 'onnx', 'pynetdicom'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_requests_are_answered_by_one_process(shared: _Process) -> None:
    """Jobs in a row meet the same process."""
    first = shared.run("pid", _DEADLINE_S)
    assert first == shared.run("pid", _DEADLINE_S) == Answer(shared.pid)


def test_a_large_answer_passes_whole(shared: _Process) -> None:
    """A response larger than any pipe buffer arrives."""
    outcome = shared.run("large:32", _DEADLINE_S)
    assert isinstance(outcome, Answer)
    assert outcome.response == bytes(32 * 1024 * 1024)


def test_a_large_request_passes_whole(shared: _Process) -> None:
    """A request larger than any pipe buffer arrives."""
    text = "x" * (8 * 1024 * 1024)
    assert shared.run(f"echo:{text}", _DEADLINE_S) == Answer(text)


@pytest.mark.parametrize(
    ("request_", "kind", "retryable", "words"),
    [
        ("image-error", "ImageError", False, "rows do not fit"),
        ("inference-error", "InferenceError", True, "out of memory"),
        ("bug", "KeyError", False, "analyse_targets.py line"),
        ("os-error", "FileNotFoundError", True, "No such file or directory"),
        ("library-bug", "TypeError", False, "TypeError in onnx_file.py line"),
        ("unpicklable", "AttributeError", False, "AttributeError in reduction.py line"),
    ],
)
def test_an_exception_is_an_answer(
    shared: _Process, request_: str, kind: str, retryable: bool, words: str
) -> None:
    """An exception comes back typed, without data of others, and the process lives on."""
    pid = shared.start() and shared.pid
    outcome = shared.run(request_, _DEADLINE_S)
    assert isinstance(outcome, Failed)
    assert outcome.retryable is retryable
    assert words in outcome.message
    assert "Doe" not in outcome.message
    assert shared.pid == pid
    assert outcome.kind == kind


def test_a_failure_in_a_library_names_our_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an unexpected exception the place is told, in the library and in our code."""

    def broken(*_: object, **__: object) -> str:
        raise KeyError("Doe^Jane")

    monkeypatch.setattr(Path, "read_text", broken)
    try:
        load_package(Path("nowhere"))
    except KeyError as error:
        failed = failure_of(error)
    assert re.fullmatch(
        r"KeyError in test_analyse_process.py line \d+, called from package.py line \d+",
        failed.message,
    )


def test_a_hanging_job_is_killed_at_its_deadline() -> None:
    """A hang is answered soon after the deadline, and the next job gets a new process."""
    with AnalysisProcess(prepare, "fine") as process:
        process.start()
        pid = process.pid
        begun = time.monotonic()
        assert process.run("hang", 0.3) == Hung(0.3)
        assert time.monotonic() - begun < 60
        assert pid is not None
        assert _gone(pid)
        assert process.run("echo:again", _DEADLINE_S) == Answer("again")
        assert process.starts == 2


def test_a_stopped_child_is_killed_at_its_deadline_though_it_reads_nothing() -> None:
    """A child that does not even take the request cannot hold the parent up."""
    with AnalysisProcess(prepare, "fine") as process:
        process.start()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        assert process.run("echo:" + "x" * (8 * 1024 * 1024), 0.5) == Hung(0.5)


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        ("exit:5", Died(5, None)),
        ("system-exit:3", Died(3, None)),
        ("segfault", Died(None, "SIGSEGV")),
    ],
)
def test_a_job_that_kills_its_process_is_told_how(request_: str, outcome: Died) -> None:
    """The exit code or the signal is reported, and the next job gets a new process."""
    with AnalysisProcess(prepare, "fine") as process:
        assert process.run(request_, _DEADLINE_S) == outcome
        assert process.run("echo:again", _DEADLINE_S) == Answer("again")


def test_a_process_that_died_idle_is_replaced() -> None:
    """A death between two jobs is not blamed on the next one."""
    with AnalysisProcess(prepare, "fine") as process:
        process.start()
        pid = process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert _eventually(lambda: _gone(pid))
        assert process.run("echo:x", _DEADLINE_S) == Answer("x")


def test_the_process_is_recycled_after_so_many_jobs() -> None:
    """The third job meets another process when two are the limit."""
    with AnalysisProcess(prepare, "fine", Limits(recycle_jobs=2)) as process:
        pids = [process.run("pid", _DEADLINE_S) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_the_process_is_recycled_above_a_size() -> None:
    """A job that leaves too much memory behind is the last of its process."""
    with AnalysisProcess(prepare, "fine", Limits(recycle_mb=120)) as process:
        first = process.run("pid", _DEADLINE_S)
        process.run("hoard:20", _DEADLINE_S)
        assert process.run("pid", _DEADLINE_S) == first
        process.run("hoard:100", _DEADLINE_S)
        assert process.pid is None
        assert process.run("pid", _DEADLINE_S) != first


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ("refuse", ModelPackageError, "model.toml: sha256"),
        ("no-cuda", ProviderUnavailable, "CUDA is not there"),
        ("bug", ModelError, "KeyError in analyse_targets.py line"),
        ("exit", ModelError, "at start: the analysis process ended with exit code 7"),
        ("slow", ModelError, "at start: no answer within 0.5 s"),
    ],
)
def test_a_failed_start_says_why(settings: str, error: type[ModelError], words: str) -> None:
    """Start raises what the target raised, and leaves no process behind."""
    deadline_s = 0.5 if settings == "slow" else _DEADLINE_S
    process: _Process = AnalysisProcess(prepare, settings, Limits(start_deadline_s=deadline_s))
    with pytest.raises(error, match=words) as raised:
        process.start()
    assert type(raised.value) is error
    assert process.pid is None


def test_a_target_that_cannot_be_sent_leaves_no_process() -> None:
    """A lambda as a target is a mistake that shows at once, every time."""

    def local(settings: object) -> Prepared[str, object]:
        return prepare(settings)

    process: _Process = AnalysisProcess(local, "fine")
    for _ in range(2):
        with pytest.raises(Exception, match="pickle"):
            process.start()
        assert process.pid is None


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_job_that_is_ended_from_another_thread_is_not_blamed(end: str) -> None:
    """A node that must stop now does not wait for the job, and the job did not fail."""
    with AnalysisProcess(prepare, "fine") as process:
        process.start()
        timer = threading.Timer(0.2, getattr(process, end))
        timer.start()
        with pytest.raises(ModelError, match="was stopped"):
            process.run("hang", _DEADLINE_S)
        timer.join()
        assert process.pid is None
        assert process.run("echo:again", _DEADLINE_S) == Answer("again")


def test_a_start_can_be_ended_from_another_thread() -> None:
    """Also a model that takes long to load does not hold a stopping node up."""
    process: _Process = AnalysisProcess(prepare, "slow")
    timer = threading.Timer(0.2, process.stop)
    timer.start()
    with pytest.raises(ModelError, match="was stopped"):
        process.start()
    timer.join()
    assert process.pid is None


def test_the_heartbeat_beats_while_a_process_starts_for_a_job() -> None:
    """A lease does not run out because the process was recycled before the job."""
    beats = threading.Event()

    def beat() -> None:
        beats.set()
        raise LeaseLost("seen enough")

    process: _Process = AnalysisProcess(prepare, "slow")
    with pytest.raises(LeaseLost):
        process.run("echo:x", _DEADLINE_S, heartbeat=beat, heartbeat_s=0.05)
    assert beats.is_set()
    assert process.pid is None


def test_the_heartbeat_beats_while_a_job_runs() -> None:
    """A lease can be kept while waiting, and a lost one ends the job."""
    beats: list[int] = []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 3:
            raise LeaseLost("somebody else has it")

    with AnalysisProcess(prepare, "fine") as process:
        process.start()
        pid = process.pid
        assert pid is not None
        with pytest.raises(LeaseLost):
            process.run("hang", _DEADLINE_S, heartbeat=beat, heartbeat_s=0.05)
        assert len(beats) == 3
        assert _gone(pid)
        assert process.pid is None


def test_interrupts_meant_for_the_parent_do_not_end_a_job(shared: _Process) -> None:
    """SIGINT and SIGTERM, which reach the whole process group, leave the job alone."""
    shared.start()
    pid = shared.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    assert shared.run("echo:alive", _DEADLINE_S) == Answer("alive")
    assert shared.pid == pid


def test_the_child_dies_with_its_parent() -> None:
    """A parent that is killed leaves no process behind, not even in the middle of a job."""
    code = (
        "from mammo_node.analyse.process import AnalysisProcess\n"
        "from tests.unit.analyse_targets import prepare\n"
        "process = AnalysisProcess(prepare, 'fine')\n"
        "process.start()\n"
        "print(process.pid, flush=True)\n"
        "process.run('hang', 600)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not _gone(pid)
        parent.kill()
    assert _eventually(lambda: _gone(pid))


def test_stop_ends_an_idle_process_politely() -> None:
    """An idle child leaves by itself when the pipe is closed."""
    process: _Process = AnalysisProcess(prepare, "fine")
    process.start()
    pid = process.pid
    begun = time.monotonic()
    process.stop()
    assert time.monotonic() - begun < 60
    assert pid is not None
    assert _gone(pid)
    assert process.pid is None


def test_what_the_child_prints_stays_out_of_standard_output() -> None:
    """A script that reads our standard output never meets a library's chatter."""
    code = (
        "from mammo_node.analyse.process import AnalysisProcess\n"
        "from tests.unit.analyse_targets import prepare\n"
        "with AnalysisProcess(prepare, 'fine') as process:\n"
        "    process.run('print', 20)\n"
        "print('result')\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "result\n"
    assert "noise" in done.stderr
