"""The compiled object of each program: built, compiled from the checkout's source, or recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from bpfdoctor.api import AskKernel, Host, Kernel, NoAnswer, Project, Stage, files, objects, tools
from bpfdoctor.engine.load import check_of
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import asked_stages
from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.host.limited import TooLongError, within
from bpfdoctor.host.limited_hosts import LimitedHost
from bpfdoctor.model import Selection
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.model import Build
from bpfdoctor.projects.needs import AroundObject, judged_nothing, judged_object, uncompiled
from bpfdoctor.projects.recorded import recorded_facts, recorded_judged
from bpfdoctor.projects.rules import told_by_objects

AT_ONCE = 2
"""Compilers that run side by side."""

HOSTS_INCLUDES = ("SYS_INCLUDES", "-idirafter")
"""By which a makefile has clang look in the directories of headers that it searches for the host.
"""

ANSWER, LIMIT = 30.0, 300.0
"""Seconds for one answer, and for all of them."""

Look = Callable[[str], JudgedObject]


def with_facts(host: Host, project: Project, names: Sequence[str]) -> Project:
    """The project with the objects of these programs.

    An object that was given has its own already.
    """
    if project.object or not names:
        return project
    look = _Facts(LimitedHost(host, ANSWER), project).of
    try:
        found = within(LIMIT, lambda: _all(look, names))
    except TooLongError as error:
        why = f"not found out: {error}"
        found = [judged_nothing(AroundObject(name), why) for name in names]
    return msgspec.structs.replace(project, judged=tuple(found))


def _all(look: Look, names: Sequence[str]) -> list[JudgedObject]:
    if len(names) == 1:
        return [look(names[0])]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(look, names))


def asked_for(project: Project, selection: Selection, options: Options) -> tuple[str, ...]:
    """The programs whose objects a run asks for.

    What is built alone is not looked into; nor is anything where only such checks were chosen as
    say nothing of objects.
    """
    if options.only and not any(_looks_into_objects(each) for each in options.only):
        return ()
    if options.table or options.everything:
        return project.programs
    return tuple(
        target.program
        for target in selection.targets
        if any(stage is not Stage.BUILD for stage in asked_stages(project, target))
    )


def _looks_into_objects(chosen: str) -> bool:
    """Whether a check, or one of a subject, is about what objects name."""
    named, told = check_of(chosen), told_by_objects()
    subjects = {each.partition(".")[0] for each in told}
    return named in told | subjects or named.partition(".")[0] in told


class _NotCompiled(NamedTuple):
    """Why a source was not compiled; `of_tree`: it does not compile as it is."""

    why: str
    of_tree: bool = False


class _Facts:
    """Where the facts of a project's programs come from, best first."""

    def __init__(self, host: Host, project: Project) -> None:
        self.host, self.project = host, project

    def of(self, name: str) -> JudgedObject:
        """The object of one program."""
        if not self.project.path:
            nothing = judged_nothing(self._around(name), "nothing is known of its object")
            return recorded_judged(self.project, name) or nothing
        compiled = self._compiled(name)
        if isinstance(compiled, JudgedObject):
            return compiled
        theirs = compiled.of_tree or not self._is_recorded(name)
        recorded = recorded_judged(self.project, name, compiled.why if theirs else "")
        found = recorded or judged_nothing(self._around(name), compiled.why)
        return uncompiled(found) if compiled.of_tree else found

    def _around(self, name: str) -> AroundObject:
        return surroundings_of(self.host, self.project, name)

    def _is_recorded(self, name: str) -> bool:
        """Whether the program's source is the one whose facts are recorded."""
        recorded, build = recorded_facts(self.project.name), self.project.kind.build
        program = recorded.programs.get(name) if recorded else None
        if program is None or build is None:
            return False
        found = self.host.ask(files.AskDigest(inside(self.project, build.source, name)))
        return isinstance(found, files.Digest) and found.sha256 == program.sha256

    def _compiled(self, name: str) -> JudgedObject | _NotCompiled:
        """The object that the checkout's source makes, or the reason why there is none."""
        question = compile_question(self.host, self.project, name)
        if isinstance(question, str):
            return _NotCompiled(question)
        made, file = self.host.ask(question), question.file.rpartition("/")[2]
        if isinstance(made, NoAnswer):
            return _NotCompiled(f"{file} was not compiled: {made.shown()}")
        if not made.object:
            said = made.first_error
            lost = made.lost_header
            absent = lost == "vmlinux.h" or lost.startswith("bpf/")  # what others are blamed for
            why = f"{file} does not compile here" + (f": {said}" if said else "")
            return _NotCompiled(why, of_tree=made.status is not None and not absent)
        facts = objects.read_object(self.host, made.object)
        if isinstance(facts, NoAnswer):
            return _NotCompiled(f"what {file} compiles to cannot be read: {facts.shown()}")
        said = f"compiled from {file}"
        return judged_object(facts, self._around(name), "compiled", said, path=made.object)


