"""Commands that misbehave: each ends in time, whole groups of them, and says how it ended."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.environment import child_environment, home_of
from bpfdoctor.host.process import OUTPUT_LIMIT, kill_all, run

PATH = {"PATH": "/usr/bin:/bin"}
Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make a real executable of the lines of a shell script; its path."""

    def make(lines: str) -> str:
        path = tmp_path / "tool"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_output_and_exit_status_come_back(script: Script) -> None:
    ended = run([script("echo out; echo err >&2; exit 3")], environ=PATH)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (3, b"out\n", b"err\n")
    assert (ended.signal, ended.timed_out, ended.truncated) == (None, False, False)


def test_a_command_that_hangs_is_killed_with_all_that_it_started(
    script: Script, tmp_path: Path
) -> None:
    tool = script(f"sleep 1000 & echo $! > {tmp_path}/pid; sleep 1000")
    ended = run([tool], environ=PATH, timeout=0.5)
    assert ended.timed_out
    assert (ended.exit_code, ended.signal) == (None, None)
    assert_gone(int((tmp_path / "pid").read_text()))


def test_a_gigabyte_is_read_and_not_kept(script: Script) -> None:
    ended = run([script("head -c 1000000000 /dev/zero")], environ=PATH, timeout=60)
    assert ended.exit_code == 0
    assert len(ended.stdout) == OUTPUT_LIMIT
    assert ended.truncated


def test_both_pipes_full_at_once_do_not_block(script: Script) -> None:
    ended = run([script("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero")], environ=PATH)
    assert (len(ended.stdout), len(ended.stderr), ended.truncated) == (300000, 300000, False)


def test_output_without_an_end_stops_at_the_time_limit(script: Script) -> None:
    ended = run([script("exec yes")], environ=PATH, timeout=0.5)
    assert ended.timed_out
    assert ended.truncated


def test_binary_output_is_kept_as_it_is(script: Script) -> None:
    ended = run([script(r"printf '\377\000\n'")], environ=PATH)
    assert ended.stdout == b"\xff\x00\n"


def test_an_exit_by_signal_is_told_from_an_exit_status(script: Script) -> None:
    ended = run([script("kill -SEGV $$")], environ=PATH)
    assert (ended.exit_code, ended.signal) == (None, 11)


@pytest.mark.parametrize("grandchild", ["sleep 1000", "yes"])
def test_a_grandchild_that_keeps_the_pipes_does_not_keep_us(
    script: Script, tmp_path: Path, grandchild: str
) -> None:
    tool = script(f"echo mine; {grandchild} & echo $! > {tmp_path}/pid; exit 4")
    begun = time.monotonic()
    ended = run([tool], environ=PATH, timeout=60)
    assert time.monotonic() - begun < 20
    assert ended.exit_code == 4
    assert ended.stdout.startswith(b"mine\n")
    assert_gone(int((tmp_path / "pid").read_text()))


def test_a_command_that_closes_its_output_is_still_waited_for(script: Script) -> None:
    ended = run([script("exec >&- 2>&-; sleep 0.2; exit 5")], environ=PATH)
    assert ended.exit_code == 5


def test_input_is_given_and_otherwise_empty(script: Script) -> None:
    assert run(["cat"], environ=PATH, stdin=b"x" * 200_000).stdout == b"x" * 200_000
    assert run(["cat"], environ=PATH).stdout == b""
    assert run([script("exit 0")], environ=PATH, stdin=b"x" * 200_000).exit_code == 0


def test_lines_are_told_as_they_come(script: Script) -> None:
    lines: list[str] = []
    run([script(r"echo one; printf 'tw\377o\nrest'")], environ=PATH, on_line=lines.append)
    assert lines == ["one", "tw\\xffo"]


