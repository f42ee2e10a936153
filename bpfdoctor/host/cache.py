"""Remembered proofs: an answer is kept only while every file behind it is as it was.

An answer that took a compiler's work holds while the tool, its parts, every file that was read and
every directory that was searched are unchanged (size, mtime, ctime, inode; or still absent), and
the environment variables that steer compilers too. Only positive, conclusive answers are kept.
Whatever goes wrong with the cache itself (disk full, read-only home, corrupt entry) means that
there is none: the answer is then found anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

import bpfdoctor
from bpfdoctor.host.atomic_write import replace_file
from bpfdoctor.host.catalog import encode, name_of
from bpfdoctor.host.own_directory import own_directory
from bpfdoctor.host.own_file import read_own_file
from bpfdoctor.host.question import Answer
from bpfdoctor.host.reading import is_elf, real_path
from bpfdoctor.typed import from_json

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.question import A, Question

FORMAT = 2

_READ = ("PATH", "CPATH", "LIBRARY_PATH", "COMPILER_PATH", "LANG", "SYSROOT", "HOME", "TMPDIR")
_READ_PREFIXES = ("C_INCLUDE_PATH", "GCC", "COLLECT_", "CLANG", "CCC_", "LLVM", "LD_", "XDG_CONFIG")
"""The environment variables that compilers and linkers read, and what the names of others begin
with."""

_KNOWN = re.compile(
    r"(?:[\w.]+-)*(?:gcc|clang|cc|g?make|bpftool|llvm-strip|llvm-objcopy)(?:-\d[\d.]*)?"
    r"|(?:\w+-linux-\w+-|llvm-)?ar(?:-\d+)?"
)
"""Executables that are what they are called; a multiplexer (ccache, rustup) decides anew each
time what it runs, and no list of files says on what grounds."""

T = TypeVar("T")

Key = tuple[str, bytes]
"""The name of a kind of thing that is remembered, and which one of them."""

State = tuple[int, int, int, int]
"""Size, mtime and ctime in nanoseconds, inode."""

_CLOCK_STEP = 20_000_000
"""File times come from the kernel's tick: up to 10 ms behind the clock, where HZ is 100."""

_PROOF = re.compile(r"proof-[0-9a-f]{64}")

OBJECTS = "objects"
"""The directory in the cache where compiled objects are kept by their hash."""

_MOST = 1024
"""Entries that are kept; each is a few kilobytes."""

_LARGEST = 64 << 20
"""Bytes of the largest entry that is read."""


class CacheEntry(msgspec.Struct, frozen=True):
    """One remembered answer, and the state of each file and directory that it rests on."""

    format: int
    answer: msgspec.Raw
    rests_on: dict[str, State | None]


def default_cache(environ: Mapping[str, str]) -> Path | None:
    """This user's cache directory, made with mode 0700; None where there can be none.

    `$XDG_CACHE_HOME/bpfdoctor` or `~/.cache/bpfdoctor`. One that another user could change is not
    used (`own_directory`).
    """
    home = environ.get("HOME", "")
    base = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    if not os.path.isabs(base):
        return None
    try:
        return own_directory(Path(base, "bpfdoctor"), home=home)
    except (OSError, ValueError):
        return None


def tool_of(machine: Machine, name: str) -> str | None:
    """The executable, links resolved, that `name` is, where its answers may be remembered."""
    found = shutil.which(name, path=machine.environ.get("PATH", os.defpath))
    if found is None or not os.path.isabs(found):
        return None
    try:
        resolved = real_path(found)
        if not _KNOWN.fullmatch(os.path.basename(resolved)):
            return None
        return resolved if is_elf(resolved) else None
    except OSError:
        return None


def recall(machine: Machine, question: Question[A], kind: type[A], tool: str | None) -> A | None:
    """The answer that was kept for `question`, if all that it rests on is unchanged."""
    return None if tool is None else recall_named(machine, _key_of(question), kind, tool)


def recall_named(machine: Machine, key: Key, kind: type[T], tool: str) -> T | None:
    """The same of what is no answer to a question, and has a name."""
    if machine.cache is None:
        return None
    try:
        place = _place(machine, key, tool)
    except OSError:  # no working directory
        return None
    return recalled(place, kind)


