"""Kprobes and uprobes as events: what makes them, and a program attached to one.

Only `Question.put` calls these.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import NamedTuple

from bpfdoctor.host.bpf.calls import Attempt, ProgramSpec
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ONE
from bpfdoctor.host.bpf.perf import TYPE_TRACEPOINT
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.system.facts import kernel_version
from bpfdoctor.host.system.security import refuse_in_confidentiality
from bpfdoctor.host.system.trace import tracefs_path

DEVICES = "/sys/bus/event_source/devices"
"""Where the kernel lists its event sources; `kprobe` and `uprobe` are there since Linux 4.17
(commits e12f03d7031a and 33ea4b24277b), before which they were made in tracefs."""


class EventSource(NamedTuple):
    """What probes of a kind (`kprobe`, `uprobe`) are made by; by tracefs where `old`."""

    kind: str
    old: bool = False
    number: int = 0
    return_bit: int = 0


class ProbePlace(NamedTuple):
    """A function, or a file; what follows is that of its return, or bytes from its beginning."""

    where: str
    returns: bool = False
    offset: int = 0


def event_source(kind: str) -> EventSource | Attempt:
    """The source of such events, or that there is none, which anyone may see."""
    place = Path(DEVICES, kind)
    if not place.is_dir() and kernel_version(os.uname().release) < (4, 17):
        return EventSource(kind, old=True)
    try:
        number = int((place / "type").read_text())
        found = re.search(r"config:(\d+)", (place / "format/retprobe").read_text())
    except OSError as error:
        return Attempt.refused(str(place), error)
    return EventSource(kind, number=number, return_bit=1 << int(found[1]) if found else 0)


def attach_probe(
    steps: Steps, source: EventSource, place: ProbePlace, code: bytes = RETURN_ONE
) -> None:
    """Attach to a kprobe or uprobe: through its event source, or through tracefs before that."""
    if source.kind == "kprobe" or source.old:  # uprobes are not forbidden: tried on 6.12 so
        steps.call = f"a {source.kind} under lockdown in confidentiality mode"
        refuse_in_confidentiality()
    program = steps.load(ProgramSpec(PROGRAM_TYPES["kprobe"].number, code))
    if source.old:
        _attach_in_tracefs(steps, program, source.kind, place)
        return
    config = source.return_bit if place.returns else 0
    name = ctypes.create_string_buffer(os.fsencode(place.where))
    steps.attach(program, source.number, config, (ctypes.addressof(name), place.offset))


def _attach_in_tracefs(steps: Steps, program: int, kind: str, place: ProbePlace) -> None:
    tracefs = tracefs_path()
    events = Path(tracefs or "/sys/kernel/tracing", f"{kind}_events")
    name = f"bpfdoctor/p{os.getpid()}_{os.urandom(4).hex()}"
    steps.call = str(events)
    where = f"{place.where}+{place.offset}" if place.offset else place.where
    start = "r" if place.returns else "p"
    line = f"{start}:{name} {where}{':0x0' if kind == 'uprobe' else ''}\n"
    _append(events, line)
    steps.callback(_append, events, f"-:{name}\n")
    steps.at_once = True  # the kernel removes no probe that is in use
    number = int(Path(tracefs or "", "events", name, "id").read_text())
    steps.attach(program, TYPE_TRACEPOINT, number)


def _append(file: Path, line: str) -> None:
    """Opened to append: opening to write would remove everybody's probes.

    Not by Python's own `open`, which seeks to the end; these files refuse that.
    """
    events = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(events, os.fsencode(line))
    finally:
        os.close(events)