def surroundings_of(host: Host, project: Project, name: str) -> AroundObject:
    """What is known of a program beside its object: its project file, its loader, its libbpf."""
    known, build = project.program(name), project.kind.build
    if not project.path or build is None:
        return AroundObject(name, known)
    loader = host.ask(loader_question(project, name))
    libbpf = host.ask(tools.AskLibbpf(project.inside(build.libbpf) if build.libbpf else ""))
    return AroundObject(
        name,
        known,
        tools.ANYTHING if isinstance(loader, NoAnswer) else loader,
        None if isinstance(libbpf, NoAnswer) else libbpf,
    )


def loader_question(project: Project, name: str) -> tools.AskLoader:
    """What the user space part of a program does."""
    build = project.kind.build
    return tools.AskLoader(
        tuple(inside(project, each, name) for each in (build.loader if build else ()))
    )


def compile_question(host: Host, project: Project, name: str) -> tools.CompileSource | str:
    """How the BPF source of a program is compiled, or why it cannot be."""
    build = project.kind.build
    clang = tools.chosen_clang(host, project.kind.clang, project.tools)
    if build is None or not clang.fit or len(clang.argv) != 1:
        return "there is no clang to compile it with"
    return tools.CompileSource(
        inside(project, build.source, name),
        clang.argv[0],
        project.path,
        include=_include(host, project, build),
        libbpf=project.inside(build.libbpf) if build.libbpf else "",
        host_includes=_looks_in_the_hosts(host, project, build),
    )


def _looks_in_the_hosts(host: Host, project: Project, build: Build) -> bool:
    """Whether the makefile has clang look in the host's directories: not before 2020-12."""
    text = host.ask(files.Read(project.inside(build.makefile)))
    return not isinstance(text, files.Text) or any(each in text.text for each in HOSTS_INCLUDES)


def _include(host: Host, project: Project, build: Build) -> tuple[str, ...]:
    """The directories of headers, that of vmlinux.h among them, wherever this makefile has it."""
    running = host.ask(AskKernel())
    arch = target_architecture(running.architecture if isinstance(running, Kernel) else "")
    types = project.vmlinux_h(arch).rpartition("/")[0]
    places = (*(each.replace("{arch}", arch) for each in build.include), types)
    return tuple(project.inside(each) for each in dict.fromkeys(places) if each)


def inside(project: Project, pattern: str, name: str) -> str:
    """A path of a program's, from the makefile's directory."""
    directory = project.kind.build.directory if project.kind.build else ""
    return project.inside(directory, pattern.replace("{program}", name))


def facts_of_built(host: Host, project: Project, name: str, path: str) -> JudgedObject | None:
    """The object that a build made, as it is judged; None where it cannot be read."""
    facts = objects.read_object(LimitedHost(host, ANSWER), path) if path else None
    if facts is None or isinstance(facts, NoAnswer):
        return None
    around = surroundings_of(host, project, name)
    return judged_object(facts, around, "built", "from the object built", path=path)


def difference(host: Host, judged: JudgedObject, built: JudgedObject) -> str:
    """In what an object that was built differs from the one that was judged; empty for nothing.

    No kernel is in it.
    """
    one, other = (_alone(host, each) for each in (judged, built))
    if one is None or other is None or one == other:
        return ""
    programs = {each.name: each for each in one.programs}
    lost = [each.name for each in other.programs if programs.get(each.name) != each]
    if not lost:
        return "its maps, or what it takes from the kernel"
    name = lost[0]
    if name not in programs:
        return f"it has {name}"
    theirs = next(each for each in other.programs if each.name == name)
    fields = [
        field
        for field in theirs.__struct_fields__
        if getattr(theirs, field) != getattr(programs[name], field)
    ]
    return f"{', '.join(fields)} of {name}"


def _alone(host: Host, judged: JudgedObject) -> objects.BpfObject | None:
    """What an object says without any kernel."""
    if not judged.path:
        return judged.facts
    read = host.ask(objects.ReadObject(judged.path))
    return None if isinstance(read, NoAnswer) else read
