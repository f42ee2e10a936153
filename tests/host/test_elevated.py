"""One privileged process: real sudo, real refusals, and no life of its own."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from bpfdoctor import __version__
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host import elevated
from bpfdoctor.host.elevated import command, start_elevated
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.facts import AskIdentity, Identity
from bpfdoctor.host.system.files import ReadFile
from bpfdoctor.host.system.mounted import AskFileSystem, FileSystem
from bpfdoctor.host.warrant import Warrant
from bpfdoctor.smoke.run import RunProgram

Needs = Callable[..., None]


def pretend(directory: Path, lines: str) -> Machine:
    """A machine whose sudo is a real executable of these lines of shell."""
    tool = directory / "sudo"
    tool.write_text(f"#!/bin/sh\n{lines}\n")
    tool.chmod(0o755)
    return Machine({"PATH": f"{directory}:/usr/bin:/bin"})


GRANTS = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
"""What sudo does once it has agreed."""


def test_real_sudo_gives_one_process_of_root(needs: Needs) -> None:
    needs("root", "sudo")
    host = start_elevated(Machine())
    try:
        identity = host.ask(AskIdentity())
        assert isinstance(identity, Identity)
        assert identity.euid == 0
        assert host.ask(AskFileSystem("/proc")) == FileSystem(0x9FA0)
    finally:
        host.close()
    assert isinstance(host.ask(AskIdentity()), NoAnswer)


def test_what_needs_no_privilege_is_refused(tmp_path: Path) -> None:
    host = start_elevated(pretend(tmp_path, GRANTS))
    try:
        answer = host.ask(ReadFile("/etc/shadow"))
    finally:
        host.close()
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


def test_nothing_of_the_users_environment_is_passed_on(tmp_path: Path) -> None:
    lines = f'env > {tmp_path}/env; printf "%s\\n" "$@" > {tmp_path}/argv; {GRANTS}'
    machine = pretend(tmp_path, lines)
    machine.environ["SECRET"] = machine.environ["PYTHONPATH"] = "x"
    start_elevated(machine).close()
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "LC_ALL", "TERM", "PWD", "SHLVL", "_", "OLDPWD"}
    assert (tmp_path / "argv").read_text().split("\n")[:-1] == ["-n", "--", *command()]
    assert os.path.isabs(command()[0])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("echo 'sudo: a password is required' >&2; exit 1", "a password is required"),
        ("echo 'zelda is not in the sudoers file.' >&2; exit 1", "not in the sudoers file"),
        ("exit 1", "sudo refused"),
        ("echo Welcome to this machine", "sudo refused"),
        ("kill -KILL $$", "sudo refused"),
        (f"exec {sys.executable} -I -m bpfdoctor_is_not_here", "does not find bpfdoctor"),
    ],
)
def test_a_sudo_that_does_not_agree_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, said: str
) -> None:
    monkeypatch.setattr(elevated, "_has_terminal", lambda: False)
    with pytest.raises(BpfDoctorError, match=said) as caught:
        start_elevated(pretend(tmp_path, lines))
    assert caught.value.hint


def test_a_machine_without_sudo_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BpfDoctorError, match="sudo is not on PATH") as caught:
        start_elevated(Machine({"PATH": str(tmp_path)}))
    assert f"sudo {sys.executable} -I -m bpfdoctor check" in caught.value.hint


def test_with_a_terminal_sudo_may_ask_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevated, "_has_terminal", lambda: True)
    wants = "echo 'sudo: a password is required' >&2; exit 1"
    host = start_elevated(pretend(tmp_path, f'if [ "$1" = -n ]; then {wants}; fi; {GRANTS}'))
    try:
        assert host.ask(AskFileSystem("/proc")) == FileSystem(0x9FA0)
    finally:
        host.close()
    with pytest.raises(BpfDoctorError, match="sudo refused"):
        start_elevated(pretend(tmp_path, f'[ "$1" = -n ] && {{ {wants}; }}; exit 1'))


ASKS = """
from bpfdoctor.host.elevated import *
from bpfdoctor.host.system.facts import AskIdentity
try:
    host = start_elevated(Machine())
    print(os.geteuid(), host.ask(AskIdentity()).euid)
    host.close()
except BpfDoctorError as error:
    print(error.message)
