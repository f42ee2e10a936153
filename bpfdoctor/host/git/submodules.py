"""The submodules of one work tree: what is pinned, what is there, and whether they agree."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.git.gitmodules import Entry, entries_of, path_refused, url_is_local, url_refused
from bpfdoctor.host.git.plumbing import Refusal, Trouble, ask_git, programs_named
from bpfdoctor.host.git.worktree import compare, tracked_files
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.files import ReadFile
from bpfdoctor.host.text import decoded

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

Place = Literal["missing", "empty", "bare", "filled", "link", "file", "unreadable", "refused"]
"""What is at a submodule's path. `bare`: nothing but `.git`; `refused`: it was not looked at."""
GITLINK = b"160000"
HOPELESS = ("absent", "timed-out")
"""Troubles that git would have with each submodule as well."""


class Submodule(msgspec.Struct, frozen=True):
    """One submodule of a work tree.

    `refused` says why its path or URL is not followed. `pinned` is the commit in the
    superproject's index: empty where there is none or git did not answer; `conflict` when a merge
    left it undecided. `commit`, `shallow` and the counts of files (`examples` names some that are
    absent or changed) are the submodule's own state, and mean nothing while `trouble` and, in
    words, `unknown` say why they could not be had. `nested`: it has submodules itself.
    """

    path: str
    url: str
    place: Place
    refused: str = ""
    local: bool = False
    pinned: str = ""
    conflict: bool = False
    commit: str = ""
    shallow: bool = False
    tracked: int = 0
    absent: int = 0
    changed: int = 0
    uncompared: int = 0
    examples: tuple[str, ...] = ()
    trouble: Trouble | Literal[""] = ""
    unknown: str = ""
    nested: bool = False

    def shown(self) -> str:
        """One line: what was seen."""
        seen = [
            f"pinned {self.pinned}" if self.pinned else "",
            "in conflict" if self.conflict else "",
            f"at {self.commit}" if self.commit else "",
            "shallow" if self.shallow else "",
            f"{self.absent} of {self.tracked} files absent" if self.absent else "",
            f"{self.changed} files changed" if self.changed else "",
            f"such as {' '.join(self.examples)}" if self.examples else "",
            f"{self.uncompared} files not compared" if self.uncompared else "",
            self.refused,
            self.unknown,
        ]
        return f"{self.path}: " + ", ".join((self.place, *(word for word in seen if word)))


class Submodules(Answer, frozen=True):
    """What `.gitmodules` of one work tree names.

    `trouble` says why git told nothing about the tree (empty: it did), `detail` in its words;
    `owner` is the user id that the tree belongs to; `programs` are the settings of the tree's own
    git configuration that name programs.
    """

    found: tuple[Submodule, ...]
    owner: int
    trouble: Trouble | Literal[""] = ""
    detail: str = ""
    programs: tuple[str, ...] = ()

    def shown(self) -> str:
        lines = [submodule.shown() for submodule in self.found] or ["(none)"]
        return "\n".join([*lines, *([f"git: {self.detail}"] if self.detail else [])])


class AskSubmodules(Question[Submodules], frozen=True):
    """The submodules of the work tree at `path`: one level, for each has its own question.

    Nothing that the tree's settings name is run, and no path of `.gitmodules` is followed out of
    the tree or through a link.
    """

    path: str

    def put(self, machine: Machine) -> Submodules | NoAnswer:
        try:
            owner = os.stat(self.path).st_uid
            entries = _entries(machine, self.path)
        except OSError as error:
            return NoAnswer.from_error(error)
        if isinstance(entries, NoAnswer):
            return entries
        honest = [entry.path for entry in entries if not path_refused(entry.path)]
        pins = _pins(machine, self.path, honest)
        found = tuple(_submodule(machine, self.path, entry, pins) for entry in entries)
        if isinstance(pins, Refusal):
            return Submodules(found, owner, pins.trouble, pins.detail)
        return Submodules(found, owner, programs=programs_named(machine, self.path))

    def source(self) -> str:
        return f"$ git -C {self.path} submodule status"


def _entries(machine: Machine, tree: str) -> tuple[Entry, ...] | NoAnswer:
    """What `.gitmodules` names; nothing where there is none. git refuses one that is a link."""
    path = f"{tree}/.gitmodules"
    if not os.path.lexists(path):
        return ()
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return NoAnswer("refused", f"{path} is not a regular file")
    text = ReadFile(path).put(machine)
    return text if isinstance(text, NoAnswer) else entries_of(text.text)


Pins = dict[str, str]
"""By path, the commit that the superproject's index holds: empty in a conflict."""


def _pins(machine: Machine, tree: str, paths: list[str]) -> Pins | Refusal:
    if not os.path.lexists(f"{tree}/.git"):
        return Refusal("not-a-repository", f"there is no {tree}/.git")
    listing = ask_git(machine, tree, "ls-files", "--stage", "-z", "--", *paths)
    if isinstance(listing, Refusal):
        return listing
    files = [file for file in tracked_files(listing) if file.mode == GITLINK]
    return {decoded(file.path): "" if file.stage else file.object_id for file in files}


def _submodule(machine: Machine, tree: str, entry: Entry, pins: Pins | Refusal) -> Submodule:
    shown = entry.path if entry.path.isprintable() else ascii(entry.path)[1:-1]
    refused = path_refused(entry.path) or _through_link(tree, entry.path)
    pinned = None if isinstance(pins, Refusal) else pins.get(entry.path)
    known = Submodule(
        path=shown,
        url=entry.url if entry.url.isprintable() else ascii(entry.url)[1:-1],
        place="refused" if refused else _place(f"{tree}/{entry.path}"),
        refused=refused or url_refused(entry.url),
        local=url_is_local(entry.url),
        pinned=pinned or "",
        conflict=pinned == "",
    )
    if known.place != "filled":
        return known
    known = msgspec.structs.replace(
        known, nested=os.path.lexists(f"{tree}/{entry.path}/.gitmodules")
    )
    if isinstance(pins, Refusal) and pins.trouble in HOPELESS:
        return _undetermined(known, pins)
    return _state(machine, f"{tree}/{entry.path}", known)


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


def _state(machine: Machine, tree: str, known: Submodule) -> Submodule:
    """The state of a submodule that has files: its commit, and how they compare with it."""
    if not os.path.lexists(f"{tree}/.git"):
        refusal = Refusal("not-a-repository", "it has no .git of its own")
        return _undetermined(known, refusal)
    head = ask_git(machine, tree, "rev-parse", "--is-shallow-repository", "HEAD")
    if isinstance(head, Refusal):
        return _undetermined(known, head)
    listing = ask_git(machine, tree, "ls-files", "--stage", "--debug", "-z")
    if isinstance(listing, Refusal):
        return _undetermined(known, listing)
    shallow, commit = head.decode(errors="replace").split("\n")[:2]
    seen = compare(tree, tracked_files(listing))
    return msgspec.structs.replace(
        known,
        commit=commit,
        shallow=shallow == "true",
        tracked=seen.tracked,
        absent=len(seen.absent),
        changed=len(seen.changed),
        uncompared=seen.uncompared,
        examples=tuple(decoded(path) for path in (*seen.absent, *seen.changed)[:3]),
    )


def _undetermined(known: Submodule, refusal: Refusal) -> Submodule:
    return msgspec.structs.replace(known, trouble=refusal.trouble, unknown=refusal.detail)
