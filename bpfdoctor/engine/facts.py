"""The compiled object of each program: built, compiled from the checkout's source, or recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec

from bpfdoctor.api import Host, NoAnswer, Project, Stage, files, objects
from bpfdoctor.engine.load import check_of
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import asked_stages
from bpfdoctor.engine.tree_questions import compile_question, inside, surroundings_of
from bpfdoctor.host.limited import TooLongError, within
from bpfdoctor.host.limited_hosts import LimitedHost
from bpfdoctor.model import Selection
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.needs import AroundObject, judged_nothing, judged_object, uncompiled
from bpfdoctor.projects.recorded import recorded_facts, recorded_judged
from bpfdoctor.projects.rules import told_by_objects

AT_ONCE = 2
"""Compilers that run side by side."""

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


def facts_of_built(host: Host, project: Project, name: str, path: str) -> JudgedObject | None:
    """The object that a build made, as it is judged; None where it cannot be read."""
    facts = objects.read_object(LimitedHost(host, ANSWER), path) if path else None
    if facts is None or isinstance(facts, NoAnswer):
        return None
    around = surroundings_of(host, project, name)
    return judged_object(facts, around, "built", "from the object built", path=path)
