"""How a step is watched: its output is read as it comes, and so is that it has fallen silent."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import IO

import msgspec

OUTPUT_KEPT = 1 << 18
"""Bytes of output that are kept, from the end: the end says why it failed."""


_DRAWING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What a package manager writes between its words: colours, the movements of a progress bar."""


def last_drawn(line: str) -> str:
    """What a line of a progress display shows at its end, without colours."""
    return _DRAWING.sub("", line).rstrip().rpartition("\r")[2].strip()


class Watch(msgspec.Struct, frozen=True):
    """How a command is watched.

    `line` is called with each line as it comes. `idle` is in seconds: how long it may print nothing
    before it is given up. `gently`: a package manager's, which is asked to stop and left to do so.
    `say` is told where it goes on without us. `stop` sends a signal to a process (or group, if
    negative) that is not ours to signal.
    """

    line: Callable[[str], None]
    idle: float = 1800
    keep_stdout: bool = False
    gently: bool = False
    stop: Callable[[int, int], None] | None = None
    say: Callable[[str], object] = lambda text: None


class Outputs(msgspec.Struct):
    """Where a command's output goes: to pipes, or to a file without a name.

    A package manager writes to a file: should we be killed, a broken pipe would end it too, with
    packages half configured.
    """

    stdout: int | IO[bytes]
    stderr: int

    @classmethod
    def of(cls, watch: Watch) -> Outputs:
        if watch.gently:
            return cls(_nameless(), subprocess.STDOUT)
        return cls(subprocess.PIPE, subprocess.PIPE if watch.keep_stdout else subprocess.STDOUT)


def _nameless() -> IO[bytes]:
    """In memory, for every disk may be full or read-only; not every Python was built with that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("bpfdoctor-output"), "w+b")
    return tempfile.TemporaryFile()


class Reader:
    """Reads what a command prints, as it comes."""

    def __init__(self, process: subprocess.Popen[bytes], watch: Watch, outputs: Outputs) -> None:
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
        del self.kept[:-OUTPUT_KEPT]
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
