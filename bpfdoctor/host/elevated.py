"""Asking as root: one process started by sudo, which answers privileged questions, nothing else.

`check --sudo` starts it once. It is this very interpreter, isolated (`-I`), with a bare
environment. Its arguments are the warrant of this run (`bpfdoctor.host.warrant`): it refuses
whatever is beyond that or outside the closed list, and ends with the pipe to its parent. The parent
alone holds that pipe, and lets no other process of its user look for it.
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
from typing import IO, TYPE_CHECKING

import msgspec

from bpfdoctor import __version__
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.dumpable import hidden_from_others
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.process import end_all, kill_all
from bpfdoctor.host.question import A, NoAnswer, Question
from bpfdoctor.host.rpc import Channel, Message, RemoteHost, WireError, own_pipe, serve
from bpfdoctor.host.signals import ignore, pass_none_on
from bpfdoctor.host.sudo import bare_environment, find_sudo
from bpfdoctor.host.warrant import Grants, Warrant

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpfdoctor.host.grant import Grant

MODULE = "bpfdoctor.host.elevated"
PATIENCE = 10
"""Seconds for the privileged process to clean up after itself once the pipe is closed."""


def command(warrant: Warrant = Warrant()) -> tuple[str, ...]:  # noqa: B008  (frozen)
    """What root runs: absolute, so that sudo's own PATH does not matter."""
    return (sys.executable, "-I", "-m", MODULE, *warrant.arguments)


class ElevatedHost:
    """The privileged process, as a host. Safe under threads."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        channel: Channel,
        progress: Callable[[str], None],
        hidden: contextlib.ExitStack,
    ) -> None:
        self._process, self._hidden = process, hidden
        self._remote = RemoteHost(channel, progress, peer="privileged")

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`; `refused` for a question that needs no privilege."""
        return self._remote.ask(question)

    def grant(self, grant: Grant) -> None:
        """Let root run what a build of this run has made."""
        self._remote.grant(msgspec.to_builtins(grant))

    def close(self) -> None:
        """Close the pipe and wait for the process, which then cleans up and ends."""
        _end(self._process)
        self._hidden.close()


def start_elevated(machine: Machine, warrant: Warrant = Warrant()) -> ElevatedHost:  # noqa: B008
    """Start the privileged process: `sudo -n` first, then sudo with its own prompt, once.

    It is told by `warrant` what this run may ask; that does not change any more. Raises
    BpfDoctorError, with the command to type, where there is no sudo or it refuses.
    """
    sudo = find_sudo(machine.environ.get("PATH", os.defpath))
    if sudo is None:
        raise _refused("sudo is not on PATH")
    with tempfile.TemporaryFile() as said:
        try:
            return _start((sudo, "-n", "--", *command(warrant)), machine, said)
        except _NotStartedError:
            refusal = _last_line(said)
    if "password" not in refusal or not _has_terminal():
        raise _refused(refusal)
    machine.progress("sudo asks for your password to put privileged questions to the kernel")
    try:
        return _start((sudo, "--", *command(warrant)), machine, None)
    except _NotStartedError:
        raise _refused("sudo refused") from None


class _NotStartedError(Exception):
    pass


def _start(argv: tuple[str, ...], machine: Machine, said: IO[bytes] | None) -> ElevatedHost:
    hidden = contextlib.ExitStack()
    hidden.enter_context(hidden_from_others())
    try:
        process, channel = _started(argv, machine, said)
    except BaseException:
        hidden.close()
        raise
    return ElevatedHost(process, channel, machine.progress, hidden)


def _started(
    argv: tuple[str, ...], machine: Machine, said: IO[bytes] | None
) -> tuple[subprocess.Popen[bytes], Channel]:
    # Not in a session of its own: sudo could not prompt on the terminal.
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        cwd="/",
        env={**bare_environment(), "TERM": machine.environ.get("TERM", "dumb")},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    channel = Channel(process.stdout, process.stdin)
    if not _greeted(process, channel):
        raise _NotStartedError
    return process, channel


def _greeted(process: subprocess.Popen[bytes], channel: Channel) -> bool:
    """Whether it is the privileged process of this version; anything else is ended."""
    assert process.stdout is not None
    hello = None
    try:
        with contextlib.suppress(WireError):  # something that sudo, or a profile of root's, printed
            hello = channel.receive()
    finally:  # Ctrl-C at the prompt, too
        if hello is None or hello.result != __version__:
            process.stdout.close()
            _end(process)
    return hello is not None and hello.result == __version__


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


def main() -> None:
    """Serve privileged questions on stdin and stdout until the pipe closes."""
    try:
        grants = Grants(Warrant.told(sys.argv[1:]))
    except ValueError as error:
        sys.exit(f"{MODULE}: {error}")
    channel = own_pipe()
    for number in (signal.SIGINT, signal.SIGHUP):  # the parent's to act on: it closes the pipe
        ignore(number)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    pass_none_on()
    host = LiveHost(Machine(_roots_own_environment(), progress=_quietly(channel)))
    channel.send(Message(result=__version__))
    try:
        with contextlib.suppress(WireError):
            serve(host, channel, grants.refusal, grants.add)
    finally:
        _let_finish(PATIENCE / 2)
        kill_all()
        host.close()


def _roots_own_environment() -> dict[str, str]:
    """Nothing of the asker's, whatever sudo keeps of it: TMPDIR would say where root writes."""
    environ = {**bare_environment(), "HOME": "/root"}
    os.environ.clear()
    os.environ.update(environ)
    os.umask(0o077)
    os.chdir("/")
    return environ


def _let_finish(seconds: float) -> None:
    """End what was started, and let the questions being put take back what they changed."""
    end, us = time.monotonic() + seconds, threading.current_thread()
    end_all()
    while (others := [each for each in threading.enumerate() if each is not us]) and (
        time.monotonic() < end
    ):
        others[0].join(0.05)
        end_all()


def _quietly(channel: Channel) -> Callable[[str], None]:
    def progress(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the parent is gone
            channel.progress(text)

    return progress


if __name__ == "__main__":
    main()
