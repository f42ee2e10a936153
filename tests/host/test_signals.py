"""Whatever signals are ignored or blocked where we are started, what we start has its defaults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from inherited import SHOW, inheriting, kept_from_us, status_of

from bpfdoctor.host.elevated import command

IGNORED = [
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGALRM),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGPIPE),
]
NOTHING: dict[str, set[signal.Signals]] = {"SigIgn": set(), "SigBlk": set()}
FIRST = f"""
import hashlib, os, pathlib, sys, threading
from bpfdoctor.host.signals import pass_none_on
SHOW = {SHOW!r}
pass_none_on()
"""
WAYS = {
    "a question": """
from bpfdoctor.host.process import run
print(run(SHOW, environ=os.environ).stdout.decode())
""",
    "a question of a thread": """
from bpfdoctor.host.process import run
thread = threading.Thread(target=lambda: print(run(SHOW, environ=os.environ).stdout.decode()))
thread.start()
thread.join()
""",
    "a step of a plan": """
from bpfdoctor.fix.applying.process import run_step
from bpfdoctor.fix.applying.output import Watch
print(run_step(SHOW, os.environ, Watch(lambda line: None)).output)
""",
    "a program that is proved": """
from bpfdoctor.host.machine import Machine
from bpfdoctor.smoke.run import RunProgram
path = pathlib.Path("program").resolve()
path.write_text("#!/usr/bin/env -S " + " ".join(SHOW) + "\\n")
path.chmod(0o755)
digest = hashlib.sha256(path.read_bytes()).hexdigest()
machine = Machine()
print(RunProgram(str(path), digest, "program", watch="output", pattern="x").put(machine).output)
machine.close()
""",
    "a check of a third party": """
from bpfdoctor.engine.isolated import ChildError, Job, do_isolated
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
pathlib.Path("site").mkdir()
pathlib.Path("site/theirs.py").write_text(f"import subprocess; subprocess.run({SHOW}); exit(1)")
sys.path.append(os.path.abspath("site"))
try:
    do_isolated(Job("theirs"), LiveHost(Machine()), 20)
except ChildError as error:
    print(error.printed)
""",
}
"""Each way that a process is started, and the code that prints what that process inherited."""


def printed(code: str, place: Path, ignored: Sequence[int], blocked: Sequence[int] = ()) -> str:
    """What code prints that is run where these signals are ignored and blocked."""
    argv = inheriting([sys.executable, "-I", "-c", FIRST + code], ignored, blocked)
    ended = subprocess.run(argv, cwd=place, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("way", WAYS)
def test_what_is_ignored_or_blocked_here_is_neither_in_what_we_start(
    tmp_path: Path, way: str
) -> None:
    shown = printed(WAYS[way], tmp_path, IGNORED, sorted(signal.valid_signals()))
    assert kept_from_us(shown) == NOTHING


def test_what_our_parent_ignores_does_not_end_us_and_interrupts_nothing(tmp_path: Path) -> None:
    code = """
import signal, select
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    os.kill(os.getpid(), number)
print("still here")
"""
    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    assert printed(code, tmp_path, ignored) == "still here\n"


def test_what_nobody_ignores_still_ends_us(tmp_path: Path) -> None:
    code = FIRST + "import signal; os.kill(os.getpid(), signal.SIGHUP)"
    argv = inheriting([sys.executable, "-I", "-c", code])
    assert subprocess.run(argv, cwd=tmp_path, check=False).returncode == -signal.SIGHUP


def test_a_child_whose_end_nobody_wants_to_know_of_still_has_an_exit_status(tmp_path: Path) -> None:
    code = """
from bpfdoctor.host.process import run
print(run(["sh", "-c", "exit 3"], environ=os.environ).exit_code)
"""
    assert printed(code, tmp_path, [signal.SIGCHLD]) == "3\n"


def test_an_ignored_signal_does_not_cut_a_system_call_short(tmp_path: Path) -> None:
    """As the kernel has it for a signal that is ignored: flock(2) goes on waiting."""
    code = """
import ctypes, fcntl, signal
held, wanted = open("lock", "w"), open("lock")
fcntl.flock(held, fcntl.LOCK_EX)
calls = ctypes.CDLL(None, use_errno=True)
def later():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGHUP)
    fcntl.flock(held, fcntl.LOCK_UN)
threading.Timer(0.2, later).start()
print(calls.flock(wanted.fileno(), fcntl.LOCK_EX))
"""
    assert printed(code, tmp_path, [signal.SIGHUP]) == "0\n"


def test_the_privileged_process_passes_none_on_either() -> None:
    argv = inheriting(command(), IGNORED, [signal.SIGTERM, signal.SIGUSR1])
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert process.stdout.readline()
        pythons = {signal.SIGPIPE, signal.SIGXFSZ}  # restored for each child by subprocess
        shown = kept_from_us(status_of(process.pid))
        assert shown == {"SigIgn": pythons, "SigBlk": set()}
        process.stdin.close()
        assert process.wait(20) == 0


def test_what_a_test_starts_has_its_defaults_too() -> None:
    shown = kept_from_us(status_of(os.getpid()))
    assert shown["SigBlk"] == set()
    assert shown["SigIgn"] <= {signal.SIGPIPE, signal.SIGXFSZ}


def test_the_suite_does_not_depend_on_what_it_inherits(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    paths = (
        "host/test_signals.py::test_what_a_test_starts_has_its_defaults_too",
        "fix/applying/test_process.py::test_what_stops_us_stops_the_command_with_all_it_started",
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words.append(f"--basetemp={tmp_path / 'inner'}")  # without, pytest shuts the outer's to others
    argv = inheriting([*words, *(str(tests / path) for path in paths)], IGNORED, [signal.SIGTERM])
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr
