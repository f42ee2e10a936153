"""Running a command: argument list, closed stdin, time limit, output cap, no child left."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.deadline import Deadline
from bpfdoctor.host.headroom import die_before_us
from bpfdoctor.host.leash import DEVNULL, PIPE, LeashedCommand

OUTPUT_LIMIT = 1 << 20
"""Bytes kept of each of stdout and stderr; the rest is read and dropped."""

GENTLY = 0.6
"""Seconds that a command gets to take back what it made, once it is interrupted."""

_running: dict[LeashedCommand, float | None] = {}
"""Each command that runs, and from when on it is killed; None: not yet."""
_running_lock = threading.Lock()
_ending = threading.Event()


class ProcessResult(msgspec.Struct, frozen=True):
    """How a command ended. `exit_code` is None when a signal or the time limit ended it."""

    exit_code: int | None
    signal: int | None
    timed_out: bool
    stdout: bytes
    stderr: bytes
    truncated: bool


def run(  # noqa: PLR0913  (each is one property of the command)
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: bytes = b"",
    timeout: float = 20,
    identity: Credentials | None = None,
    limit: int = OUTPUT_LIMIT,
    on_line: Callable[[str], None] | None = None,
    held: Sequence[int] = (),
    limits: Sequence[tuple[int, int]] = (),
) -> ProcessResult:
    """Run `argv` in a session of its own and wait for it, at most `timeout` seconds.

    Nothing that it started is left then, nor when we are killed. `held` are descriptors that stay
    open until that is so. `limits` are those of setrlimit(2), by number. `on_line` is called with
    each complete line of output as it comes. Raises OSError when the command cannot be started at
    all, ValueError when it is none (an argument with a NUL byte).
    """
    if not argv:
        raise ValueError("no command was given")
    if _ending.is_set():
        raise InterruptedError(errno.EINTR, "this run is being ended")
    process = LeashedCommand(
        argv,
        environ=environ,
        cwd=cwd,
        stdin=PIPE if stdin else DEVNULL,
        identity=identity,
        held=held,
        limits=limits,
    )
    with in_own_session(process):
        return _collect(process, stdin, timeout, limit, on_line)


@contextlib.contextmanager
def in_own_session(process: LeashedCommand) -> Iterator[None]:
    """A process that leads a session; in the end nothing is left of it, and its pipes are closed.

    `kill_all` and `end_all` end it too. What cannot be killed (another user's) is not waited for
    for ever.
    """
    with _running_lock:
        _running[process] = None
    try:
        die_before_us(process.pid)
        yield
    finally:
        with _running_lock:
            _running.pop(process, None)
        process.close()


def _ended(process: LeashedCommand, seconds: float) -> bool:
    try:
        process.wait(max(0.0, seconds))
    except subprocess.TimeoutExpired:
        return False
    return True


def kill_all() -> None:
    """Kill every command that is still running."""
    with _running_lock:
        commands = list(_running)
    for command in commands:
        command.kill()


def end_all() -> None:
    """Interrupt every command, kill it a moment later, and start no other: this run is told to end.

    It is called again and again. On SIGINT a compiler removes its temporary files, and a program
    under test takes back what it attached.
    """
    _ending.set()
    now = time.monotonic()
    with _running_lock:
        asked = [command for command, when in _running.items() if when is None]
        _running.update(dict.fromkeys(asked, now + GENTLY))
        killed = [command for command, when in _running.items() if when is not None and when <= now]
    for command in asked:
        command.interrupt()
    for command in killed:
        command.kill()


def _collect(
    process: LeashedCommand,
    stdin: bytes,
    timeout: float,
    limit: int,
    on_line: Callable[[str], None] | None,
) -> ProcessResult:
    outputs = _Outputs(process, stdin, limit, on_line)
    timed_out = not outputs.drain(Deadline(timeout))
    code = 0 if timed_out else process.wait()
    return ProcessResult(
        exit_code=None if timed_out or code < 0 else code,
        signal=None if timed_out or code >= 0 else -code,
        timed_out=timed_out,
        stdout=bytes(outputs.kept[0]),
        stderr=bytes(outputs.kept[1]),
        truncated=outputs.truncated,
    )


class _Outputs:
    """Both pipes of a process, read together so that neither can block it."""

    def __init__(
        self,
        process: LeashedCommand,
        stdin: bytes,
        limit: int,
        on_line: Callable[[str], None] | None,
    ) -> None:
        self.process, self.stdin, self.limit, self.on_line = process, stdin, limit, on_line
        self.kept = (bytearray(), bytearray())
        self.partial = bytearray()
        self.truncated = False

    def drain(self, deadline: Deadline) -> bool:
        """Read until the process has ended; False when the deadline came first.

        A grandchild that keeps the pipes open does not keep us: once the process has ended, what
        it has started is killed, and what the pipes still hold is read.
        """
        over, last = False, 0.0
        with selectors.DefaultSelector() as selector:
            self._register(selector)
            while selector.get_map():
                wait = deadline.left()
                if wait <= 0:
                    return False
                ready = selector.select(min(wait, 0.05))
                for key, _ in ready:
                    self._move(selector, key)
                if over and (not ready or time.monotonic() > last):
                    break
                if not over and self.process.poll() is not None:
                    over, last = True, time.monotonic() + 1
        while not (ended := _ended(self.process, deadline.wait())) and deadline.left() > 0:
            pass
        return ended

    def _register(self, selector: selectors.BaseSelector) -> None:
        for index, pipe in enumerate((self.process.stdout, self.process.stderr)):
            assert pipe is not None
            selector.register(pipe, selectors.EVENT_READ, index)
        if self.process.stdin is not None:
            os.set_blocking(self.process.stdin.fileno(), False)
            selector.register(self.process.stdin, selectors.EVENT_WRITE, None)

    def _move(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        pipe = key.fileobj
        assert not isinstance(pipe, int)
        if key.data is None:
            self._feed(selector, pipe)  # type: ignore[arg-type]
            return
        data = os.read(pipe.fileno(), 1 << 16)
        if not data:
            selector.unregister(pipe)
            return
        kept = self.kept[key.data]
        room = self.limit - len(kept)
        kept += data[: max(0, room)]
        self.truncated = self.truncated or len(data) > room
        self._tell(data)

    def _feed(self, selector: selectors.BaseSelector, pipe: IO[bytes]) -> None:
        try:
            written = os.write(pipe.fileno(), self.stdin[: 1 << 16])
        except BrokenPipeError:
            written = len(self.stdin)
        self.stdin = self.stdin[written:]
        if not self.stdin:
            selector.unregister(pipe)
            pipe.close()

    def _tell(self, data: bytes) -> None:
        if self.on_line is None:
            return
        *lines, rest = (bytes(self.partial) + data).split(b"\n")
        self.partial = bytearray(rest[-4096:])
        for line in lines:
            self.on_line(line.decode(errors="backslashreplace"))