def test_a_watcher_that_breaks_leaves_no_process(script: Script, tmp_path: Path) -> None:
    def broken(line: str) -> None:
        raise RuntimeError(line)

    tool = script(f"echo $$ > {tmp_path}/pid; echo line; sleep 1000")
    with pytest.raises(RuntimeError, match="line"):
        run([tool], environ=PATH, on_line=broken)
    assert_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["no-such-tool"], FileNotFoundError),
        (["/"], PermissionError),
        (["echo", "x" * 3_000_000], OSError),
        (["echo", "a\0b"], ValueError),
        ([], ValueError),
    ],
)
def test_a_command_that_cannot_be_started_raises(argv: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        run(argv, environ=PATH)


def test_a_command_runs_in_a_session_of_its_own() -> None:
    ended = run(["sh", "-c", "ps -o sid= -p $$; echo $$"], environ=PATH)
    session, own = ended.stdout.split()
    assert session == own


def test_everything_that_runs_can_be_ended_from_outside() -> None:
    ready = threading.Event()
    codes: list[int | None] = []

    def work() -> None:
        argv = ["sh", "-c", "echo up; sleep 1000"]
        ended = run(argv, environ=PATH, timeout=60, on_line=lambda line: ready.set())
        codes.append(ended.signal)

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(20)
    kill_all()
    thread.join(20)
    assert codes == [9]


def test_no_descriptor_of_ours_is_left_open_or_passed_on() -> None:
    before = set(os.listdir("/proc/self/fd"))
    ended = run(["ls", "/proc/self/fd"], environ=PATH)
    assert set(os.listdir("/proc/self/fd")) == before
    assert len(ended.stdout.split()) == 4  # stdin, stdout, stderr and the directory itself


def test_what_would_steer_make_or_git_is_dropped() -> None:
    plain = {"CC": "tcc", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    given = {"GIT_DIR": "/x", "CC": "tcc", "LC_ALL": "de"}
    assert child_environment(given) == plain
    within_make = {"MAKEFLAGS": "-n", "MFLAGS": "-n", "MAKELEVEL": "1", "MAKEOVERRIDES": "x"}
    assert child_environment({**given, **within_make}) == plain


def test_what_the_user_himself_says_to_make_is_kept() -> None:
    assert child_environment({"MAKEFLAGS": "-j4"})["MAKEFLAGS"] == "-j4"


def test_another_user_gets_that_users_home() -> None:
    environ = child_environment({"HOME": "/root", "XDG_CONFIG_HOME": "/x"}, Credentials(0, 0))
    assert environ["HOME"] == home_of(0)
    assert "XDG_CONFIG_HOME" not in environ
    assert home_of(3_999_999_999) == "/nonexistent"


def test_as_another_user_nothing_of_root_is_left(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    ended = run(["id"], environ=PATH, identity=Credentials(65534, 65534), cwd="/")
    assert ended.stdout.startswith(b"uid=65534")
    assert b"root" not in ended.stdout
    tmp_path.chmod(stat.S_IRWXU)
    assert run(["ls", str(tmp_path)], environ=PATH, identity=Credentials(65534, 65534)).exit_code


def assert_gone(pid: int) -> None:
    """The process ends within some seconds of its kill; a zombie of a dead parent is gone too."""
    try:
        process = psutil.Process(pid)
        process.wait(20)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        assert process.status() == psutil.STATUS_ZOMBIE


ENDING = """
import sys, threading
from bpfdoctor.host.process import end_all, run
shell = lambda script: run(["sh", "-c", script], environ={"PATH": "/usr/bin:/bin"}, timeout=60)
done = []
worker = threading.Thread(target=lambda: done.append(shell(sys.argv[1])), daemon=True)
worker.start()
open(sys.argv[2]).read()
while worker.is_alive():
    end_all()
    worker.join(0.02)
print(done[0].exit_code, done[0].signal)
try:
    shell("echo again")
except InterruptedError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize(
    ("trap", "ending"),
    [("trap 'exit 4' INT", "4 None"), ("trap '' INT TERM", "None 9")],
    ids=["interrupted", "killed"],
)
def test_a_run_that_is_told_to_end_interrupts_first_and_then_kills(
    tmp_path: Path, trap: str, ending: str
) -> None:
    """A compiler removes its temporary files on SIGINT; and nothing is started any more."""
    fifo = tmp_path / "reached"
    os.mkfifo(fifo)
    script = f"{trap}; echo > {fifo}; while :; do :; done"
    words = [sys.executable, "-I", "-c", ENDING, script, str(fifo)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.splitlines() == [ending, "this run is being ended"]


def test_a_command_has_the_limits_that_it_was_given_and_no_higher_ones() -> None:
    limits = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 1 << 30),
        (resource.RLIMIT_AS, 1 << 30),
    )
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    said = run(
        ("sh", "-c", "ulimit -Hc; ulimit -Hv; ulimit -Hn"), environ=os.environ, limits=limits
    )
    assert said.stdout.decode().split() == ["0", str(1 << 20), str(ours)]
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0
