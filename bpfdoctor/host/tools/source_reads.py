"""The files that a compile read, and whose they are.

A source that nobody vouches for may include any file that its reader may read: a key, a password.
What is made of it is shown to nobody.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

import msgspec

from bpfdoctor.host.path_walk import components

PROCESSES = ("/proc",)
"""Below it, a path (`/proc/self/cwd`, `/dev/fd/3`) leads each process elsewhere."""


class Places(msgspec.Struct, frozen=True):
    """Where a compile may read: links are resolved, but for those of the `system`.

    `tree` is the tree itself, `given` other directories that were named for it, `system` those
    that the compiler searches of itself.
    """

    tree: str
    given: tuple[str, ...]
    system: tuple[str, ...]


class Reads(msgspec.Struct, frozen=True):
    """Files that are none of the tree's, the compiler's or the C library's.

    `foreign` ones are those of which nothing may be shown.
    """

    outside: tuple[str, ...]
    foreign: tuple[str, ...]


def prerequisites(rule: str) -> list[str] | None:
    """The files in a rule that clang wrote by `-MD -MV`; None where a name makes it ambiguous.

    Names with a space or a sign are quoted; within them nothing is escaped.
    """
    _, _, rest = rule.partition(": ")
    plain, quoted = (rest.replace("\\\n", " \n").split('"')[each::2] for each in (0, 1))
    ends = [part for part in plain[1:] if part and not part[0].isspace()]
    begins = [part for part in plain[:-1] if part and not part[-1].isspace()]
    if len(plain) != len(quoted) + 1 or ends or begins:
        return None
    if not all(path.startswith("/") for path in quoted):
        return None
    return [*(word for part in plain for word in part.split()), *quoted]


def reads_of(paths: Iterable[str], places: Places) -> Reads:
    """Sort what was read by whose it is. To be called with the rights of whoever compiled."""
    outside, foreign = set(), set()
    for path in paths:
        real = _real(path)
        if _of_system(path, real, places.system):
            if _of_libbpf(path, places.system):
                outside.add(path)
        elif _below(real, places.given) and not _below(real, (places.tree,)):
            outside.add(real)
        elif not _of_tree(path, real, places.tree):
            foreign.add(real or path)
    return Reads(tuple(sorted(outside)), tuple(sorted(foreign)))


def _real(path: str) -> str:
    """The path without links; empty for one that leads each process elsewhere, or nowhere."""
    real = os.path.realpath(path)
    if path == real:
        return real
    try:
        passed = list(components(path))
    except OSError:
        return ""
    regular = stat.S_ISREG(passed[-1].facts.st_mode)
    odd = any(_below(each.path, PROCESSES) for each in passed)
    return passed[-1].path if regular and not odd else ""


def _of_system(path: str, real: str, system: tuple[str, ...]) -> bool:
    """Links that lie in the system's directories are root's choice."""
    return _below(real, system) or (".." not in path.split("/") and _below(path, system))


def _of_libbpf(path: str, system: tuple[str, ...]) -> bool:
    return any(path.startswith(f"{place}/bpf/") for place in system)


def _of_tree(path: str, real: str, tree: str) -> bool:
    """What git keeps for itself is not: its configuration may hold a password."""
    return _below(real, (tree,)) and ".git" not in real[len(tree) :].split("/")


def _below(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
