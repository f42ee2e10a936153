"""Remembered facts about the running kernel: they hold until another one is booted.

What the kernel says of its own code and types does not change while it runs. A fact is found again
only for the same boot (the whole boot id, uname, and what the caller read anew from the file's
beginning) and for the same file: device, inode and size, on sysfs or procfs and nowhere else, so
that a file that is mounted over it is another one. Only positive facts are kept. A fact about other
files too holds while these are unchanged.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import bpfdoctor
from bpfdoctor.host.cache import FORMAT, CacheEntry, recalled, states_before, store
from bpfdoctor.host.catalog import encode, name_of
from bpfdoctor.host.system.mounted import superblock_magic

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.question import A, Answer, Question

BOOT_ID = "/proc/sys/kernel/random/boot_id"
KERNELS_OWN = {"/sys/": 0x62656572, "/proc/": 0x9FA0}
"""SYSFS_MAGIC and PROC_SUPER_MAGIC of linux/magic.h, by where they are mounted."""


def recall_fact(
    machine: Machine, question: Question[A], kind: type[A], path: str, beginning: bytes
) -> A | None:
    """The answer kept for `question` since this boot, where `path` is the file it was kept for."""
    place = _place(machine, question, path, beginning)
    return recalled(place, kind) if place else None


def keep_fact(  # noqa: PLR0913  (each is a part of what is kept)
    machine: Machine,
    question: Question[A],
    answer: Answer,
    path: str,
    beginning: bytes,
    *,
    rests_on: Iterable[str] = (),
    since: int = 0,
) -> None:
    """Keep a positive fact, read from `path`, until the next boot, or until one of `rests_on`
    changes; not if one did after `since` (nanoseconds of the clock, when reading began)."""
    place = _place(machine, question, path, beginning)
    states = states_before(machine, since, rests_on) if place else None
    if place and states is not None:
        store(place, CacheEntry(FORMAT, msgspec.Raw(encode(answer)), states))


def _place(machine: Machine, question: Question[A], path: str, beginning: bytes) -> Path | None:
    """The file of the cache; None where there is no cache, or this cannot be kept."""
    magic = next((KERNELS_OWN[top] for top in KERNELS_OWN if path.startswith(top)), None)
    if machine.cache is None or magic is None:
        return None
    try:
        facts, boot = os.stat(path), Path(BOOT_ID).read_text()
        if superblock_magic(path) != magic or superblock_magic(BOOT_ID) != KERNELS_OWN["/proc/"]:
            return None
    except (OSError, ValueError):
        return None
    file = (path, facts.st_dev, facts.st_ino, facts.st_size, beginning.hex())
    what = name_of(type(question)), encode(question).hex()  # names need not be UTF-8
    asked = [FORMAT, bpfdoctor.__version__, boot, tuple(os.uname()), file, *what]
    return machine.cache / f"proof-{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()}"
