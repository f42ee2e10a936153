"""Which files there are below a directory: git's index says so, or else a short walk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.git.plumbing import Refusal, ask_git
from bpfdoctor.host.git.repository import not_to_be_read, repository_of
from bpfdoctor.host.process import OUTPUT_LIMIT

if TYPE_CHECKING:
    from bpfdoctor.host.git.common_places import CommonPlaces
    from bpfdoctor.host.machine import Machine

NAMES = 20_000
"""Names of git's index that are looked at."""
ENTRIES, LEVELS = 2_000, 2
"""Where git tells nothing: entries looked at in all, and levels below the directory."""


class NamesBelow(msgspec.Struct):
    """The files, by full path; directories that cannot be read; and whether there is more."""

    paths: list[str] = []
    unseen: list[str] = []
    partial: bool = False


def tracked_below(machine: Machine, root: str, directory: str) -> NamesBelow | None:
    """What git's index of the work tree `root` has below a directory; None where git tells nothing.

    What lies in repositories within it (its submodules too) is none of its files.
    """
    if not_to_be_read(repository_of(root)):
        return None
    only = () if directory == root else ("--", os.path.relpath(directory, root))
    listing = ask_git(machine, root, "ls-files", "-z", *only)
    if isinstance(listing, Refusal):
        return None
    names = listing.split(b"\0", NAMES + 1)[:-1]  # the last is empty, or was cut off
    partial = len(names) > NAMES or len(listing) >= OUTPUT_LIMIT
    return NamesBelow([f"{root}/{os.fsdecode(name)}" for name in names[:NAMES]], [], partial)


def walked_below(common: CommonPlaces, directory: str) -> NamesBelow:
    """What a walk finds; it enters no link, mount, home or repository within."""
    found = NamesBelow([], [])
    device = os.stat(directory).st_dev
    level = [directory]
    for _ in range(LEVELS + 1):
        deeper: list[str] = []
        for place in level:
            for entry in _entries(place, found):
                found.paths.append(entry.path)
                if _enters(entry, device, common):
                    deeper.append(entry.path)
        level = deeper
    return found


def _entries(place: str, found: NamesBelow) -> Iterator[os.DirEntry[str]]:
    """What is in a directory, while there is room for it among what was found."""
    left = ENTRIES - len(found.paths)
    try:
        with os.scandir(place) as entries:
            yield from islice(entries, left)
            found.partial = found.partial or next(entries, None) is not None
    except (FileNotFoundError, NotADirectoryError):
        return  # it was there a moment ago
    except OSError:
        found.unseen.append(place)


def _enters(entry: os.DirEntry[str], device: int, common: CommonPlaces) -> bool:
    try:
        facts = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    inside = stat.S_ISDIR(facts.st_mode) and facts.st_dev == device and entry.name != ".git"
    return inside and not os.path.lexists(f"{entry.path}/.git") and not common.has(entry.path)
