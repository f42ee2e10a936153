"""The makefile of a checkout: which one make reads, and what it says of tools and programs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import msgspec

from bpfdoctor.host.makefile_comments import without_comments
from bpfdoctor.host.question import Host
from bpfdoctor.host.secret_names import steers_builds
from bpfdoctor.host.system.files import FileText, ListDirectory, LookAt, Names, PathFacts, ReadFile
from bpfdoctor.host.tools.commands import environment_variable, is_set
from bpfdoctor.projects.known_commands import known_output
from bpfdoctor.projects.make_values import Outside
from bpfdoctor.projects.makefile import Reading, read_makefile
from bpfdoctor.projects.model import Build, ProgramList, Project, Setting

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""The makefiles that make looks for, in this order."""

BESIDE = ("CARGO", "VMLINUX", "ARCH", "LIBBPF_SRC", "BPFTOOL_SRC")
"""What else of a makefile decides what is needed, beside the tools."""

_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,248}")
"""What a program may be called: APPS of an untrusted makefile must not lead out of its tree; and
`.bpf.c` behind it has to be a name as well."""
MOST = 1000
"""Programs of one makefile that are judged: libbpf-bootstrap has fifteen."""


def as_it_is(host: Host, project: Project, directory: str) -> Project:
    """A project whose makefile lies in `directory`: its build, programs and tools as make has them.

    What make computes by something that is not followed here is told as that.
    """
    build = project.kind.build
    if build is None:
        return project
    build = _placed(host, project, build, directory)
    project = _with_build(project, build)
    text = host.ask(ReadFile(project.inside(build.makefile)))
    if not isinstance(text, FileText):
        why = f"{build.makefile} cannot be read ({text.shown()})"
        listing = ProgramList("kind", build.apps, build.makefile, why)
        return msgspec.structs.replace(project, listing=listing)
    words = without_comments(text.text)
    project = _with_build(project, _called(build, words))
    makefile = read_makefile(words, _around(host, project), whole=not text.truncated)
    values = {name: makefile.value(name) for name in variables_of(project)}
    return with_values(host, project, values, words)


def with_values(
    host: Host, project: Project, values: dict[str, Reading], text: str, how: str = "read"
) -> Project:
    """The project with what its makefile's variables are worth, whoever told that."""
    build = project.kind.build
    assert build is not None
    settings = tuple(
        _setting(host, project, name, values[name], text)
        for name in variables_of(project)
        if name != build.apps
    )
    listed = values[build.apps]
    programs, listing = _programs(host, project, listed, how)
    return msgspec.structs.replace(
        project, settings=settings, programs=programs or project.programs, listing=listing
    )


def variables_of(project: Project) -> tuple[str, ...]:
    """The variables of its makefile that decide what is built, and by what."""
    build = project.kind.build
    return tuple(dict.fromkeys((*build.tools, *BESIDE, build.apps))) if build else ()


def _with_build(project: Project, build: Build) -> Project:
    kind = msgspec.structs.replace(project.kind, build=build, layout=build.directory)
    return msgspec.structs.replace(project, kind=kind)


def _placed(host: Host, project: Project, build: Build, directory: str) -> Build:
    """The build in the directory that its makefile is in, with the makefile that make takes."""
    usual = posixpath.basename(build.makefile)
    there = (name for name in NAMES if _is_there(host, project.inside(directory, name)))
    header = build.vmlinux_h
    if header.startswith(f"{build.directory}/"):
        header = directory + header.removeprefix(build.directory)
    makefile = f"{directory}/{next(there, usual)}"
    return msgspec.structs.replace(build, directory=directory, makefile=makefile, vmlinux_h=header)


def _is_there(host: Host, path: str) -> bool:
    facts = host.ask(LookAt(path))
    return isinstance(facts, PathFacts) and facts.target_kind == "file"


def _called(build: Build, text: str) -> Build:
    """The build with the tools and crates that this makefile names."""
    usual = {
        name: value
        for name, value in build.tools.items()
        if build.called_with.get(name, "") in text
    }
    former = {
        name: value
        for name, value in build.former_tools.items()
        if re.search(rf"\$[({{]{name}[)}}]", text)
    }
    crates = build.crates if f"/{build.crates.partition('/')[0]}" in text else ""
    return msgspec.structs.replace(build, tools={**former, **usual}, crates=crates)


def _around(host: Host, project: Project) -> Outside:
    directory = project.kind.build.directory if project.kind.build else ""
    return Outside(
        lambda name: environment_variable(host, name),
        lambda command: known_output(host, command),
        project.inside(directory),
        lambda name: not steers_builds(name) and is_set(host, name),
    )


def _setting(host: Host, project: Project, name: str, found: Reading, text: str) -> Setting:
    """One variable, where the makefile has it; else the environment's, else what is usual."""
    build = project.kind.build
    assert build is not None
    usual = build.tools.get(name, "")
    unseen = found.origin == "file" and not _passed_on(host, name, text)
    if found.origin in ("default", "undefined") and not found.computed:
        return Setting(name, usual or found.text, "" if usual else found.origin)
    if unseen and not found.computed:
        return Setting(name, usual)
    return Setting(name, found.text, found.origin, found.computed, build.makefile)


def _passed_on(host: Host, name: str, text: str) -> bool:
    """This makefile's value counts: it calls the tool itself, or hands it to other makefiles."""
    if re.search(rf"\$[({{]{re.escape(name)}\b", text) or re.search(r"^ *export\b", text, re.M):
        return True
    return name in BESIDE or environment_variable(host, name) is not None


def _programs(
    host: Host, project: Project, listed: Reading, how: str
) -> tuple[tuple[str, ...], ProgramList]:
    """The programs, none where there is neither list nor source; and how they are known."""
    build = project.kind.build
    assert build is not None
    sources = tuple(_sources(host, project.inside(build.directory)))
    words = tuple(word for word in dict.fromkeys(listed.words) if _PROGRAM.fullmatch(word))
    if words and not listed.computed and len(words) <= MOST:
        named = frozenset(words)
        unlisted = tuple(name for name in sources if name not in named)
        known = "asked" if how == "asked" else "read"
        return words, ProgramList(known, build.apps, build.makefile, unlisted=unlisted)  # type: ignore[arg-type]
    why = listed.computed or f"no {build.apps} that names a program"
    if not listed.computed and len(words) > MOST:
        why = f"{build.apps} names more than {MOST:,} programs"
    return sources[:MOST], ProgramList("sources", build.apps, build.makefile, why)


def _sources(host: Host, directory: str) -> Iterator[str]:
    """The programs whose two sources are in a directory."""
    names = host.ask(ListDirectory(directory))
    there = set(names.names) if isinstance(names, Names) else set()
    for name in sorted(there):
        program = name.removesuffix(".bpf.c")
        if program != name and f"{program}.c" in there and _PROGRAM.fullmatch(program):
            yield program
