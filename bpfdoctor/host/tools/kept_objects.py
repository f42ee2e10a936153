"""Compiled objects that are kept by their hash, where nobody else changes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.atomic_write import replace_file
from bpfdoctor.host.cache import OBJECTS
from bpfdoctor.host.own_directory import own_directory
from bpfdoctor.host.own_file import read_own_file

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 16 << 20
"""Bytes of an object that is kept; the largest of bcc's tools has a million."""

MOST, MOST_BYTES = 1024, 256 << 20
"""Objects that are kept, and their bytes; the oldest make room."""

_NAME = re.compile(r"[0-9a-f]{64}\.o")


def keep_object(machine: Machine, data: bytes) -> tuple[Path, str]:
    """Keep an object in the cache, or for this run: its path and its sha256.

    That is so where there is no cache, or nothing can be written to it. Raises OSError where it can
    be kept nowhere.
    """
    if machine.cache is not None:
        with contextlib.suppress(OSError):
            return _kept(own_directory(machine.cache / OBJECTS), data)
    place = machine.scratch / OBJECTS
    place.mkdir(mode=0o700, exist_ok=True)
    return _kept(place, data)


def _kept(place: Path, data: bytes) -> tuple[Path, str]:
    """One that is there already is left as it is, for remembered answers rest on it."""
    digest = hashlib.sha256(data).hexdigest()
    kept = place / f"{digest}.o"
    if not _holds(kept, data):
        replace_file(kept, data)
        _prune(place, but=kept.name)
    return kept, digest


def _holds(path: Path, data: bytes) -> bool:
    with contextlib.suppress(OSError):
        return read_own_file(path, LARGEST) == data
    return False


def _prune(place: Path, but: str) -> None:
    with contextlib.suppress(OSError):
        names = [name for name in os.listdir(place) if _NAME.fullmatch(name) and name != but]
        facts = {name: os.lstat(place / name) for name in names}
        left = sum(each.st_size for each in facts.values())
        oldest = sorted(names, key=lambda name: facts[name].st_mtime_ns)
        for number, name in enumerate(oldest):
            if len(oldest) - number < MOST and left < MOST_BYTES - LARGEST:
                return
            (place / name).unlink(missing_ok=True)
            left -= facts[name].st_size
