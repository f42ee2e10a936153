"""A signal ends every command, at any moment of its life, with 128 + its number."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
from inherited import inheriting

COMMAND = (sys.executable, "-m", "bpfdoctor")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
PIPE_SIZE = 4096
Run = subprocess.Popen[bytes]
Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a command in a directory of its own, with tools of its own before all others."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()

    def started(*words: str, stdout: int = subprocess.PIPE, **environ: str) -> Run:
        path = f"{tmp_path / 'tools'}:{os.environ['PATH']}"
        state = {"TMPDIR": str(tmp_path / "tmp"), "XDG_STATE_HOME": str(tmp_path / "state")}
        return subprocess.Popen(
            words,
            cwd=tmp_path / "here",
            env={**os.environ, "PATH": path, **state, **environ},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    return started


def hanging(tmp_path: Path, name: str, before: str = "") -> Path:
    """A tool that says through a FIFO that it runs, and never ends."""
    reached = tmp_path / "reached"
    os.mkfifo(reached)
    tool = tmp_path / "tools" / name
    tool.write_text(f"#!/bin/sh\n{before}\necho $$ > '{reached}'\nexec sleep 1000\n")
    tool.chmod(0o755)
    return reached


def ended_by(run: Run, number: int) -> tuple[int, bytes]:
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    return run.returncode, said


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_while_modules_are_imported(start: Start, tmp_path: Path, number: int) -> None:
    reached = tmp_path / "reached"
    os.mkfifo(reached)
    (tmp_path / "modules").mkdir()
    code = f"import time\nopen({str(reached)!r}, 'w').close()\ntime.sleep(1000)\n"
    (tmp_path / "modules" / "click.py").write_text(code)
    run = start(*COMMAND, "list", PYTHONPATH=str(tmp_path / "modules"))
    reached.read_bytes()
    assert ended_by(run, number) == (128 + number, b"")


def test_while_modules_are_imported_what_our_parent_ignores_is_ignored(
    start: Start, tmp_path: Path
) -> None:
    code = "import os\nos.kill(os.getpid(), 1)\nos.kill(os.getpid(), 15)\n"
    (tmp_path / "click.py").write_text(code)
    words = inheriting((*COMMAND, "list"), ignored=[signal.SIGHUP])
    run = start(*words, PYTHONPATH=str(tmp_path))
    run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "words",
    [("check",), ("check", "--no-smoke"), ("smoke",), ("programs",), ("fix", "--dry-run")],
    ids=" ".join,
)
def test_while_git_hangs_before_any_check(
    start: Start, tmp_path: Path, words: Sequence[str]
) -> None:
    """What lies below a repository is git's to tell: that is asked to recognise the project."""
    (tmp_path / "here" / ".git").mkdir()
    reached = hanging(tmp_path, "git")
    run = start(*COMMAND, *words)
    tool = int(reached.read_text())
    assert ended_by(run, signal.SIGTERM) == (128 + signal.SIGTERM, b"")
    assert not psutil.pid_exists(tool)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_while_a_tool_runs_that_ignores_every_signal_it_can(start: Start, tmp_path: Path) -> None:
    reached = hanging(tmp_path, "clang", "trap '' INT TERM HUP")
    run = start(*COMMAND, "check", "--no-smoke", "--only", "toolchain.clang")
    tool = int(reached.read_text())
    assert ended_by(run, signal.SIGINT) == (128 + signal.SIGINT, b"")
    assert not psutil.pid_exists(tool)


def test_while_a_snapshot_is_waited_for(start: Start, tmp_path: Path) -> None:
    fifo = tmp_path / "there.snapshot"
    os.mkfifo(fifo)
    run = start(*COMMAND, "check", "--from", str(fifo))
    with fifo.open("wb"):  # it has opened its end, and reads
        ended = ended_by(run, signal.SIGTERM)
    assert ended == (128 + signal.SIGTERM, b"")


def test_while_nobody_reads_what_is_written(start: Start) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    run = start(*COMMAND, "list", stdout=theirs)
    os.close(theirs)
    assert os.read(ours, 1)  # the rest does not fit
    assert ended_by(run, signal.SIGTERM) == (128 + signal.SIGTERM, b"")
    os.close(ours)


