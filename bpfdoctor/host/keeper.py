"""The process that starts our commands and outlives us: what it started ends when we are gone.

It has no threads and imports little, so that a fork costs it a millisecond. It forks leashes, each
with one end of a socket. A leash runs one command after the other: it forks it, tells how it ended,
and kills what is left of it, its group and all its other descendants: an orphan becomes the leash's
child (PR_SET_CHILD_SUBREAPER, Linux 3.4). It does so too when it is told to let go of a command,
and when the other end of its socket, which bpfdoctor alone has, is closed by bpfdoctor's death.
Where a leash itself was killed, its orphans become this process's children, and are killed by it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import marshal
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from bpfdoctor.host.becoming import NotEnteredError, become
from bpfdoctor.host.descendants import any_left, descendants, send

PR_SET_CHILD_SUBREAPER = 36
"""linux/prctl.h."""

LENGTH = struct.Struct("=I")
"""Comes before an order, and brings its descriptors; 0 is the order to let go."""

REPLY = struct.Struct("=ii")
"""Once of a leash: its process id and 0, or 0 and an errno. Of each command: its process id and 0,
or 0 and an errno (negative: of the working directory); then the exit status and 0; and at last,
when nothing is left of it, twice 0."""

MOST = 16
"""Descriptors that come with an order: those of the command's stdin, stdout and stderr, bpfdoctor's
working directory where it is not the one that it began in, and what the leash is to hold."""

GRACE = 1.0
"""Seconds in which processes that cannot be seen are expected to have died with their group."""

_libc = ctypes.CDLL(None)


def main(descriptor: int) -> None:
    """Fork a leash for each socket that comes, until the other end is closed."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a killed leash leaves comes to us
    gc.freeze()  # what a collection would write to is copied at each fork
    leashes: set[int] = set()
    with socket.socket(fileno=descriptor) as control:
        while (received := _received(control, 1))[0]:
            while _reaped(leashes, os.WNOHANG):
                pass
            if received[1]:
                _fork(control, received[1][0], leashes)
            else:
                _end_lost(leashes)
                control.sendall(b"-")
    _end_lost(leashes)
    while leashes and _reaped(leashes, 0):
        _end_lost(leashes)


def _fork(control: socket.socket, end: int, leashes: set[int]) -> None:
    try:
        pid = os.fork()
        if pid == 0:
            control.close()
            _serve(end)
        leashes.add(pid)
    except OSError as error:
        with contextlib.suppress(OSError):  # nobody is there to be told
            os.write(end, REPLY.pack(0, error.errno or 0))
    os.close(end)


def _reaped(leashes: set[int], flags: int) -> bool:
    """Whether a child has ended; it is forgotten."""
    with contextlib.suppress(ChildProcessError):
        pid, _ = os.waitpid(-1, flags)
        leashes.discard(pid)
        return pid != 0
    return False


def _end_lost(leashes: set[int]) -> None:
    """Kill what killed leashes have left, and let those go on that a command has stopped."""
    while _reaped(leashes, os.WNOHANG):
        pass
    for each in leashes:
        send(os.kill, each, signal.SIGCONT)
    deadline = time.monotonic() + GRACE
    while lost := list(descendants(but=leashes)):
        hit = [pid for pid in lost if send(os.kill, pid, signal.SIGKILL)]
        if not hit and time.monotonic() > deadline:
            return
        time.sleep(0.02)
        while _reaped(leashes, os.WNOHANG):
            pass


