"""The kernel's table of the mounts that this process sees, `/proc/self/mountinfo` (proc(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MOUNT_TABLE = "/proc/self/mountinfo"


class Mount(NamedTuple):
    """One mount. `device` is that of its superblock (`0:25`), which stat(2) need not give."""

    id: str
    device: str
    place: str
    type: str
    source: str


def read_mounts() -> list[Mount]:
    """The mounts, in the order of the table: of several at one place the last is seen.

    Raises OSError.
    """
    return list(mounts_in(Path(MOUNT_TABLE).read_text(errors="backslashreplace").split("\n")))


def mounts_in(lines: Iterable[str]) -> Iterator[Mount]:
    """The mounts in lines of the table; what is no such line is passed over."""
    for line in lines:
        mount, _, system = line.partition(" - ")
        fields, facts = mount.split(" "), system.split(" ")
        if len(fields) >= 6 and len(facts) >= 2:
            yield Mount(fields[0], fields[2], _unescaped(fields[4]), facts[0], facts[1])


def mount_seen_at(mounts: Iterable[Mount], place: str) -> Mount | None:
    """The one of these mounts that is seen at a place; None where nothing is mounted."""
    return next((mount for mount in reversed([*mounts]) if mount.place == place), None)


def _unescaped(place: str) -> str:
    """A path as it is: the table writes space, tab, newline and backslash as `\\040` …"""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place)
