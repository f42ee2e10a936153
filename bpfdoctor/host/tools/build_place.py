"""The question what a makefile's own directory is to whoever builds in it."""

from __future__ import annotations

import os
import pwd
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.acting import acting_as, may
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.elf.object import machine_name
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.built_files import (
    MOST_ENTRIES,
    BuiltFile,
    Found,
    Shut,
    look,
    newest,
    walk,
)

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class Room(msgspec.Struct, frozen=True):
    """The file system of a directory, for whoever builds there.

    `free` is in bytes; `inodes` are the free ones, None where there is no limit. `device` is that
    of stat(2).
    """

    path: str
    read_only: bool
    noexec: bool
    free: int
    inodes: int | None
    device: int


class BuildPlace(Answer, frozen=True):
    """A makefile's directory, as `uid` sees it: who asked, or the tree's owner (`other`).

    Paths are relative to it. `characters` are those of its whole path that are neither letters nor
    digits. `rooms`: its file system, then those of the outputs that exist. `shut`: the directories
    in which he cannot write, and outputs that are none (`ENOTDIR`). `held` and `count`: the bytes
    and entries below the outputs. `built`: what earlier builds made. `sources` are the times of the
    programs' sources, `headers` the newest of what all of them include, `library` of what the
    archives are made from, all in nanoseconds. `truncated`: there is more than is looked at.
    `astray`: where `../..` of a makefile behind a link ends, if it lacks what lies in the checkout.
    """

    uid: int
    user: str
    other: bool
    characters: tuple[str, ...]
    rooms: tuple[Room, ...]
    shut: tuple[Shut, ...] = ()
    held: int = 0
    count: int = 0
    built: tuple[BuiltFile, ...] = ()
    sources: tuple[tuple[str, int], ...] = ()
    headers: int = 0
    library: int = 0
    truncated: bool = False
    astray: str = ""

    @property
    def who(self) -> str:
        """`alice (uid 1000)`."""
        return f"{self.user} (uid {self.uid})" if self.user else f"uid {self.uid}"

    def shown(self) -> str:
        lines = [f"as {self.who}: {self.count} entries and {self.held:,} bytes were built"]
        lines += [_shown_room(room) for room in self.rooms]
        lines += [f"{each.path}: {each.why} (owner {each.uid})" for each in self.shut]
        odd = (each for each in self.built if each.state != "whole")
        lines += [f"{each.path}: {each.state}" for each in odd]
        return "\n".join(lines)

    def cut(self) -> bool:
        return self.truncated


def _shown_room(room: Room) -> str:
    inodes = "no limit of" if room.inodes is None else f"{room.inodes:,}"
    flags = f"{'ro' if room.read_only else 'rw'}{',noexec' if room.noexec else ''}"
    return f"{room.path or '.'}: {flags}, {room.free:,} bytes and {inodes} inodes free"


class AskBuildPlace(Question[BuildPlace], frozen=True):
    """What `directory` of a checkout is to whoever builds there; nothing is run or changed.

    That is the owner of the checkout, where we are root and he is not; else whoever asks.
    `outputs` are the directories that the makefile makes in its own, `programs` what it makes
    there. `libraries` are the directories of the checkout from which archives and tools are made,
    `headers` files that every program includes.
    """

    checkout: str
    directory: str
    outputs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    asks = "tree"

    def put(self, machine: Machine) -> BuildPlace | NoAnswer:
        try:
            identity = owner_to_become(self.checkout)
            uid = identity.uid if identity else os.geteuid()
            user = _name_of(uid)
            if identity is not None:
                machine_name(0)  # imports now: that user need not be able to read our own files
            with acting_as(identity):
                root = os.path.realpath(f"{self.checkout}/{self.directory}", strict=True)
                return self._seen(root, uid, user, other=identity is not None)
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))

    def _seen(self, root: str, uid: int, user: str, *, other: bool) -> BuildPlace:
        ends = (".c", ".h", "Makefile")
        places = [f"{self.checkout}/{each}" for each in self.libraries]
        own, library = newest([root], ends), newest(places, ends)
        found = self._built(root, {**library, **own})
        wanted = (f"{name}{end}" for name in self.programs for end in (".bpf.c", ".c"))
        headers = [changed for name, changed in own.items() if name.endswith(".h")]
        return BuildPlace(
            uid=uid,
            user=user,
            other=other,
            characters=_unusual(root),
            rooms=tuple(_rooms(root, self.outputs, uid)),
            shut=tuple(found.shut),
            held=found.held,
            count=found.count,
            built=tuple(found.files),
            sources=tuple((name, own[name]) for name in wanted if name in own),
            headers=max([*headers, *map(self._time, self.headers)], default=0),
            library=max(library.values(), default=0),
            truncated=found.count >= MOST_ENTRIES,
            astray=self._astray(root),
        )

    def _astray(self, root: str) -> str:
        """make goes up from where its directory really is."""
        up = "../" * len(PurePath(self.directory).parts)
        above = os.path.normpath(f"{root}/{up}")
        lost = any(
            os.path.isdir(f"{self.checkout}/{each}") and not os.path.isdir(f"{above}/{each}")
            for each in self.libraries
        )
        return decoded(os.fsencode(above)) if lost else ""

    def _time(self, path: str) -> int:
        try:
            return os.stat(f"{self.checkout}/{path}").st_mtime_ns
        except OSError:
            return 0

    def _built(self, root: str, sources: dict[str, int]) -> Found:
        """What is there of earlier builds: the programs, and all in the outputs."""
        found, programs = Found([], []), frozenset(self.programs)
        if why := may(root, os.W_OK | os.X_OK):
            found.shut.append(Shut("", os.stat(root).st_uid, why))
        for name in self.programs:
            if os.path.exists(f"{root}/{name}"):
                found.files.append(look(root, name, sources, programs))
        for output in self.outputs:
            where = f"{root}/{output}"
            if os.path.isdir(where):
                walk(root, output, sources, programs, found)
            elif os.path.lexists(where):
                found.shut.append(Shut(output, os.lstat(where).st_uid, "ENOTDIR"))
        return found

    def command(self) -> str:
        return f"ls -lAR {self.checkout}/{self.directory}"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _unusual(path: str) -> tuple[str, ...]:
    """The characters of a path that are neither letters, digits nor of every name."""
    odd = (each for each in path if not (each.isalnum() or each in "/._-"))
    return tuple(dict.fromkeys(decoded(os.fsencode(each)) for each in odd))


def _rooms(root: str, outputs: tuple[str, ...], uid: int) -> list[Room]:
    places = ["", *(name for name in outputs if os.path.isdir(f"{root}/{name}"))]
    return [_room(f"{root}/{name}", name, uid) for name in places]


def _room(path: str, name: str, uid: int) -> Room:
    facts = os.statvfs(path)
    blocks, files = (facts.f_bavail, facts.f_favail) if uid else (facts.f_bfree, facts.f_ffree)
    return Room(
        path=name,
        read_only=bool(facts.f_flag & os.ST_RDONLY),
        noexec=bool(facts.f_flag & os.ST_NOEXEC),
        free=blocks * facts.f_frsize,
        inodes=files if facts.f_files else None,
        device=os.stat(path).st_dev,
    )
