"""Recognise a checkout, seeking upwards from a directory, and read which programs it has."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bpfdoctor.host.makefile_comments import without_comments
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import AskDirectory, FileText, LookAt, PathFacts, ReadFile
from bpfdoctor.projects.makefile_of import as_it_is
from bpfdoctor.projects.model import ProgramList, Project, ProjectKind
from bpfdoctor.projects.reader import kinds

MAKEFILE = "Makefile"
"""The makefile that a project of ours is known by."""


def find_project(host: Host, start: str) -> Project | None:
    """The checkout that `start` is in, or None: the nearest directory that is any known kind.

    `start` is absolute or as the user gave it. None also where it is absent or unreadable: ask
    `AskDirectory(start)` for the reason. Above `start`, files that belong to neither root nor the
    owner of `start` make no checkout: anybody may leave a makefile in /tmp, and it would be built.
    """
    directory = host.ask(AskDirectory(start))
    if isinstance(directory, NoAnswer):
        return None
    start_owner = owners(host, directory.path, ("",))
    for place in (directory.path, *directory.parents):
        for kind, below, found in _recognised(host, place):
            if place == directory.path or found <= {0, *start_owner}:
                return project_at(host, kind, place, below)
    return None


def _recognised(host: Host, place: str) -> Iterator[tuple[ProjectKind, str, set[int]]]:
    """The kinds that a tree may be, with the directory of its makefile, and the files' owners.

    First those that the makefile's own words tell: a directory's name alone says less.
    """
    known = [kind for kind in kinds().values() if kind.recognise is not None]
    for kind in known:
        for below in _other_directories(kind):
            found = _files(host, place, kind, below)
            if found and _worded(host, place, kind, below):
                yield kind, below, found
    for kind in known:
        below = _usual_directory(kind)
        found = _files(host, place, kind, below)
        found = found or _hidden(host, place, _telling(kind, below))
        if found:
            yield kind, below, found


def _usual_directory(kind: ProjectKind) -> str:
    return kind.recognise.directories[0] if kind.recognise else ""


def _other_directories(kind: ProjectKind) -> tuple[str, ...]:
    return kind.recognise.directories[1:] if kind.recognise else ()


def _telling(kind: ProjectKind, below: str) -> tuple[str, ...]:
    return tuple(f"{below}/{name}" for name in (kind.recognise.telling if kind.recognise else ()))


def _files(host: Host, place: str, kind: ProjectKind, below: str) -> set[int]:
    """The owners of the files by which this is such a project; none where it is not."""
    names = kind.recognise.files if kind.recognise else ()
    whole = owners(host, place, tuple(f"{below}/{name}" for name in names))
    parts = (owners(host, place, (name,)) for name in _telling(kind, below))
    return whole or next((found for found in parts if found), set())


def _worded(host: Host, place: str, kind: ProjectKind, below: str) -> bool:
    """The makefile holds a word that only makefiles of this kind have."""
    makefile = f"{place.rstrip('/')}/{below}/{MAKEFILE}"
    text = host.ask(ReadFile(makefile))
    words = kind.recognise.makefile if kind.recognise else ()
    read = without_comments(text.text) if isinstance(text, FileText) else ""
    return any(word in read for word in words)


def _hidden(host: Host, place: str, names: tuple[str, ...]) -> set[int]:
    """The owner of a tree that has libbpf for a submodule, and may have the rest: it is shut."""
    looks = [host.ask(LookAt(f"{place.rstrip('/')}/{name}")) for name in names]
    if not any(isinstance(each, NoAnswer) and each.reason == "EACCES" for each in looks):
        return set()
    modules = host.ask(ReadFile(f"{place.rstrip('/')}/.gitmodules"))
    named = isinstance(modules, FileText) and "path = libbpf\n" in modules.text
    return owners(host, place, (".gitmodules",)) if named else set()


def owners(host: Host, place: str, names: tuple[str, ...]) -> set[int]:
    """The user ids that these files of a directory belong to; none unless all of them exist."""
    facts = [host.ask(LookAt(f"{place.rstrip('/')}/{name}".rstrip("/") or "/")) for name in names]
    there = [each for each in facts if isinstance(each, PathFacts) and each.target_kind]
    return {each.uid for each in there} if len(there) == len(names) else set()


def _marks(host: Host, kind: ProjectKind, place: str, below: str) -> list[str]:
    """The files by which a directory is seen to be such a project."""
    files = kind.recognise.files if kind.recognise else ()
    names = (*(f"{below}/{name}" for name in files), *_telling(kind, below))
    return [name for name in dict.fromkeys(names) if owners(host, place, (name,))]


def project_at(host: Host, kind: ProjectKind, place: str, below: str = "") -> Project:
    """The project of this kind in `place`, with what its makefile builds and calls.

    `below` is the makefile's directory; empty: the one in which such a project has it here.
    """
    below = below or _directory_in(host, kind, place)
    files = ", ".join(_marks(host, kind, place, below)) or "its submodules"
    project = Project(kind, place, tuple(kind.programs), f"recognised by {files}")
    project = as_it_is(host, project, below)
    how = _how(project.listing) if project.listing else ""
    return msgspec.structs.replace(project, evidence=f"{project.evidence}{how}")


def _directory_in(host: Host, kind: ProjectKind, place: str) -> str:
    """The directory of its makefile: of those that such a project may have, one that has it."""
    usual = kind.build.directory if kind.build else ""
    names = (usual, *(kind.recognise.directories if kind.recognise else ()))
    there = (name for name in names if owners(host, place, (f"{name}/{MAKEFILE}",)))
    return next(there, usual)


def _how(listing: ProgramList) -> str:
    """How the programs are known, in words."""
    if listing.how == "kind":
        return f"; {listing.computed}: the programs are those that this kind is known to have"
    if listing.how == "sources":
        return f"; the list in {listing.makefile} is computed: the programs are its sources"
    return f"; programs from {listing.variable} in {listing.makefile}"
