"""`bpfdoctor.toml`: what the owner of a tree says that it is."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskIdentity
from bpfdoctor.host.system.files import FileText, LookAt, PathFacts, ReadFile
from bpfdoctor.projects.model import ProjectKind
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.typed import from_toml

NAME = "bpfdoctor.toml"
LIMIT = 1 << 16
"""Bytes that it may have."""
TAKES = 'today it takes [project] with kind = "NAME" alone'


class ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[project]`: the kind of project that this directory is, by name."""

    kind: str


class PolicyTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[policy]`: nothing yet."""


class ProjectFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds; without `[project]` it says nothing of what the tree is."""

    project: ProjectTable | None = None
    policy: PolicyTable = PolicyTable()


class NamedKind(msgspec.Struct, frozen=True):
    """The kind that a project file names, and the directory that the file lies in."""

    place: str
    kind: ProjectKind

    @property
    def path(self) -> str:
        """The file's own path."""
        return path_in(self.place)


def path_in(place: str) -> str:
    """Where a directory has its project file."""
    return f"{place.rstrip('/')}/{NAME}"


def nearest_kind(host: Host, places: Iterable[str], owner: int | None) -> NamedKind | None:
    """The kind that the first project file in `places` names, which are nearest first.

    Only a file of root's, of `owner`'s or of ours is believed. Raises BpfDoctorError, naming the
    file, where one cannot be read or says what cannot be meant.
    """
    for place in places:
        if _believed(host, path_in(place), owner):
            told = read_project_file(host, path_in(place)).project
            if told is not None:
                return NamedKind(place, _kind(path_in(place), told.kind))
    return None


def _believed(host: Host, path: str, owner: int | None) -> bool:
    facts = host.ask(LookAt(path))
    if not isinstance(facts, PathFacts) or not facts.target_kind:
        return False
    if facts.uid in (0, owner):
        return True
    identity = host.ask(AskIdentity())
    return not isinstance(identity, NoAnswer) and facts.uid == identity.euid


def read_project_file(host: Host, path: str) -> ProjectFile:
    """What a project file says. Raises BpfDoctorError naming it and its first mistake."""
    text = host.ask(ReadFile(path, LIMIT))
    if not isinstance(text, FileText):
        raise BpfDoctorError(f"{path} cannot be read: {text.shown()}")
    if text.truncated:
        raise BpfDoctorError(f"{path} is larger than {LIMIT:,} bytes")
    try:
        return from_toml(text.text, ProjectFile)
    except RecursionError:
        raise BpfDoctorError(f"{path}: its values are nested too deep", TAKES) from None
    except ValueError as error:
        raise BpfDoctorError(f"{path}: {error}", TAKES) from None


def _kind(path: str, name: str) -> ProjectKind:
    try:
        return kind_named(name)
    except BpfDoctorError as error:
        raise BpfDoctorError(f"{path}: {error.message}", error.hint) from None
