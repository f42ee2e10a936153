"""The question whether what programs print is seen in the global trace, where their users look."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name
from bpfdoctor.host.system.security import refuse_in_confidentiality
from bpfdoctor.host.system.trace import tracefs_path

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LIMIT = 1 << 16
"""Bytes of a file of tracefs that are looked at."""

EVENT = "events/bpf_trace/bpf_trace_printk"
NARROWING = ((f"{EVENT}/filter", "none"), ("set_event_pid", ""))
"""Files that keep what programs print out of the trace, and what they say where they do not.

They act on the event that bpf_trace_printk() is since Linux 5.9 (commit ac5a72ea5c89). That event
itself is switched on again by each program that is loaded and prints."""

FORMER = (("options/trace_printk", "1"),)
"""The same before 5.9 (TRACE_ITER_PRINTK in __trace_printk)."""


class TraceWindow(Answer, frozen=True):
    """The global trace as its reader finds it.

    `on` is `tracing_on`, None where it cannot be read. `refused` names the errno of opening
    trace_pipe, empty where it opens. `readers` are the processes that were seen to hold it, or the
    ring buffers behind it, open: what they read, nobody else does. `narrowed` are the files that
    keep lines out, with what they say; `shutters` those that switch tracing off (`traceoff`),
    looked for where it is off.
    """

    place: str
    on: bool | None
    refused: str = ""
    readers: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()
    shutters: tuple[str, ...] = ()

    def shown(self) -> str:
        state = {True: "1", False: "0", None: "unreadable"}[self.on]
        lines = [f"tracing_on: {state}", f"trace_pipe: {self.refused or 'opens'}"]
        lines += [f"read by {each}" for each in self.readers]
        return "\n".join((*lines, *self.narrowed, *self.shutters))


class AskTraceWindow(Question[TraceWindow], frozen=True):
    """Whether the global trace is written to, and whether it can be read.

    trace_pipe is opened and closed; nothing is read from it. Since Linux 6.6 (commit c2489bb7e6be,
    also in older releases' updates) one reader has it to itself, and another is told EBUSY.
    """

    privileged = True

    asks = "kernel"

    def put(self, machine: Machine) -> TraceWindow | NoAnswer:
        try:
            refuse_in_confidentiality()
            place = tracefs_path()
            return NoAnswer("ENOENT", "tracefs is not mounted") if place is None else look(place)
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return "tracing_on, trace_pipe and the files that filter it, of /sys/kernel/tracing"


def look(place: str) -> TraceWindow:
    """The window of tracefs at `place`, now."""
    readers = tuple(_readers(place))  # first: we are none
    text = _text(place, "tracing_on")
    on = None if text is None else text != "0"
    shutters = tuple(_shutters(place)) if on is False else ()
    return TraceWindow(place, on, _opened(place), readers, tuple(_narrowed(place)), shutters)


def _text(place: str, name: str) -> str | None:
    """What a file says, without the newline; None where it is not there or closed to this user."""
    try:
        with open(f"{place}/{name}", "rb") as file:
            return file.read(LIMIT).decode(errors="backslashreplace").strip()
    except OSError:
        return None


def _opened(place: str) -> str:
    try:
        os.close(os.open(f"{place}/trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return errno_name(error.errno or 0)
    return ""


def _narrowed(place: str) -> Iterator[str]:
    for name, silent in NARROWING if os.path.isdir(f"{place}/{EVENT}") else FORMER:
        text = _text(place, name)
        if text is not None and text != silent:
            yield f"{name}: {' '.join(text.split())}"


def _readers(place: str) -> Iterator[str]:
    """Who holds `trace_pipe` or a `trace_pipe_raw` of this trace, as far as /proc shows."""
    windows = {(each.st_dev, each.st_ino) for each in map(os.stat, _pipes(place))}
    own = os.getpid()
    for pid in filter(str.isdigit, _names("/proc")):
        if int(pid) != own and any(_is_one_of(file, windows) for file in _files_of(pid)):
            yield f"{_text(f'/proc/{pid}', 'comm') or 'a process'} (PID {pid})"


def _pipes(place: str) -> list[str]:
    found = [f"{place}/trace_pipe", *glob.glob(f"{glob.escape(place)}/per_cpu/*/trace_pipe*")]
    return [each for each in found if os.path.exists(each)]


def _files_of(pid: str) -> list[str]:
    return [f"/proc/{pid}/fd/{each}" for each in _names(f"/proc/{pid}/fd")]


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _is_one_of(file: str, windows: set[tuple[int, int]]) -> bool:
    try:
        if "/trace_pipe" not in os.readlink(file):
            return False
        found = os.stat(file)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) in windows


def _shutters(place: str) -> Iterator[str]:
    """The triggers of events, and of functions, that switch tracing off."""
    files = [each.relative_to(place) for each in sorted(Path(place, "events").glob("*/*/trigger"))]
    for file in ("set_ftrace_filter", *map(str, files)):
        for line in (_text(place, file) or "").splitlines():
            if "traceoff" in line and not line.startswith("#"):
                yield f"{file}: {line.strip()}"
