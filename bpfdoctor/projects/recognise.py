"""Recognise a checkout, seeking upwards from a directory, and read which programs it has."""

from __future__ import annotations

import re

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import AskDirectory, FileText, LookAt, PathFacts, ReadFile
from bpfdoctor.host.tools.commands import AskEnvironment, Variables
from bpfdoctor.host.tools.search import FindTool, ToolPath
from bpfdoctor.projects.makefile import words_of
from bpfdoctor.projects.model import Build, Project, ProjectKind
from bpfdoctor.projects.reader import kinds

_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
"""What a program may be called: APPS of an untrusted makefile must not lead out of its tree."""


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
        for kind in kinds().values():
            found = _recognised(host, place, kind)
            trusted = place == directory.path or found <= {0, *start_owner}
            if found and trusted:
                return project_at(host, kind, place)
    return None


def _recognised(host: Host, place: str, kind: ProjectKind) -> set[int]:
    """The owners of the files by which this is such a project; none where it is not."""
    if kind.recognise is None:
        return set()
    whole = owners(host, place, kind.recognise.files)
    parts = (owners(host, place, (name,)) for name in kind.recognise.telling)
    found = whole or next((found for found in parts if found), set())
    return found or _hidden(host, place, kind.recognise.telling)


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


def _marks(host: Host, kind: ProjectKind, place: str) -> list[str]:
    """The files by which a directory is seen to be such a project."""
    names = (*kind.recognise.files, *kind.recognise.telling) if kind.recognise else ()
    return [name for name in dict.fromkeys(names) if owners(host, place, (name,))]


def project_at(host: Host, kind: ProjectKind, place: str) -> Project:
    """The project of this kind in `place`, with the programs that its makefile builds."""
    files = ", ".join(_marks(host, kind, place)) or "its submodules"
    everything = tuple(kind.programs)
    if kind.build is None:
        return Project(kind, place, everything, f"recognised by {files}")
    programs, how = _programs(host, kind.build, place)
    return Project(kind, place, programs or everything, f"recognised by {files}; {how}")


def _programs(host: Host, build: Build, place: str) -> tuple[tuple[str, ...], str]:
    """The programs of the makefile, none where they cannot be read, and where they are from."""
    text = host.ask(ReadFile(f"{place.rstrip('/')}/{build.makefile}"))
    if not isinstance(text, FileText):
        why = f"{build.makefile} cannot be read ({text.shown()})"
        return (), f"{why}: the programs are those that this kind of project is known to have"

    def which(tool: str) -> str:
        found = host.ask(FindTool(tool))
        return found.path if isinstance(found, ToolPath) else ""

    def environment(name: str) -> str | None:
        found = host.ask(AskEnvironment((name,)))
        return found.values.get(name) if isinstance(found, Variables) else None

    words = words_of(text.text, build.apps, which, environment)
    programs = tuple(word for word in words if _PROGRAM.fullmatch(word))
    if programs:
        return programs, f"programs from {build.apps} in {build.makefile}"
    why = f"{build.makefile} has no {build.apps} that can be read"
    return (), f"{why}: the programs are those that this kind of project is known to have"
