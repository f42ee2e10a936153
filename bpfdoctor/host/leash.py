"""Starting a command that ends with us: with all that it started, whatever ends bpfdoctor.

A second process (`host/keeper.py`) starts it and holds it on a leash. This module is our end.
"""

from __future__ import annotations

import contextlib
import errno
import marshal
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.keeper import LENGTH
from bpfdoctor.host.leash_pool import PATIENCE, POOL, readable, reply_of

PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL

LOOK = 1.0
"""Seconds after which a thread that waits sees that another has read the status."""

KILLED = -9
"""The status of a command whose leash was killed: it died with the leash."""


class LeashedCommand:
    """A command that runs, as `subprocess.Popen` shows one; `close` ends all that is left of it.

    `argv`, `environ`, `cwd`, `stdin`, `stdout` and `stderr` are as there, and so are the errors
    raised. It leads a session of its own, inherits no other descriptor, and runs as `identity`.
    `held` are descriptors that the leash keeps open until nothing is left of the command. `gentle`
    is how many seconds it gets after SIGINT when it is our death that ends it. `limits` are those
    of setrlimit(2), by number, in the unit of each.
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
        limits: Sequence[tuple[int, int]] = (),
    ) -> None:
        order = _order(argv, environ, cwd, identity)
        self.argv = list(argv)
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._unwanted = False
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            self.stdin, reading = _stream(stdin, theirs, ours, "wb")
            self.stdout, out = _stream(stdout, theirs, ours, "rb")
            self.stderr, errors = _stream(stderr, theirs, ours, "rb")
            self._leash = POOL.take()
            ours.enter_context(self._leash)
            moved = _working_directory(theirs) if POOL.moved() else ()
            order |= {"moved": len(moved), "gentle": gentle, "limits": tuple(limits)}
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
        pid, number = reply_of(self._leash) or (0, errno.ECHILD)
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
            if readable(self._leash, left):
                self._read_status()
            elif end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired(self.argv, timeout or 0)
        return self.returncode

    def _read_status(self) -> None:
        """Read it once, whoever of the threads that wait for it is the first."""
        with self._lock:
            if self.returncode is None and readable(self._leash, 0):
                reply = reply_of(self._leash)
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
        if (
            self.returncode is not None
            and readable(self._leash, PATIENCE)
            and reply_of(self._leash)
        ):
            POOL.give_back(self._leash)
        else:
            self._leash.close()
            POOL.lost()
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written is lost
                    pipe.close()


def _order(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str | Path | None,
    identity: Credentials | None,
) -> dict[str, Any]:
    """What the leash is told of a command. Raises ValueError for what is none."""
    return {
        "argv": [_word(each) for each in argv],
        "environ": {_name(name): _word(value) for name, value in environ.items()},
        "cwd": None if cwd is None else _word(cwd),
        "identity": None if identity is None else (identity.uid, identity.gid, identity.groups),
    }


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


def _working_directory(theirs: contextlib.ExitStack) -> tuple[int]:
    """A descriptor of ours, or of the root where ours may not be entered."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        here = os.open(".", flags)
    except OSError:
        here = os.open("/", flags)
    theirs.callback(os.close, here)
    return (here,)
