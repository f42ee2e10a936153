"""The process that starts our commands and outlives us: what it started ends when we are gone.

It has no threads and imports little, so that a fork costs it half a millisecond. For each command
it forks a leash, which forks the command, tells how it ended, and holds one end of a socket. When
the other end, which bpfdoctor alone has, is closed, because the command is no longer wanted or
because bpfdoctor was killed, the leash kills what is left of the command: its group, and all its
other descendants, for an orphan becomes the leash's child (PR_SET_CHILD_SUBREAPER, Linux 3.4).
"""

from __future__ import annotations

import contextlib
import ctypes
import marshal
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
"""linux/prctl.h."""

LENGTH = struct.Struct("=I")
"""Comes before an order, and brings its descriptors."""

REPLY = struct.Struct("=ii")
"""Process id and 0, or 0 and an errno (negative: of the working directory); then status and 0."""

MOST = 16
"""Descriptors that come with an order: the leash's socket, our working directory, the command's
stdin, stdout and stderr, and what the leash is to hold."""

GRACE = 1.0
"""Seconds in which processes that cannot be seen are expected to have died with their group."""

_libc = ctypes.CDLL(None)


def main(descriptor: int) -> None:
    """Fork a leash for each order that comes, until the other end is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # leashes leave no zombies
    with socket.socket(fileno=descriptor) as control:
        while (received := _receive(control)) is not None:
            order, descriptors = received
            try:
                if os.fork() == 0:
                    control.close()
                    _hold(order, descriptors)
            except OSError as error:
                os.write(descriptors[0], REPLY.pack(0, error.errno or 0))
            for each in descriptors:
                os.close(each)


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    room = socket.CMSG_SPACE(MOST * 4)
    head, ancillary, _, _ = control.recvmsg(LENGTH.size, room, socket.MSG_CMSG_CLOEXEC)
    if len(head) < LENGTH.size:
        return None
    descriptors = [each for _, _, data in ancillary for each in memoryview(data).cast("i")]
    (left,), data = LENGTH.unpack(head), bytearray()
    while left > len(data):
        part = control.recv(left - len(data))
        if not part:
            return None
        data += part
    return marshal.loads(data), descriptors  # noqa: S302  (of the process that started us)


def _hold(order: dict[str, Any], descriptors: Sequence[int]) -> NoReturn:
    try:
        leash = _Leash(order, descriptors)
        leash.start()
        leash.wait()
        leash.end_all()
    finally:
        os._exit(0)


class _Leash:
    """One command, from its start until nothing is left of it."""

    def __init__(self, order: dict[str, Any], descriptors: Sequence[int]) -> None:
        self.order = order
        self.socket, self.directory, *self.streams = descriptors[:5]
        self.pid = 0
        self.over = False
        """The command has ended, and its end was told. It stays a zombie: its id is not reused."""
        self._ended, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def start(self) -> None:
        """Start the command; its process id, or why there is none, goes to who ordered it."""
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        why, tell = os.pipe2(os.O_CLOEXEC)
        leash = os.getpid()
        try:
            self.pid = os.fork()
        except OSError as error:
            self._tell(0, error.errno or 0)
            os._exit(0)
        if self.pid == 0:
            self._become(leash, tell)
        for each in (tell, self.directory, *self.streams):
            os.close(each)
        refusal = os.read(why, REPLY.size)  # closed by its exec
        self._tell(0, REPLY.unpack(refusal)[1]) if refusal else self._tell(self.pid, 0)

    def _become(self, leash: int, tell: int) -> NoReturn:
        """The command's own process: set up as `subprocess` would, then replaced by the command."""
        sign = 1
        try:
            os.setsid()
            for number, descriptor in enumerate(self.streams):
                os.dup2(descriptor, number)
            for each in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
                signal.signal(each, signal.SIG_DFL)
            os.fchdir(self.directory)
            self._become_user()
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # setuid(2) undoes it
            if os.getppid() != leash:
                os._exit(127)
            if self.order["cwd"] is not None:
                sign = -1
                os.chdir(self.order["cwd"])
                sign = 1
            os.execvpe(self.order["argv"][0], self.order["argv"], self.order["environ"])
        except OSError as error:
            os.write(tell, REPLY.pack(0, sign * (error.errno or 1)))
        finally:
            os._exit(127)

    def _become_user(self) -> None:
        if self.order["identity"] is not None:
            uid, gid, groups = self.order["identity"]
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)

    def _tell(self, first: int, second: int) -> None:
        with contextlib.suppress(OSError):  # nobody is there to be told
            os.write(self.socket, REPLY.pack(first, second))

    def wait(self) -> None:
        """Wait until nobody wants the command any more; tell of its end when it comes."""
        while not self._let_go(None):
            self._reap()
        if not self.over and self.order["gentle"]:
            _send(os.killpg, self.pid, signal.SIGINT)
            deadline = time.monotonic() + self.order["gentle"]
            while not self.over and time.monotonic() < deadline:
                self._sleep(0.05)
                self._reap()

    def _let_go(self, seconds: float | None) -> bool:
        """Wait for the end of a child, or of who ordered it; whether it is the latter."""
        ready, _, _ = select.select([self.socket, self._ended], [], [], seconds)
        self._drain()
        return self.socket in ready

    def _sleep(self, seconds: float) -> None:
        select.select([self._ended], [], [], seconds)
        self._drain()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._ended, 1 << 10)

    def _reap(self) -> None:
        """Note which children have ended: orphans are done with, of the command it is told."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while not self.over and (ended := os.waitid(os.P_ALL, 0, flags)) is not None:
                if ended.si_pid != self.pid:
                    os.waitpid(ended.si_pid, 0)
                    continue
                self.over = True
                by_itself = ended.si_code == os.CLD_EXITED
                self._tell(ended.si_status if by_itself else -ended.si_status, 0)

    def end_all(self) -> None:
        """Kill the command and all its descendants, and wait until they are gone.

        What may not be killed (a program that runs as another user) is not waited for.
        """
        _send(os.killpg, self.pid, signal.SIGKILL)
        deadline = time.monotonic() + GRACE
        while _any_left():
            hit = [pid for pid in _descendants() if _send(os.kill, pid, signal.SIGKILL)]
            if not hit and time.monotonic() > deadline:
                return
            self._sleep(0.02)


def _send(how: Any, target: int, number: int) -> bool:
    try:
        how(target, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _any_left() -> bool:
    """Whether children of ours are left; those that have ended are not."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _descendants() -> Iterator[int]:
    """The living processes below this one, by what /proc says of each one's parent."""
    parents = dict(_parents())
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
        yield from more


def _parents() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    yield int(name), int(parent)