"""


def as_an_ordinary_user(code: str, prepare: str = "true") -> str:
    """What a program of ours prints as nobody, without a terminal, with a sudo set-up of its own.

    `prepare` is run by root in a mount namespace before that.
    """
    package = Path(elevated.__file__).parents[2]
    become = "setpriv --clear-groups --reuid=65534 --regid=65534"
    places = (Path(sys.prefix), Path(sys.base_prefix), package)
    if not others_may_enter(*places):  # a clone or a Python in root's home may still be read
        become += " --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    script = f'{prepare} && exec {become} "$0" -c "$1"'
    done = subprocess.run(
        ["setsid", "-w", "unshare", "--mount", "sh", "-c", script, sys.executable, code],
        cwd=package,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout, done.stderr
    return done.stdout


def test_real_sudo_refuses_an_ordinary_user(needs: Needs) -> None:
    needs("root", "sudo", "setpriv", "setsid", "unshare")
    assert as_an_ordinary_user(ASKS).startswith("cannot ask as root: ")


def test_real_sudo_lets_a_trusted_user_ask_as_root(needs: Needs) -> None:
    needs("root", "sudo", "setpriv", "setsid", "unshare")
    trusted = (
        "mount -t tmpfs -o mode=0750 none /etc/sudoers.d"
        " && echo '#65534 ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/test"
        " && chmod 0440 /etc/sudoers.d/test"
    )
    assert as_an_ordinary_user(ASKS, trusted) == "65534 0\n"


def others_may_enter(*places: Path) -> bool:
    every = {parent for place in places for parent in (place, *place.parents)}
    return all(parent.stat().st_mode & 0o001 for parent in every)


class Pipe:
    """The privileged process, and what a parent that does not keep the rules may write to it."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        argv = (*command(), *arguments)
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environ}
        )

    def __enter__(self) -> Pipe:
        self._line()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        with self.process:
            self.process.wait(20)

    def grant(self, question: RunProgram) -> None:
        self._write({"grant": {"ask": "RunProgram", "named": [question.binary, question.sha256]}})

    def ask(self, question: Question[Any]) -> Any:
        self._write({"number": 1, "question": msgspec.to_builtins(question)})
        return self._line()["answer"]

    def _write(self, message: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def _line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@pytest.fixture
def program(tmp_path: Path) -> RunProgram:
    """A program that notes where it is run, and in what environment."""
    binary = tmp_path / "program"
    binary.write_text('#!/bin/sh\npwd > "$1"; env >> "$1"\n')
    sha256 = hashlib.sha256(binary.read_bytes()).hexdigest()
    return RunProgram(str(binary), sha256, "program", (str(tmp_path / "ran"),), watch="output")


@pytest.mark.parametrize("granted", [False, True])
@pytest.mark.parametrize("arguments", [(), ("--smoke",)])
def test_root_runs_what_was_built_in_a_smoke_and_nothing_else(
    program: RunProgram, tmp_path: Path, arguments: tuple[str, ...], granted: bool
) -> None:
    """A third-party check, or a rule of sudoers for this command alone, was all of root."""
    with Pipe(*arguments) as pipe:
        if granted:
            pipe.grant(program)
        answer = pipe.ask(program)
        assert pipe.ask(AskFileSystem("/proc"))["magic"] == 0x9FA0
    may = granted and bool(arguments)
    assert answer["answer"] == ("Ran" if may else "NoAnswer")
    assert (tmp_path / "ran").exists() == may


def test_what_sudo_keeps_of_an_environment_steers_nothing_of_roots(
    program: RunProgram, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    hostile = {"TMPDIR": str(theirs), "BASH_ENV": "x", "LD_LIBRARY_PATH": "x", "PATH": str(theirs)}
    with Pipe("--smoke", **hostile) as pipe:
        pipe.grant(program)
        assert pipe.ask(program)["answer"] == "Ran"
    place, *environ = (tmp_path / "ran").read_text().splitlines()
    assert not place.startswith(str(theirs))
    names = {each.partition("=")[0] for each in environ}
    assert names <= {"PATH", "HOME", "LC_ALL", "GIT_TERMINAL_PROMPT", "PWD", "SHLVL", "_", "OLDPWD"}
    assert str(theirs) not in "".join(environ)


@pytest.mark.parametrize("arguments", [["--all"], ["--smoke", "x"]])
def test_it_takes_its_warrant_and_nothing_else(arguments: list[str]) -> None:
    done = subprocess.run(
        (*command(), *arguments), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.endswith(b"it takes --smoke or nothing\n")


def test_sudo_is_told_whether_this_run_builds(tmp_path: Path) -> None:
    machine = pretend(tmp_path, f'printf "%s\\n" "$@" > {tmp_path}/argv; {GRANTS}')
    for warrant in (Warrant(), Warrant(smoke=True)):
        start_elevated(machine, warrant).close()
        words = (tmp_path / "argv").read_text().split()
        assert words == ["-n", "--", *command(), *["--smoke"] * warrant.smoke]


LOOKED_FOR = """
import os, subprocess
from bpfdoctor.host.dumpable import hidden_from_others
def look():
    pipe = f"/proc/{os.getpid()}/fd/0"
    return subprocess.run(["readlink", pipe], capture_output=True).returncode
before = look()
with hidden_from_others():
    within = look()
print(before, within, look())
"""


def test_another_process_of_the_user_does_not_find_the_pipe_to_root(needs: Needs) -> None:
    needs("root", "setpriv", "setsid", "unshare", "readlink")
    assert as_an_ordinary_user(LOOKED_FOR) == "0 1 0\n"


@pytest.mark.parametrize(
    "lines", [GRANTS, "exit 1", "echo Welcome to this machine"], ids=["granted", "refused", "noise"]
)
def test_the_pipe_is_hidden_for_as_long_as_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str
) -> None:
    monkeypatch.setattr(elevated, "_has_terminal", lambda: False)
    before = dumpable()
    with contextlib.suppress(BpfDoctorError):
        host = start_elevated(pretend(tmp_path, lines))
        assert not dumpable()
        host.close()
    assert dumpable() == before


def dumpable() -> int:
    return int(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))  # PR_GET_DUMPABLE


@pytest.mark.parametrize("how", ["close", "garbage", "terminate"])
def test_the_process_ends_with_its_parent(how: str) -> None:
    process = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert json.loads(process.stdout.readline()) == {"result": __version__}
        if how == "garbage":
            process.stdin.write(b"garbage\n")
            process.stdin.flush()
        elif how == "terminate":
            process.terminate()
        else:
            process.stdin.close()
        assert process.wait(20) == (128 + 15 if how == "terminate" else 0)


def test_an_interrupt_is_the_parents_to_act_on() -> None:
    process = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        psutil.Process(process.pid).send_signal(2)
        psutil.Process(process.pid).send_signal(1)
        question = {"number": 1, "question": {"ask": "AskFileSystem", "path": "/proc"}}
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["answer"]["magic"] == 0x9FA0
        process.stdin.close()
        assert process.wait(20) == 0
