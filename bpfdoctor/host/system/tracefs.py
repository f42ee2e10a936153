"""The question where tracefs is mounted, and whether it may be read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name
from bpfdoctor.host.system.mount_table import read_mounts
from bpfdoctor.host.system.mounted import AskFileSystem, FileSystem

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
"""Where libbpf and everyone else looks for tracefs: its own place (Linux 4.1), and in debugfs."""

TRACEFS_MAGIC = 0x74726163
"""The superblock magic of tracefs (include/uapi/linux/magic.h)."""


class TracePlace(msgspec.Struct, frozen=True):
    """One place. `magic` of the file system there, 0 where `refused` names why it is not known.

    `events` is empty where its directory `events` can be listed and the id of a tracepoint there
    be read, else the errno's name: since Linux 5.16 (commit 21ccc9cd7211) users who may list them
    need not be let read them.
    """

    path: str
    magic: int
    refused: str = ""
    events: str = ""

    @property
    def mounted(self) -> bool:
        """tracefs is really mounted here; an existing directory would prove nothing."""
        return self.magic == TRACEFS_MAGIC


class Tracefs(Answer, frozen=True):
    """tracefs at the places that were looked at, and the mounts of tracefs and debugfs anywhere."""

    places: tuple[TracePlace, ...]
    mounts: tuple[str, ...] = ()

    @property
    def readable(self) -> tuple[str, ...]:
        """Where tracepoints may be read by this user."""
        return tuple(each.path for each in self.places if each.mounted and not each.events)

    def shown(self) -> str:
        return "\n".join((*map(_shown, self.places), *self.mounts))


def _shown(place: TracePlace) -> str:
    if place.refused:
        return f"{place.path}: {place.refused}"
    events = f", events: {place.events or 'readable'}" if place.mounted else ""
    name = "tracefs" if place.mounted else "not tracefs"
    return f"{place.path}: superblock magic {place.magic:#x} ({name}){events}"


class AskTracefs(Question[Tracefs], frozen=True):
    """Where tracefs is mounted, by superblock magic, and whether its tracepoints can be read.

    Below debugfs it is looked for with `old`, or where it is of no use at its own place: to ask
    there is to mount it there, and newer kernels log a notice of that.
    """

    old: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Tracefs | NoAnswer:
        return Tracefs(tuple(_looked_at(machine, self.old)), _mounts())

    def source(self) -> str:
        return "statfs and ls: " + ", ".join(f"{path}/events" for path in PLACES)


def _looked_at(machine: Machine, old: bool = False) -> Iterator[TracePlace]:
    """Each place, until it can be read at one."""
    for path in PLACES:
        place = _look(path, machine)
        yield place
        if place.mounted and not place.events and not old:
            return


def _look(path: str, machine: Machine) -> TracePlace:
    found = AskFileSystem(path).put(machine)
    if not isinstance(found, FileSystem):
        return TracePlace(path, 0, refused=found.reason)
    if found.magic != TRACEFS_MAGIC:
        return TracePlace(path, found.magic)
    try:
        os.listdir(f"{path}/events")
        _read_id(f"{path}/events")
    except OSError as error:
        return TracePlace(path, found.magic, events=errno_name(error.errno or 0))
    return TracePlace(path, found.magic)


def _read_id(events: str) -> None:
    """Read the id of a tracepoint that nearly every kernel has. Raises OSError where refused."""
    with contextlib.suppress(FileNotFoundError):
        Path(events, "sched/sched_process_exec/id").read_bytes()


def _mounts() -> tuple[str, ...]:
    try:
        mounts = read_mounts()
    except OSError:
        return ()
    return tuple(f"{mount.type} on {mount.place}" for mount in mounts if mount.type in _KINDS)


_KINDS = ("tracefs", "debugfs")


def is_plain(name: str) -> bool:
    """Whether a name is that of one directory: what an object names may lead anywhere else."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


class TracepointFacts(Answer, frozen=True):
    """A tracepoint: its id, None where there is none; `category` whether its directory exists."""

    id: int | None
    category: bool = True

    def shown(self) -> str:
        if self.id is not None:
            return f"id {self.id}"
        return "no such tracepoint" if self.category else "no such category of tracepoints"


class AskTracepoint(Question[TracepointFacts], frozen=True):
    """The id of a tracepoint (`sched`, `sched_process_exec`), as libbpf reads it in tracefs.

    NoAnswer `ENOENT` where tracefs is not mounted.
    """

    category: str
    name: str
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> TracepointFacts | NoAnswer:
        looked = list(_looked_at(machine))
        mounted = [place for place in reversed(looked) if place.mounted]
        if not mounted:
            closed = [place.refused for place in looked if place.refused not in ("", "ENOENT")]
            return NoAnswer(closed[0] if closed else "ENOENT", "tracefs is not mounted")
        if not (is_plain(self.category) and is_plain(self.name)):
            return TracepointFacts(None, category=False)
        category = Path(mounted[0].path, "events", self.category)
        try:
            return TracepointFacts(int((category / self.name / "id").read_text()))
        except FileNotFoundError:
            return TracepointFacts(None, category.is_dir())
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:
            return NoAnswer("broken", str(error))

    def source(self) -> str:
        return f"{PLACES[0]}/events/{self.category}/{self.name}/id"