def of_python(code: str) -> tuple[int, str]:
    """The exit status of Python code around `whole`, whose run is `main`, and what it says."""
    before = "import os, signal, sys, bpfdoctor.cli as cli\n"
    words = [sys.executable, "-I", "-c", before + code]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, ended.stderr


def test_when_everything_is_done() -> None:
    code = """
from bpfdoctor.cli.stopping import stop_on_signals
cli.main = lambda: stop_on_signals() or 0
assert cli.whole() == 0
os.kill(os.getpid(), signal.SIGHUP)
"""
    assert of_python(code) == (128 + signal.SIGHUP, "")


def test_between_the_end_of_the_run_and_the_end_of_the_process() -> None:
    code = """
from bpfdoctor.cli.stopping import stop_on_signals
def main():
    stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
cli.main = main
sys.exit(cli.whole())
"""
    assert of_python(code) == (128 + signal.SIGTERM, "")


def test_a_crash_is_not_taken_for_a_signal() -> None:
    status, said = of_python("cli.main = lambda: 1 / 0\ncli.whole()\n")
    assert (status, "ZeroDivisionError" in said) == (1, True)


def test_when_cleaning_up_does_not_end() -> None:
    """The process ends without, and still says by which signal."""
    code = """
import threading
from bpfdoctor.cli.stopping import stop_on_signals
stop_on_signals()
try:
    os.kill(os.getpid(), signal.SIGINT)
finally:
    threading.Event().wait()
"""
    assert of_python(code) == (128 + signal.SIGINT, "")


def test_what_was_not_found_out_in_time_is_a_sentence_and_status_3() -> None:
    code = """
import json
import bpfdoctor.cli.boundary as boundary
from bpfdoctor.errors import UndeterminedError
def run(arguments, destinations):
    raise UndeterminedError("this took too long", "do that")
boundary.run = run
sys.exit(boundary.guarded(["check", "--no-smoke"]))
"""
    assert of_python(code) == (3, "bpfdoctor: this took too long\nhint: do that\n")


def test_while_a_thread_is_started() -> None:
    """One that was never started keeps nobody, and cannot be waited for."""
    code = """
import threading
from bpfdoctor.cli.boundary import guarded
import bpfdoctor.cli.boundary as boundary
name = "_start_joinable_thread"  # Python 3.13
name = name if hasattr(threading, name) else "_start_new_thread"
really_start = getattr(threading, name)
def stopped(*arguments, **named):
    setattr(threading, name, really_start)
    os.kill(os.getpid(), signal.SIGTERM)
def run(arguments, destinations):
    setattr(threading, name, stopped)
    threading.Thread(target=print).start()
boundary.run = run
os._exit(guarded(["check"]))
"""
    assert of_python(code) == (128 + signal.SIGTERM, "")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--no-smoke", "-C", "{}"),
        ("check", "--object", "{}/a.bpf.o"),
        ("check", "--from", "{}/snapshot"),
        ("check", "--no-smoke", "--record", "{}/snapshot"),
        ("check", "--no-smoke", "--format", "json={}/report"),
        ("undo",),
        ("init", "{}/new"),
    ],
    ids=" ".join,
)
def test_while_a_file_system_hangs(
    tmp_path: Path, needs: Callable[..., None], words: Sequence[str]
) -> None:
    """The kernel wakes nobody there for a signal that has a handler; the main thread is not there.

    The state of `undo` lies there, too.
    """
    needs("root", "unshare", "mount")
    if not os.access("/dev/fuse", os.W_OK):
        pytest.skip("no FUSE here")
    place = str(tmp_path / "hung")
    os.mkdir(place)
    command = (*COMMAND, *(word.format(place) for word in words))
    helper = Path(__file__).parents[1] / "helpers" / "hung_mount.py"
    alone = ("unshare", "-m", "--propagation", "private", sys.executable, str(helper))
    ended = subprocess.run(
        [*alone, place, str(int(signal.SIGTERM)), *command],
        env={**os.environ, "XDG_STATE_HOME": place},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.stdout, ended.stderr) == (f"{128 + signal.SIGTERM}\n", "")
