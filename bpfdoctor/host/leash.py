"""Starting a command that ends with us: with all that it started, whatever ends bpfdoctor.

A second process (`host/keeper.py`) starts it and holds it on a leash. This module is our end.
"""

from __future__ import annotations

import atexit
import contextlib
import marshal
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import bpfdoctor
from bpfdoctor.host.keeper import LENGTH, REPLY

PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL

START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from bpfdoctor.host.keeper import main; main(int(sys.argv[2]))"
)

ENDED_BY_US = -9
"""The status of a command whose leash was killed: it died with the leash."""


class Keeper:
    """The other process, from the first command on. Safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def order(self, order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Have a command started. Raises OSError where that cannot be."""
        data = marshal.dumps(dict(order))
        with self._lock:
            try:
                self._send(data, descriptors)
            except (BrokenPipeError, ConnectionResetError):  # somebody killed it
                self._close()
                self._send(data, descriptors)

    def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        control = self._control or self._started()
        socket.send_fds(control, [LENGTH.pack(len(data))], descriptors)
        control.sendall(data)

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        package = str(Path(bpfdoctor.__file__).parent.parent)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable or "/proc/self/exe", "-I", "-S", "-c", START, package,
                     str(theirs.fileno())],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    cwd="/", pass_fds=[theirs.fileno()], start_new_session=True,
                )  # fmt: skip
            except BaseException:
                ours.close()
                raise
        self._control = ours
        return ours

    def close(self) -> None:
        """End the other process, and wait for it."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        self._control = self._process = None


_keeper = Keeper()
atexit.register(_keeper.close)


def close() -> None:
    """End the process that starts our commands; it is started again with the next."""
    _keeper.close()


class Command:
    """A command that runs, as `subprocess.Popen` shows one; `close` ends all that is left of it.

    `argv`, `environ`, `cwd`, `stdin`, `stdout` and `stderr` are as there, and so are the errors
    raised. It leads a session of its own and inherits no other descriptor. `identity` is user,
    group and groups that it runs as. `held` are descriptors that the leash keeps open until
    nothing is left of the command. `gentle` is how many seconds it gets after SIGINT if we die.
    """

    def __init__(  # noqa: PLR0913  (each is one property of the command)
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        cwd: str | Path | None = None,
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
        identity: tuple[int, int, Sequence[int]] | None = None,
        held: Sequence[int] = (),
        gentle: float = 0,
    ) -> None:
        order = {
            "argv": [_word(each) for each in argv],
            "environ": {_name(name): _word(value) for name, value in environ.items()},
            "cwd": None if cwd is None else _word(cwd),
            "identity": None if identity is None else (*identity[:2], list(identity[2])),
            "gentle": gentle,
        }
        self.argv = list(argv)
        self.returncode: int | None = None
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            self.stdin, reading = _stream(stdin, theirs, ours, "wb")
            self.stdout, out = _stream(stdout, theirs, ours, "rb")
            self.stderr, errors = _stream(stderr, theirs, ours, "rb")
            self._socket, leash = socket.socketpair()
            ours.enter_context(self._socket)
            theirs.enter_context(leash)
            here = _working_directory(theirs)
            _keeper.order(order, (leash.fileno(), here, reading, out, errors, *held))
            theirs.close()
            self.pid = self._begun(cwd)
            ours.pop_all()

    def _begun(self, cwd: str | Path | None) -> int:
        """The process id. Raises OSError where there is no process."""
        pid, number = self._reply() or (0, 0)
        if pid:
            return pid
        if number == 0:
            raise OSError("the process that starts commands was ended")  # noqa: TRY003
        name = str(cwd) if number < 0 else self.argv[0]
        raise OSError(abs(number), os.strerror(abs(number)), name)

    def _reply(self) -> tuple[int, int] | None:
        """What the leash says next; None when it is gone."""
        try:
            data = self._socket.recv(REPLY.size)
        except ConnectionResetError:
            return None
        return REPLY.unpack(data) if len(data) == REPLY.size else None

    def poll(self) -> int | None:
        """The exit status if it has ended, negative for a signal."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, waited for. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not _readable(self._socket, timeout):
                raise subprocess.TimeoutExpired(self.argv, timeout or 0)
            reply = self._reply()
            self.returncode = ENDED_BY_US if reply is None else reply[0]
        return self.returncode

    def close(self, patience: float = 5) -> None:
        """End the command and its descendants, however they hide, and close its pipes.

        What cannot be killed is not waited for for ever.
        """
        with contextlib.suppress(OSError):  # the leash is gone already
            self._socket.shutdown(socket.SHUT_WR)
            while _readable(self._socket, patience) and (reply := self._reply()) is not None:
                self.returncode = reply[0] if self.returncode is None else self.returncode
        self._socket.close()
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written is lost
                    pipe.close()

    def __enter__(self) -> Command:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _word(text: str | Path) -> bytes:
    word = os.fsencode(text)
    if b"\0" in word:
        raise ValueError("embedded null byte")  # noqa: TRY003
    return word


def _name(name: str) -> bytes:
    if not name or "=" in name:
        raise ValueError("illegal environment variable name")  # noqa: TRY003
    return _word(name)


def _stream(
    wanted: int, theirs: contextlib.ExitStack, ours: contextlib.ExitStack, mode: str
) -> tuple[IO[bytes] | None, int]:
    """Our end of a pipe, where one is wanted, and the command's descriptor."""
    if wanted >= 0:
        return None, wanted
    if wanted == DEVNULL:
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        theirs.callback(os.close, nothing)
        return None, nothing
    reader, writer = os.pipe()
    kept, given = (reader, writer) if mode == "rb" else (writer, reader)
    theirs.callback(os.close, given)
    return ours.enter_context(os.fdopen(kept, mode, buffering=0)), given


def _working_directory(theirs: contextlib.ExitStack) -> int:
    """Ours, or the root where ours may not be entered."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        here = os.open(".", flags)
    except OSError:
        here = os.open("/", flags)
    theirs.callback(os.close, here)
    return here


def _readable(end: socket.socket, timeout: float | None) -> bool:
    poller = select.poll()  # `select` takes no descriptor above 1023
    poller.register(end, select.POLLIN)
    return bool(poller.poll(None if timeout is None else max(0, timeout * 1000)))
