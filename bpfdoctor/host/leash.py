"""Starting a command that ends with us: with all that it started, whatever ends bpfdoctor.

A second process (`host/keeper.py`) starts it and holds it on a leash. This module is our end.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import bpfdoctor
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.keeper import LENGTH, REPLY

PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL

START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from bpfdoctor.host.keeper import main; main(int(sys.argv[2]))"
)

PATIENCE = 5
"""Seconds that the end of what we have ended is waited for."""

LOOK = 1.0
"""Seconds after which a thread that waits sees that another has read the status."""

KILLED = -9
"""The status of a command whose leash was killed: it died with the leash."""


class Keeper:
    """The other process, from the first command on, and its leashes that are free."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._free: list[socket.socket] = []
        self._began_in: tuple[int, int] | None = None

    def moved(self) -> bool:
        """Whether our working directory is another than when that process began."""
        return _here() != self._began_in

    def take(self) -> socket.socket:
        """A leash for one command. Raises OSError where there can be none."""
        with self._lock:
            while self._free:
                leash = self._free.pop()
                if not _readable(leash, 0):
                    return leash
                leash.close()  # somebody killed it
            try:
                return self._forked()
            except ConnectionError:  # somebody killed the process
                self._close()
                return self._forked()

    def give_back(self, leash: socket.socket) -> None:
        """Nothing is left of its command: another may have it."""
        with self._lock:
            self._free.append(leash)

    def lost(self) -> None:
        """A leash was killed, or does not answer: what is left of its command is ended."""
        with self._lock, contextlib.suppress(OSError):  # both were killed
            if self._control is not None:
                self._wake()
                self._control.sendall(b"-")
                if _readable(self._control, PATIENCE):
                    self._control.recv(1)

    def _wake(self) -> None:
        """A command may have stopped the process."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _forked(self) -> socket.socket:
        control = self._control or self._started()
        self._wake()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(control, [b"+"], [theirs.fileno()])
            reply = _reply(ours)
            if reply is None:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            if reply[1]:
                raise OSError(reply[1], os.strerror(reply[1]))
        except BaseException:
            ours.close()
            raise
        return ours

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        package = str(Path(bpfdoctor.__file__).parent.parent)
        words = (sys.executable or "/proc/self/exe", "-I", "-S", "-c", START, package)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*words, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        self._control, self._began_in = ours, _here()
        return ours

    def close(self) -> None:
        """End the other process, and wait for it."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        while self._free:
            self._free.pop().close()
        if self._control is not None:
            with contextlib.suppress(OSError):  # it has ended
                self._wake()
                self._control.shutdown(socket.SHUT_WR)
                _readable(self._control, PATIENCE)
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._control = self._process = None


_keeper = Keeper()
atexit.register(_keeper.close)


def close() -> None:
    """End the process that starts our commands; it is started again with the next."""
    _keeper.close()


class LeashedCommand:
    """A command that runs, as `subprocess.Popen` shows one; `close` ends all that is left of it.

    `argv`, `environ`, `cwd`, `stdin`, `stdout` and `stderr` are as there, and so are the errors
    raised. It leads a session of its own, inherits no other descriptor, and runs as `identity`.
    `held` are descriptors that the leash keeps open until nothing is left of the command. `gentle`
    is how many seconds it gets after SIGINT when it is our death that ends it.
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
        identity: Credentials | None = None,
        held: Sequence[int] = (),
        gentle: float = 0,
    ) -> None:
        order = {
            "argv": [_word(each) for each in argv],
            "environ": {_name(name): _word(value) for name, value in environ.items()},
            "cwd": None if cwd is None else _word(cwd),
            "identity": None if identity is None else (identity.uid, identity.gid, identity.groups),
            "gentle": gentle,
        }
        self.argv = list(argv)
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._unwanted = False
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            self.stdin, reading = _stream(stdin, theirs, ours, "wb")
            self.stdout, out = _stream(stdout, theirs, ours, "rb")
            self.stderr, errors = _stream(stderr, theirs, ours, "rb")
            self._leash = _keeper.take()
            ours.enter_context(self._leash)
            moved = _working_directory(theirs) if _keeper.moved() else ()
            order["moved"] = len(moved)
            self._send(marshal.dumps(order), (reading, out, errors, *moved, *held))
            theirs.close()
            self.pid = self._begun(cwd)
            ours.pop_all()

    def _send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Give the leash an order; where it is gone, the reply tells."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._leash, [LENGTH.pack(len(data))], descriptors)
            self._leash.sendall(data)

    def _begun(self, cwd: str | Path | None) -> int:
        """The process id. Raises OSError where there is no process."""
        pid, number = _reply(self._leash) or (0, errno.ECHILD)
        if pid:
            return pid
        name = str(cwd) if number < 0 else self.argv[0]
        raise OSError(abs(number), os.strerror(abs(number)), name)

    def poll(self) -> int | None:
        """The exit status if it has ended, negative for a signal."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, waited for. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            left = LOOK if end is None else min(LOOK, end - time.monotonic())
            if _readable(self._leash, left):
                self._read_status()
            elif end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired(self.argv, timeout or 0)
        return self.returncode

    def _read_status(self) -> None:
        """Read it once, whoever of the threads that wait for it is the first."""
        with self._lock:
            if self.returncode is None and _readable(self._leash, 0):
                reply = _reply(self._leash)
                self.returncode = KILLED if reply is None else reply[0]

    def interrupt(self) -> None:
        """Send SIGINT to its group, as Ctrl-C on a terminal does, while it runs."""
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self.returncode is None:
                os.killpg(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """Have it ended with all its descendants, however they hide; `wait` tells when it is."""
        with self._lock:
            if not self._unwanted:
                self._unwanted = True
                self._send(b"")

    def close(self) -> None:
        """End what is left of the command, and close its pipes.

        What cannot be killed is not waited for for ever.
        """
        if self.returncode is None:
            self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(PATIENCE)
        with self._lock:
            self._unwanted = True  # the leash is another command's from now on
        if self.returncode is not None and _readable(self._leash, PATIENCE) and _reply(self._leash):
            _keeper.give_back(self._leash)
        else:
            self._leash.close()
            _keeper.lost()
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written is lost
                    pipe.close()


def _reply(leash: socket.socket) -> tuple[int, int] | None:
    """What a leash says next; None when it is gone."""
    with contextlib.suppress(OSError):
        data = leash.recv(REPLY.size)
        if len(data) == REPLY.size:
            first, second = REPLY.unpack(data)
            return first, second
    return None


def _word(text: str | Path) -> bytes:
    word = os.fsencode(text)
    if b"\0" in word:
        raise ValueError("embedded null byte")
    return word


def _name(name: str) -> bytes:
    if not name or "=" in name:
        raise ValueError("illegal environment variable name")
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
    return ours.enter_context(os.fdopen(kept, mode)), given


def _here() -> tuple[int, int] | None:
    """Our working directory; None where it may not be looked at."""
    try:
        facts = os.stat(".")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _working_directory(theirs: contextlib.ExitStack) -> tuple[int]:
    """A descriptor of ours, or of the root where ours may not be entered."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        here = os.open(".", flags)
    except OSError:
        here = os.open("/", flags)
    theirs.callback(os.close, here)
    return (here,)


def _readable(end: socket.socket, timeout: float | None) -> bool:
    if end.fileno() < 0:  # closed meanwhile: there is nothing to wait for
        return True
    poller = select.poll()  # `select` takes no descriptor above 1023
    poller.register(end, select.POLLIN)
    return bool(poller.poll(None if timeout is None else max(0, timeout * 1000)))