def recalled(place: Path, kind: type[T]) -> T | None:
    """The answer in an entry, if all that it rests on is unchanged."""
    try:
        entry = from_json(read_own_file(place, _LARGEST), CacheEntry)
        if entry.format != FORMAT or not _unchanged(entry.rests_on):
            return None
        return from_json(entry.answer, kind)
    except (OSError, ValueError, RecursionError):  # absent, another's, or not what we wrote
        return None


def keep(  # noqa: PLR0913  (each is a part of what is kept)
    machine: Machine,
    question: Question[A],
    answer: Answer,
    *,
    tool: str,
    rests_on: Iterable[str],
    since: int,
    made: Iterable[str] = (),
) -> None:
    """Keep a positive, conclusive answer while `tool` and all of `rests_on` stay as they are.

    Nothing is kept if any of them changed after `since` (nanoseconds of the clock, when the work
    began): the answer may be older than the change. `made` are files that the work itself has made;
    with them the answer goes.
    """
    states = states_before(machine, since, {tool, *rests_on})
    if states is not None:
        states |= {path: state_of(path) for path in made}
        _store(machine, _key_of(question), tool, msgspec.json.encode(answer), states)


def keep_named(  # noqa: PLR0913  (each is a part of what is kept)
    machine: Machine,
    key: Key,
    found: object,
    *,
    tool: str,
    rests_on: Iterable[str],
    since: int,
) -> None:
    """As `keep`, of what is no answer to a question, and has a name."""
    states = states_before(machine, since, {tool, *rests_on})
    if states is not None:
        _store(machine, key, tool, msgspec.json.encode(found), states)


def _store(
    machine: Machine, key: Key, tool: str, found: bytes, states: dict[str, State | None]
) -> None:
    with contextlib.suppress(OSError):  # no working directory
        store(_place(machine, key, tool), CacheEntry(FORMAT, msgspec.Raw(found), states))


def store(place: Path, entry: CacheEntry) -> None:
    """Write an entry, if that can be done; old ones make room."""
    with contextlib.suppress(OSError, ValueError):
        replace_file(place, msgspec.json.encode(entry))
        _prune(place.parent)


def states_before(
    machine: Machine, since: int, paths: Iterable[str]
) -> dict[str, State | None] | None:
    """The state of each path; None where one changed after `since` (nanoseconds of the clock), and
    without a cache.

    Objects that were kept by their hash do not change: they are as good as old.
    """
    if machine.cache is None:
        return None
    states = {path: state_of(path) for path in sorted(paths)}
    kept = f"{machine.cache}/{OBJECTS}/"
    late = since - _CLOCK_STEP
    changing = (state for path, state in states.items() if state and not path.startswith(kept))
    return None if any(max(state[1:3]) > late for state in changing) else states


def state_of(path: str) -> State | None:
    """What changes when a file does, or when a name comes or goes in a directory; None: absent."""
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return None
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)


def _unchanged(rests_on: dict[str, State | None]) -> bool:
    return all(state_of(path) == state for path, state in rests_on.items())


def _key_of(question: Question[Any]) -> Key:
    return name_of(type(question)), encode(question)


def _place(machine: Machine, key: Key, tool: str) -> Path:
    environ = {
        name: value.encode(errors="surrogateescape").hex()
        for name, value in sorted(machine.environ.items())
        if name in _READ or name.startswith(_READ_PREFIXES)
    }
    where = [os.fsencode(path).hex() for path in (tool, os.getcwd())]  # names need not be UTF-8
    asked = [FORMAT, bpfdoctor.__version__, key[0], key[1].hex(), *where, environ]
    assert machine.cache is not None
    return machine.cache / f"proof-{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()}"


def _prune(cache: Path) -> None:
    entries = [path for path in cache.iterdir() if _PROOF.fullmatch(path.name)]
    if len(entries) > _MOST:
        for entry in sorted(entries, key=lambda path: path.stat().st_mtime_ns)[: _MOST // 2]:
            entry.unlink(missing_ok=True)
