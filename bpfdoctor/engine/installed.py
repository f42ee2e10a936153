"""Which installed distributions name checks of their own: found without importing any of them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec

from bpfdoctor.engine.load import GROUP


class Entry(msgspec.Struct, frozen=True):
    """An entry point: the name it was given, and the module that holds the checks."""

    name: str
    module: str


def entries() -> list[Entry]:
    """The installed entry points, by name. A distribution that cannot be read has none."""
    path = trusted_path()
    if not _may_be_named(path):
        return []
    from importlib.metadata import distributions  # costs start-up time

    found: set[Entry] = set()
    for distribution in distributions(path=path):
        with contextlib.suppress(Exception):  # somebody else's broken installation
            if GROUP in (distribution.read_text("entry_points.txt") or ""):
                points = distribution.entry_points.select(group=GROUP)
                found |= {Entry(p.name, p.value.partition(":")[0].strip()) for p in points}
    return sorted(found, key=lambda entry: (entry.name, entry.module))


def _may_be_named(path: Iterable[str]) -> bool:
    """Whether a distribution on this path may have entries of our group; True where unsure."""
    others = [each for each in sys.meta_path if each is not PathFinder]
    if any(hasattr(each, "find_distributions") for each in others):
        return True
    return any(_may_be_named_in(place) for place in path)


def _may_be_named_in(place: str) -> bool:
    if place.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(place)
    except FileNotFoundError:
        return False
    except OSError:  # an archive, or unreadable
        return True
    kinds = (".dist-info", ".egg-info")
    return any(_names_us(place, name) for name in names if name.lower().endswith(kinds))


def _names_us(place: str, name: str) -> bool:
    try:
        with open(os.path.join(place, name, "entry_points.txt"), "rb") as file:
            return GROUP.encode() in file.read()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def trusted_path() -> list[str]:
    """Where this interpreter imports from, without the working directory and what is relative."""
    try:
        here = Path.cwd().resolve()
    except OSError:  # somebody has removed it
        here = None
    return [p for p in sys.path if p.startswith("/") and Path(p).resolve() != here]
