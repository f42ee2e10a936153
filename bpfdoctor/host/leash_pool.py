"""The process that holds leashes (`host/keeper.py`) is started once, and each leash is reused."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import bpfdoctor
from bpfdoctor.host.keeper import REPLY

START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from bpfdoctor.host.keeper import main; main(int(sys.argv[2]))"
)

PATIENCE = 5
"""Seconds that the end of what we have ended is waited for."""


class LeashPool:
    """The process that holds leashes, from the first command on, and those that are free."""

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
                if not readable(leash, 0):
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
                if readable(self._control, PATIENCE):
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
            reply = reply_of(ours)
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
                readable(self._control, PATIENCE)
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._control = self._process = None


POOL = LeashPool()
atexit.register(POOL.close)


def close() -> None:
    """End the process that starts our commands; it is started again with the next."""
    POOL.close()


def reply_of(leash: socket.socket) -> tuple[int, int] | None:
    """What a leash says next; None when it is gone."""
    with contextlib.suppress(OSError):
        data = leash.recv(REPLY.size)
        if len(data) == REPLY.size:
            first, second = REPLY.unpack(data)
            return first, second
    return None


def _here() -> tuple[int, int] | None:
    """Our working directory; None where it may not be looked at."""
    try:
        facts = os.stat(".")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def readable(end: socket.socket, timeout: float | None) -> bool:
    """Whether there is something to read within `timeout` seconds, the end included."""
    if end.fileno() < 0:  # closed meanwhile: there is nothing to wait for
        return True
    poller = select.poll()  # `select` takes no descriptor above 1023
    poller.register(end, select.POLLIN)
    return bool(poller.poll(None if timeout is None else max(0, timeout * 1000)))
