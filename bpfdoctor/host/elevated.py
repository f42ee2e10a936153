"""Asking as root: one process started by sudo, which answers privileged questions, nothing else.

`check --sudo` starts it once. It is this very interpreter, isolated (`-I`), with a bare
environment; it refuses every question whose class is not `privileged`, and ends with the pipe to
its parent. Whoever holds that pipe may ask what sudo allowed this user to ask.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, Any

from bpfdoctor import __version__
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.process import end_all, kill_all
from bpfdoctor.host.question import A, NoAnswer, Question
from bpfdoctor.host.rpc import Channel, Message, RemoteHost, WireError, serve
from bpfdoctor.host.signals import ignore, pass_none_on
from bpfdoctor.host.sudo import SYSTEM_PATH, find_sudo

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE = "bpfdoctor.host.elevated"
PATIENCE = 10
"""Seconds for the privileged process to clean up after itself once the pipe is closed."""


def command() -> tuple[str, ...]:
    """What root runs: absolute, so that sudo's own PATH does not matter."""
    return (sys.executable, "-I", "-m", MODULE)


class ElevatedHost:
    """The privileged process, as a host. Safe under threads."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: Channel, progress: Callable[[str], None]
    ) -> None:
        self._process = process
        self._remote = RemoteHost(channel, progress, peer="privileged")

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`; `refused` for a question that needs no privilege."""
        return self._remote.ask(question)

    def close(self) -> None:
        """Close the pipe and wait for the process, which then cleans up and ends."""
        _end(self._process)


def start_elevated(machine: Machine) -> ElevatedHost:
    """Start the privileged process: `sudo -n` first, then sudo with its own prompt, once.

    Raises BpfDoctorError, with the command to type, where there is no sudo or it refuses.
    """
    sudo = find_sudo(machine.environ.get("PATH", os.defpath))
    if sudo is None:
        raise _refused("sudo is not on PATH")
    with tempfile.TemporaryFile() as said:
        try:
            return _start((sudo, "-n", "--", *command()), machine, said)
        except _NotStartedError:
            refusal = _last_line(said)
    if "password" not in refusal or not _has_terminal():
        raise _refused(refusal)
    machine.progress("sudo asks for your password to put privileged questions to the kernel")
    try:
        return _start((sudo, "--", *command()), machine, None)
    except _NotStartedError:
        raise _refused("sudo refused") from None


class _NotStartedError(Exception):
    pass


def _start(argv: tuple[str, ...], machine: Machine, said: IO[bytes] | None) -> ElevatedHost:
    # Not in a session of its own: sudo could not prompt on the terminal.
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        cwd="/",
        env={"PATH": SYSTEM_PATH, "LC_ALL": "C", "TERM": machine.environ.get("TERM", "dumb")},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    channel = Channel(process.stdout, process.stdin)
    try:
        hello = channel.receive()
    except WireError:  # something that sudo, or a profile of root's, printed
        hello = None
    except BaseException:  # Ctrl-C at the prompt
        process.stdout.close()
        _end(process)
        raise
    if hello is None or hello.result != __version__:
        process.stdout.close()
        _end(process)
        raise _NotStartedError
    return ElevatedHost(process, channel, machine.progress)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(PermissionError):  # sudo's process is root's
            process.kill()
            process.wait(PATIENCE)


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(1 << 16).decode(errors="backslashreplace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "sudo refused")


def _has_terminal() -> bool:
    """Whether sudo could prompt: it opens the terminal itself, whatever stdin is."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _refused(reason: str) -> BpfDoctorError:
    if f"No module named {MODULE.partition('.')[0]}" in reason:
        reason = f"{sys.executable} -I does not find bpfdoctor (installed for this user only?)"
        return BpfDoctorError(reason, "install it with pipx, or in a virtual environment")
    again = f"{sys.executable} -I -m bpfdoctor"
    hint = f"type `sudo -v` in this terminal first, or run it as root: sudo {again} check"
    return BpfDoctorError(f"cannot ask as root: {reason}", hint)


def _only_privileged(question: Question[Any]) -> str:
    return "" if question.privileged else "only questions that depend on privilege are put as root"


def main() -> None:
    """Serve privileged questions on stdin and stdout until the pipe closes."""
    channel = own_pipe()
    for number in (signal.SIGINT, signal.SIGHUP):  # the parent's to act on: it closes the pipe
        ignore(number)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    pass_none_on()
    environ = {"PATH": SYSTEM_PATH, "HOME": "/root", "LC_ALL": "C"}
    host = LiveHost(Machine(environ, progress=_quietly(channel)))
    channel.send(Message(result=__version__))
    try:
        with contextlib.suppress(WireError):
            serve(host, channel, _only_privileged)
    finally:
        _let_finish(PATIENCE / 2)
        kill_all()
        host.close()


def _let_finish(seconds: float) -> None:
    """End what was started, and let the questions being put take back what they changed."""
    end, us = time.monotonic() + seconds, threading.current_thread()
    end_all()
    while (others := [each for each in threading.enumerate() if each is not us]) and (
        time.monotonic() < end
    ):
        others[0].join(0.05)
        end_all()


def own_pipe() -> Channel:
    """stdin and stdout as a channel; what else is printed goes to stderr, what is read is empty."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return Channel(reader, writer)


def _quietly(channel: Channel) -> Callable[[str], None]:
    def progress(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the parent is gone
            channel.progress(text)

    return progress


if __name__ == "__main__":
    main()
