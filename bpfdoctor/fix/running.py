"""Running one command of a plan: streamed, given up when it falls silent, ended gently.

`host.process` kills what it runs at once, which is right for a question and wrong for a package
manager: dpkg would be left half configured. Here a command is told to stop and is given time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

import msgspec

from bpfdoctor.host.process import Identity

KEPT = 1 << 18
"""Bytes of output that are kept, from the end: the end says why it failed."""
GRACE = 8.0
"""Seconds that an interrupted command gets to end by itself."""


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended. `exit_code` None: `reason` says why there is none."""

    exit_code: int | None
    output: str
    stdout: bytes = b""
    reason: str = ""

    @property
    def ok(self) -> bool:
        """It exited 0."""
        return self.exit_code == 0


class Watch(msgspec.Struct, frozen=True):
    """How a command is watched.

    `line` is called with each line as it comes. `idle` is in seconds: how long it may print nothing
    before it is given up. `gently`: a signal goes to the command alone, not to what it started.
    `stop` sends a signal to a process (or group, if negative) that is not ours to signal.
    """

    line: Callable[[str], None]
    idle: float = 1800
    keep_stdout: bool = False
    gently: bool = False
    stop: Callable[[int, int], None] | None = None


def run_step(
    argv: Sequence[str],
    environ: Mapping[str, str],
    watch: Watch,
    *,
    cwd: str = "",
    identity: Identity | None = None,
) -> Outcome:
    """Run a command to its end. Whatever stops us (Ctrl-C) stops it too, and is raised again."""
    try:
        outputs = _Outputs.of(watch)
        process = _start(argv, environ, cwd, identity, outputs)
    except (OSError, ValueError) as error:
        return Outcome(None, "", reason=str(error))
    with contextlib.closing(_Reader(process, watch, outputs)) as reader:
        try:
            silent = not reader.drain()
        except BaseException:
            _end(process, watch)
            raise
        return _outcome(process, watch, reader, silent=silent)


def _outcome(
    process: subprocess.Popen[bytes], watch: Watch, reader: _Reader, *, silent: bool
) -> Outcome:
    if silent:
        _end(process, watch)
        reason = f"given up: it printed nothing for {watch.idle:g} seconds"
        return Outcome(None, reader.text(), reason=reason)
    code = process.wait()
    reason = f"ended by signal {-code}" if code < 0 else ""
    return Outcome(None if code < 0 else code, reader.text(), bytes(reader.stdout), reason)


class _Outputs(msgspec.Struct):
    """Where a command's output goes: to pipes, or to a file without a name.

    A package manager writes to a file: should we be killed, a broken pipe would end it too, with
    packages half configured.
    """

    stdout: int | IO[bytes]
    stderr: int

    @classmethod
    def of(cls, watch: Watch) -> _Outputs:
        if watch.gently:
            return cls(tempfile.TemporaryFile(), subprocess.STDOUT)
        return cls(subprocess.PIPE, subprocess.PIPE if watch.keep_stdout else subprocess.STDOUT)


def _start(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    identity: Identity | None,
    outputs: _Outputs,
) -> subprocess.Popen[bytes]:
    """A process group of its own, in our session: sudo knows its ticket by our terminal."""
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=outputs.stdout,
        stderr=outputs.stderr,
        cwd=cwd or "/",
        env=dict(environ),
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=[] if identity else None,
        preexec_fn=os.setpgrp,  # noqa: PLW1509  (one system call; process_group is 3.11)
    )


class _Reader:
    """Reads what a command prints, as it comes."""

    def __init__(self, process: subprocess.Popen[bytes], watch: Watch, outputs: _Outputs) -> None:
        self.process, self.watch = process, watch
        self.file = None if isinstance(outputs.stdout, int) else outputs.stdout
        self.kept, self.partial, self.stdout = bytearray(), bytearray(), bytearray()
        self.place, self.last = 0, time.monotonic()

    def drain(self) -> bool:
        """Read until the command has ended; False when it fell silent first."""
        return self._follow() if self.file is not None else self._pipes()

    def _follow(self) -> bool:
        """The file grows while the command runs."""
        while True:
            ended = self.process.poll() is not None
            assert self.file is not None
            data = os.pread(self.file.fileno(), 1 << 16, self.place)
            if data:
                self.place += len(data)
                self._keep(data)
            elif ended:
                return True
            elif self._silent():
                return False
            else:
                time.sleep(0.05)

    def _pipes(self) -> bool:
        with selectors.DefaultSelector() as selector:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(0.1)
                for key, _ in ready:
                    self._take(selector, key.fileobj)  # type: ignore[arg-type]
                if not ready and self.process.poll() is not None:
                    break  # a grandchild may keep the pipe: the command itself has ended
                if self._silent():
                    return False
        self.process.wait()
        return True

    def _silent(self) -> bool:
        return time.monotonic() - self.last > self.watch.idle

    def _take(self, selector: selectors.BaseSelector, pipe: IO[bytes]) -> None:
        data = os.read(pipe.fileno(), 1 << 16)
        if not data:
            selector.unregister(pipe)
        elif self.watch.keep_stdout and pipe is self.process.stdout:
            self.last = time.monotonic()
            self.stdout += data
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self.last = time.monotonic()
        self.kept += data
        del self.kept[:-KEPT]
        *lines, rest = (bytes(self.partial) + data.replace(b"\r", b"\n")).split(b"\n")
        self.partial = bytearray(rest[-4096:])
        for line in filter(None, lines):
            self.watch.line(line.decode(errors="backslashreplace"))

    def close(self) -> None:
        """Whatever a grandchild still prints is not read any more."""
        for pipe in (self.process.stdout, self.process.stderr, self.file):
            if pipe is not None:
                pipe.close()

    def text(self) -> str:
        return self.kept.decode(errors="backslashreplace")


def _end(process: subprocess.Popen[bytes], watch: Watch) -> None:
    """Ask a command to stop, as Ctrl-C does; after a while, end it.

    A package manager is asked alone and never killed: apt waits for the dpkg that it has started,
    which a signal to all would cut off. One that works on after that is left to finish.
    """
    for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, 1.0)):
        _signal(process.pid if watch.gently else -process.pid, number, watch)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    if not watch.gently:
        _let_group_end(process.pid)  # what git has started clears away what it has begun
        _signal(-process.pid, signal.SIGKILL, watch)
        process.wait()
        _let_group_end(process.pid)
    elif process.poll() is None:
        watch.line(f"process {process.pid} is still at work; it is left to finish")


def _let_group_end(group: int, patience: float = 1.0) -> None:
    """Wait until no process of a group is left, at most `patience` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.02)


def _signal(pid: int, number: int, watch: Watch) -> None:
    try:
        if pid < 0:
            os.killpg(-pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:  # sudo's process is root's
        if watch.stop is not None:
            watch.stop(pid, number)