def _received(end: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Bytes, none at the end, and the descriptors that came with them."""
    data, ancillary, _, _ = end.recvmsg(size, socket.CMSG_SPACE(MOST * 4), socket.MSG_CMSG_CLOEXEC)
    return data, [each for _, _, packed in ancillary for each in memoryview(packed).cast("i")]


def _serve(end: int) -> NoReturn:
    try:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with socket.socket(fileno=end) as orders:
            orders.sendall(REPLY.pack(os.getpid(), 0))
            while (received := _order(orders)) is not None:
                order, descriptors = received
                if order:
                    _Leash(orders, order, descriptors).hold()
    finally:
        os._exit(0)


def _order(end: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """What is to be run next; None when whoever gives orders is gone."""
    head, descriptors = _received(end, LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (left,), data = LENGTH.unpack(head), bytearray()
    while left > len(data):
        part = end.recv(left - len(data))
        if not part:
            return None
        data += part
    # The order of the process that started us; an empty one lets go of what is over.
    return (marshal.loads(data) if data else {}), descriptors  # noqa: S302


class _Leash:
    """One command, from its start until nothing is left of it."""

    def __init__(
        self, end: socket.socket, order: dict[str, Any], descriptors: Sequence[int]
    ) -> None:
        self.end, self.order = end, order
        self.streams, others = descriptors[:3], descriptors[3:]
        self.moved = others[: order["moved"]]
        self.held = others[order["moved"] :]
        self.pid = 0
        self.over = False
        """The command has ended. It stays a zombie, so that its id is not another's."""
        self.ended, self.wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # what counts is that it wakes

    def hold(self) -> None:
        """Run the command, and end what is left of it when it has ended or is not wanted."""
        self._start()
        if self.pid:
            try:
                self._wait()
            finally:
                self._end_all()
        for each in (*self.held, self.ended, self.wake):
            os.close(each)
        self._tell(0, 0)

    def _start(self) -> None:
        """Start the command; its process id, or why there is none, goes to who ordered it."""
        why, tell = os.pipe2(os.O_CLOEXEC)
        leash, refusal = os.getpid(), b""
        try:
            self.pid = os.fork()
            if self.pid == 0:
                self._become(leash, tell)
        except OSError as error:
            refusal = REPLY.pack(0, error.errno or 0)
        for each in (tell, *self.moved, *self.streams):
            os.close(each)
        refusal = refusal or os.read(why, REPLY.size)  # closed by its exec
        os.close(why)
        if refusal and self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0
        self._tell(self.pid, REPLY.unpack(refusal)[1] if refusal else 0)

    def _become(self, leash: int, tell: int) -> NoReturn:
        """The command's own process, until it is replaced by the command."""
        try:
            become(self.order, self.streams, self.moved, leash)
        except NotEnteredError as error:
            os.write(tell, REPLY.pack(0, -(error.errno or 1)))
        except OSError as error:
            os.write(tell, REPLY.pack(0, error.errno or 1))
        finally:
            os._exit(127)

    def _tell(self, first: int, second: int) -> None:
        with contextlib.suppress(OSError):  # nobody is there to be told
            self.end.sendall(REPLY.pack(first, second))

    def _wait(self) -> None:
        """Wait until the command has ended or nobody wants it any more."""
        wanted = True
        while wanted and not self.over:
            ready, _, _ = select.select([self.end.fileno(), self.ended], [], [])
            wanted = self.end.fileno() not in ready
            self._reap()
        if not self.over and self._is_alone():
            self._end_gently(self.order["gentle"])

    def _is_alone(self) -> bool:
        """Whether bpfdoctor itself is gone, and has not just let go of the command."""
        try:
            return not self.end.recv(LENGTH.size)
        except ConnectionResetError:  # it has not read all that it was told
            return True

    def _end_gently(self, seconds: float) -> None:
        """Let the command take back what it did to the kernel."""
        if seconds:
            send(os.killpg, self.pid, signal.SIGINT)
        deadline = time.monotonic() + seconds
        while not self.over and time.monotonic() < deadline:
            self._sleep(0.05)
            self._reap()

    def _sleep(self, seconds: float) -> None:
        """Wait for the end of a child."""
        select.select([self.ended], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self.ended, 1 << 10)

    def _reap(self) -> None:
        """Note which children have ended: orphans are done with, of the command it is told."""
        self._sleep(0)
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while not self.over and (ended := os.waitid(os.P_ALL, 0, flags)) is not None:
                if ended.si_pid != self.pid:
                    os.waitpid(ended.si_pid, 0)
                    continue
                self.over = True
                by_itself = ended.si_code == os.CLD_EXITED
                self._tell(ended.si_status if by_itself else -ended.si_status, 0)

    def _end_all(self) -> None:
        """Kill the command and all its descendants, and wait until they are gone.

        What may not be killed (a program that runs as another user) is not waited for.
        """
        send(os.killpg, self.pid, signal.SIGKILL)
        while not self.over and send(os.kill, self.pid, signal.SIGKILL):
            self._sleep(1)
            self._reap()
        if not self.over:
            self._tell(-signal.SIGKILL, 0)
        deadline = time.monotonic() + GRACE
        while any_left():
            hit = [pid for pid in descendants() if send(os.kill, pid, signal.SIGKILL)]
            if not hit and time.monotonic() > deadline:
                return
            self._sleep(0.02)
