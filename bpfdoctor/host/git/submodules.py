"""The submodules of one work tree: what is pinned, what is there, and whether they agree."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.git.gitmodules import (
    SubmoduleEntry,
    entries_of,
    name_refused,
    path_refused,
    url_is_local,
    url_refused,
)
from bpfdoctor.host.git.inspect import LOOKED_AT, look_closer, undetermined
from bpfdoctor.host.git.plumbing import Refusal, Trouble, ask_git_again
from bpfdoctor.host.git.repository import index_of, not_to_be_read, repository_of
from bpfdoctor.host.git.settings import programs_named
from bpfdoctor.host.git.submodule import Place, Submodule
from bpfdoctor.host.git.worktree import tracked_files
from bpfdoctor.host.process import OUTPUT_LIMIT
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.files import ReadFile

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

GITLINK = b"160000"
HOPELESS = ("absent", "timed-out")
"""Troubles that git would have with each submodule as well."""
MOST, SECONDS = 1_000, 20.0
"""Submodules of one work tree that are looked at, and the time in which they are."""


class Submodules(Answer, frozen=True):
    """What `.gitmodules` of one work tree names.

    `trouble` says why git told nothing about the tree (empty: it did), `detail` in its words;
    `owner` is the user id that the tree belongs to; `repository` is where its repository lies;
    `programs` are the settings of the tree's own git configuration that name programs. `more` says
    that there are others, which were not looked at; empty: there are not.
    """

    found: tuple[Submodule, ...]
    owner: int
    trouble: Trouble | Literal[""] = ""
    detail: str = ""
    programs: tuple[str, ...] = ()
    repository: str = ""
    more: str = ""

    def cut(self) -> bool:
        return bool(self.more)

    def shown(self) -> str:
        lines = [submodule.shown() for submodule in self.found] or ["(none)"]
        return "\n".join([*lines, *([f"git: {self.detail}"] if self.detail else [])])


class AskSubmodules(Question[Submodules], frozen=True):
    """The submodules of the work tree at `path`: one level, for each has its own question.

    Nothing that the tree's settings name is run, and no path of `.gitmodules` is followed out of
    the tree or through a link.
    """

    path: str
    asks = "tree"

    def put(self, machine: Machine) -> Submodules | NoAnswer:
        try:
            with as_owner_of(self.path):
                return self._found(machine)
        except OSError as error:
            return NoAnswer.from_error(error)

    def _found(self, machine: Machine) -> Submodules | NoAnswer:
        owner, named = os.stat(self.path).st_uid, _entries(machine, self.path)
        if isinstance(named, NoAnswer):
            return named
        entries, more = named
        honest = [entry.path for entry in entries if not path_refused(entry.path)]
        pins = _pins(machine, self.path, honest)
        found = tuple(_submodules(machine, self.path, entries, pins))
        if isinstance(pins, Refusal):
            return Submodules(found, owner, pins.trouble, pins.detail, more=more)
        programs = programs_named(machine, self.path)
        if isinstance(programs, Refusal):
            return Submodules(found, owner, programs.trouble, programs.detail, more=more)
        kept = repository_of(self.path)
        return Submodules(found, owner, programs=programs, repository=kept, more=more)

    def command(self) -> str:
        return f"git -C {self.path} submodule status"


def _entries(machine: Machine, tree: str) -> tuple[tuple[SubmoduleEntry, ...], str] | NoAnswer:
    """What `.gitmodules` names, and what of it is left out; git refuses one that is a link."""
    path = f"{tree}/.gitmodules"
    if not os.path.lexists(path):
        return (), ""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return NoAnswer("refused", f"{path} is not a regular file")
    text = ReadFile(path).put(machine)
    if isinstance(text, NoAnswer):
        return text
    entries = entries_of(text.text)
    if text.truncated:
        return entries[:MOST], f"it is longer than the {len(text.text):,} characters that are read"
    more = f"it names {len(entries):,}, and only the first {MOST:,} were looked at"
    return entries[:MOST], more if len(entries) > MOST else ""


Pins = dict[str, str]
"""By path, the commit that the superproject's index holds: empty in a conflict."""


def _pins(machine: Machine, tree: str, paths: list[str]) -> Pins | Refusal:
    if not os.path.lexists(f"{tree}/.git"):
        return Refusal("not-a-repository", f"there is no {tree}/.git")
    if odd := not_to_be_read(repository_of(tree)):
        return Refusal("broken", odd)
    index = index_of(tree)
    listing = ask_git_again(machine, tree, index, "ls-files", "--stage", "-z", "--", *paths)
    if isinstance(listing, Refusal):
        return listing
    if len(listing) >= OUTPUT_LIMIT:
        return Refusal("broken", "git lists more of its index than is read")
    files = [file for file in tracked_files(listing) if file.mode == GITLINK]
    return {decoded(file.path): "" if file.stage else file.object_id for file in files}


def _submodules(
    machine: Machine, tree: str, entries: Iterable[SubmoduleEntry], pins: Pins | Refusal
) -> Iterator[Submodule]:
    """Each of them; where one took too long, no more is asked about those behind it."""
    deadline, late = time.monotonic() + SECONDS, None
    for entry in entries:
        if late is None and time.monotonic() > deadline:
            late = Refusal("timed-out", f"those before it took {SECONDS:g} seconds")
        found = _submodule(machine, tree, entry, pins, late)
        if late is None and found.trouble == "timed-out":
            late = Refusal("timed-out", f"git did not answer in time about {found.path}")
        yield found


def _submodule(
    machine: Machine,
    tree: str,
    entry: SubmoduleEntry,
    pins: Pins | Refusal,
    late: Refusal | None,
) -> Submodule:
    refused = path_refused(entry.path) or _through_link(tree, entry.path)
    pinned = None if isinstance(pins, Refusal) else pins.get(entry.path)
    known = Submodule(
        path=_shown(entry.path),
        url=_shown(entry.url),
        place="refused" if refused else _place(f"{tree}/{entry.path}"),
        refused=refused or url_refused(entry.url) or name_refused(entry.name),
        local=url_is_local(entry.url),
        pinned=pinned or "",
        conflict=pinned == "",
        name="" if name_refused(entry.name) else entry.name,
    )
    if isinstance(pins, Refusal) and pins.trouble in HOPELESS:
        return undetermined(known, pins) if known.place == "filled" else known
    if late is not None:
        return undetermined(known, late) if known.place in LOOKED_AT else known
    return look_closer(machine, tree, known)


def _shown(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _through_link(tree: str, path: str) -> str:
    """Why a path is not followed: a directory on the way to it is a link."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        above = "/".join(parts[:count])
        if os.path.islink(f"{tree}/{above}"):
            return f"its path leads through the link {above}"
    return ""


def _place(path: str) -> Place:
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            return "link"
        if not stat.S_ISDIR(mode):
            return "file"
        names = os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "unreadable"
    return "filled" if set(names) - {".git"} else "bare" if names else "empty"
