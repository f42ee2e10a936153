"""The processes below this one: those that are left, and signals to them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator


def send(how: Callable[[int, int], None], target: int, number: int) -> bool:
    """Send a signal by `os.kill` or `os.killpg`; whether we may, to somebody who is there."""
    try:
        how(target, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def any_left() -> bool:
    """Whether children of ours are left; those that have ended are not."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def descendants(but: Collection[int] = ()) -> Iterator[int]:
    """The living processes below this one, by what /proc says of each one's parent.

    Not those in `but`, and what is below them.
    """
    parents = {pid: parent for pid, parent in _parents() if pid not in but}
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
