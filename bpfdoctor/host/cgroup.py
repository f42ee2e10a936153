"""The limits that the cgroups of this process set, each with its file and its value."""

from __future__ import annotations

import os
from collections.abc import Iterator

CGROUPS, OWN = "/sys/fs/cgroup", "/proc/self/cgroup"

UNLIMITED = 1 << 60
"""What version 1 writes for a memory without a limit is beyond this."""


def pids_limits() -> Iterator[tuple[str, int]]:
    """How many processes and threads this cgroup, and each one above it, may have."""
    return _limits("pids", ("pids.max",))


def memory_limits() -> Iterator[tuple[str, int]]:
    """How many bytes of memory they may use."""
    return _limits("memory", ("memory.max", "memory.limit_in_bytes"))


def room_for_processes() -> int | None:
    """How many more processes and threads there may be; None where no cgroup limits them."""
    rooms = []
    for path, most in pids_limits():
        now = _number(os.path.join(os.path.dirname(path), "pids.current"))
        rooms.append(most - (now or 0))
    return min(rooms, default=None)


def _limits(controller: str, names: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """A container's own cgroup may be shown to it as the root: that is looked at too."""
    for line in text_of(OWN).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller not in controllers.split(",") and controllers:
            continue
        root = f"{CGROUPS}/{controllers}".rstrip("/")
        for place in _upwards(path.strip("/")):
            for name in names:
                file = os.path.join(root, place, name)
                value = _number(file)
                if value is not None and value < UNLIMITED:
                    yield file, value


def _upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = os.path.dirname(path)
    yield ""


def _number(path: str) -> int | None:
    value = text_of(path).partition("\n")[0].strip()
    return int(value) if value.isascii() and value.isdigit() else None


def text_of(path: str) -> str:
    """What a file of the kernel's holds; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except (OSError, MemoryError):  # as short as what it is asked about
        return ""
