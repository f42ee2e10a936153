"""Reading what BPF programs print, in a trace instance of our own, so that nobody loses a line.

    with open_trace() as trace:
        ...                       # run the program
        trace.lines()             # what was printed meanwhile, oldest first

Only `Question.put` uses this. Everything here needs root.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path

from bpfdoctor.host.scratch import NAME, boot_id, scratch_prefix
from bpfdoctor.host.system.mounted import superblock_magic
from bpfdoctor.host.system.security import refuse_in_confidentiality
from bpfdoctor.host.system.tracefs import PLACES, TRACEFS_MAGIC, is_plain

BUFFER_KB = 64
"""Per CPU. The default is about 1.4 MB per CPU; one event needs a hundred bytes."""

RELEASE = 5.0
"""Seconds in which whoever else holds a file of an instance is expected to let go of it."""

PRINTK_EVENT = "events/bpf_trace/bpf_trace_printk"
"""Commit ac5a72ea5c89 ("bpf: Use dedicated bpf_trace_printk event instead of trace_printk()"), 5.9.
Before it, what programs print goes to the global trace only."""


def tracefs_path() -> str | None:
    """Where tracefs is mounted, by the magic of its superblock; None where it is not.

    Raises PermissionError where this user may not look.
    """
    hidden: OSError | None = None
    for place in PLACES:
        try:
            if superblock_magic(place) == TRACEFS_MAGIC:
                return place
        except PermissionError as error:
            hidden = error
        except OSError:
            continue
    if hidden is not None:
        raise hidden
    return None


def tracepoint_id(category: str, name: str) -> int:
    """The id of a tracepoint, for perf_event_open. Raises OSError: ENOENT without tracefs or it."""
    place = tracefs_path()
    if place is None:
        raise FileNotFoundError(2, "tracefs is not mounted at " + " or ".join(PLACES))
    if not (is_plain(category) and is_plain(name)):
        raise FileNotFoundError(2, "no tracepoint has such a name")
    return int(Path(place, "events", category, name, "id").read_text())


class Trace:
    """What programs print with bpf_printk while this is open; made by `open_trace`.

    `private` is False before Linux 5.9, where only the global trace has it, and where tracefs is
    mounted read-only: others' lines are then among `lines`, and nothing is ever taken from them
    (`trace`, never `trace_pipe`). `top` is where the global trace is, `path` the one that is read.
    """

    def __init__(self, place: Path) -> None:
        self.private = (place / PRINTK_EVENT).is_dir()
        self.path = place
        self.top = str(place)
        self._held: int | None = None

    def __enter__(self) -> Trace:
        if self.private:
            self._make_private()
        return self

    def __exit__(self, *_: object) -> None:
        if self.private:
            self._remove()

    def _make_private(self) -> None:
        sweep(self.path)
        # Random: another PID namespace on the same tracefs may have this process id too.
        instance = self.path / "instances" / (scratch_prefix() + os.urandom(4).hex())
        try:
            instance.mkdir()
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
            self.private = False
            return
        self.path = instance
        try:
            self._prepare()
        except BaseException:
            self._remove()
            raise

    def lines(self, limit: int = 1 << 24) -> list[str]:
        """The events so far, oldest first, without the header; at most `limit` bytes are read."""
        with (self.path / "trace").open("rb") as file:
            text = file.read(limit).decode(errors="backslashreplace")
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def _prepare(self) -> None:
        # An open file keeps anybody's rmdir away (EBUSY), a sweep in another PID namespace too.
        self._held = os.open(self.path / "buffer_size_kb", os.O_RDWR | os.O_CLOEXEC)
        os.write(self._held, str(BUFFER_KB).encode())
        (self.path / PRINTK_EVENT / "enable").write_text("1")

    def _remove(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None
        with contextlib.suppress(FileNotFoundError):
            (self.path / PRINTK_EVENT / "enable").write_text("0")
        _remove_when_free(self.path, time.monotonic() + RELEASE)


def _remove_when_free(instance: Path, deadline: float) -> None:
    """Remove an instance; what is still held at the deadline is left to the next sweep.

    A process that another thread starts has our descriptors until its exec, and keeps it busy.
    """
    while True:
        try:
            instance.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                return
            time.sleep(0.01)
        else:
            return


def open_trace() -> Trace:
    """A context manager over what is printed from now on. Raises OSError without tracefs."""
    refuse_in_confidentiality()
    place = tracefs_path()
    if place is None:
        raise FileNotFoundError(2, "tracefs is not mounted at " + " or ".join(PLACES))
    return Trace(Path(place))


def sweep(place: Path) -> list[str]:
    """Remove the instances of runs that were killed; the names of those removed."""
    removed: list[str] = []
    with contextlib.suppress(OSError):
        for instance in sorted((place / "instances").iterdir()):
            if _is_dead(instance.name):
                with contextlib.suppress(OSError):  # EBUSY: alive, in another PID namespace
                    instance.rmdir()
                    removed.append(instance.name)
    return removed


def _is_dead(name: str) -> bool:
    """Whether it is the name of an instance of ours, of this boot, whose process is gone."""
    ours = NAME.fullmatch(name)
    if ours is None or ours[1] != boot_id():
        return False
    try:
        os.kill(int(ours[2]), 0)
    except ProcessLookupError:
        return True
    return False
