"""The files that earlier builds left, as make and a compiler would find them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import PurePath

import msgspec

from bpfdoctor.host.acting import may
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.elf.whole import State, Wanted, wholeness

MOST_ENTRIES = 20_000
"""Entries below a makefile's outputs that are looked at; a build of libbpf-bootstrap makes 200."""

BPFTOOL = "bpftool"
"""The executable that a build makes for itself."""


class BuiltFile(msgspec.Struct, frozen=True):
    """One file that a build made; `path` is relative to the makefile's directory.

    `changed` is its time in nanoseconds, `source` that of the newest file which is called as its
    source would be (0: there is none). `runs`: whoever builds may execute it; `writable`: he may
    write into it as it is. `machine` is as in elf.h (`EM_X86_64`).
    """

    path: str
    made: Wanted
    state: State
    machine: str
    changed: int
    source: int
    runs: bool
    writable: bool


class Shut(msgspec.Struct, frozen=True):
    """A directory in which whoever builds cannot make a file: its owner, and the errno's name."""

    path: str
    uid: int
    why: str


class Found(msgspec.Struct):
    """What is met on the way down: files, directories, and how much of both there is."""

    files: list[BuiltFile]
    shut: list[Shut]
    count: int = 0
    held: int = 0


def made_kind(name: str, programs: frozenset[str]) -> Wanted | None:
    """What a file of this name is made to be; None where nothing is expected of it."""
    ends: dict[str, Wanted] = {".o": "object", ".a": "archive", ".skel.h": "skeleton"}
    kind = next((kind for end, kind in ends.items() if name.endswith(end)), None)
    return kind or ("executable" if name in programs or name == BPFTOOL else None)


def look(root: str, path: str, sources: Mapping[str, int], programs: frozenset[str]) -> BuiltFile:
    """Look at one file below `root`. Raises OSError where there is none."""
    where, name = f"{root}/{path}", PurePath(path).name
    facts = os.stat(where)
    made = made_kind(name, programs)
    assert made is not None
    whole = wholeness(where, made)
    return BuiltFile(
        path=decoded(os.fsencode(path)),
        made=made,
        state=whole.state,
        machine=whole.machine,
        changed=facts.st_mtime_ns,
        source=sources.get(source_of(name), 0),
        runs=not may(where, os.X_OK),
        writable=not may(where, os.W_OK),
    )


def source_of(name: str) -> str:
    """What a file is made of: `minimal.bpf.c` for `minimal.bpf.o`."""
    return f"{name[:-2]}.c" if name.endswith(".o") else ""


def walk(
    root: str, output: str, sources: Mapping[str, int], programs: frozenset[str], found: Found
) -> None:
    """Add all that lies in a directory below `root`, links to other places aside."""
    left = [output]
    while left and found.count < MOST_ENTRIES:
        path = left.pop()
        if why := may(f"{root}/{path}", os.W_OK | os.X_OK):
            uid = os.stat(f"{root}/{path}").st_uid
            found.shut.append(Shut(decoded(os.fsencode(path)), uid, why))
        for entry in _entries(f"{root}/{path}"):
            found.count += 1
            inside = f"{path}/{entry.name}"
            found.held += entry.stat(follow_symlinks=False).st_blocks * 512
            kind, directory = made_kind(entry.name, programs), entry.is_dir(follow_symlinks=False)
            if directory:
                left.append(inside)
            if kind and not (directory and kind == "executable") and os.path.exists(entry.path):
                found.files.append(look(root, inside, sources, programs))


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        return  # said of the directory itself


def newest(places: list[str], ends: tuple[str, ...]) -> dict[str, int]:
    """The times of the files in these directories with such an end, the newest of each name."""
    found: dict[str, int] = {}
    for place in places:
        for name, changed in _times(place, ends):
            found[name] = max(found.get(name, 0), changed)
    return found


def _times(place: str, ends: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.endswith(ends) and stat.S_ISREG((facts := entry.stat()).st_mode):
                    yield entry.name, facts.st_mtime_ns
    except OSError:
        return  # a source that cannot be read is a finding of another check
