"""The checkout: which project it is, and whether what make builds is there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bpfdoctor.api import Build, ByHand, Context, Evidence, Finding, NoAnswer, Project, Run, Status
from bpfdoctor.api import Tree
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import files, tools

JUDGE_OBJECTS = ByHand("judge what your build compiled: bpfdoctor check --object FILE.bpf.o")
_SOURCES = {"LIBBPF_SRC": "libbpf/src", "BPFTOOL_SRC": "bpftool/src"}
"""Where makefiles name the sources of libbpf and bpftool; of the usual places others speak."""
_WHOLE = Run(("bpfdoctor", "check"), text="builds, and so tells")
LEAVE_OUT = ByHand("name a checkout, or leave -C out to judge this machine alone: bpfdoctor check")


@check("checkout.project", title="project")
def project(context: Context) -> Iterator[Finding]:
    """Which project is judged, which layout of it, and whether what make builds is there.

    bpfdoctor looks for a checkout upwards from the current directory (or `-C DIR`), and reads the
    list of its programs in its makefile. A checkout that lacks its makefile builds nothing, and one
    that lacks the source of a program does not build that program; `git checkout -- FILE` brings
    back what git knows.

    A directory named by `-C` in which there is no project fails. Where a tree names BPF (a
    `*.bpf.c`, a build file that names libbpf) and bpfdoctor does not know how it is built, whether
    it builds is unknown: judge what it compiled by `check --object FILE`. Without sources
    (`--project NAME`) what the machine allows is judged, and whether it builds is unknown: clone
    the project first. Anywhere else the machine alone is judged, and there is nothing to find here.
    """
    here, build = context.project, context.project.kind.build
    if here.path and build is not None:
        whole = _makefile(context, build)
        yield whole
        yield from _sources(context, build) if whole.status is Status.PASS else ()
    elif here.tree is not None:
        yield from _no_checkout(here, here.tree)


def _no_checkout(here: Project, tree: Tree) -> Iterator[Finding]:
    """What follows where there are no sources of a project that is known."""
    clone = [ByHand(here.kind.clone)] if here.kind.clone else []
    if tree.signs:
        unknown_build = "uses BPF, but bpfdoctor does not know how it is built"
        why = f"{tree.directory} {unknown_build}: {tree.signs[0]}"
        seen = [Evidence(tree.directory, "\n".join(tree.signs))]
        yield unknown(why, seen=seen, fixes=[JUDGE_OBJECTS])
    elif tree.unseen:
        why = f"{tree.directory} may hold a project: {tree.unseen[0]} cannot be read"
        seen = [Evidence(tree.directory, "\n".join(tree.unseen))]
        yield unknown(
            why, seen=seen, fixes=[ByHand(f"as its owner: bpfdoctor check -C {tree.directory}")]
        )
    elif tree.named:
        what = here.kind.title if here.kind.build else "known project"
        seen = [Evidence(tree.directory, here.evidence)]
        ways = [*clone, JUDGE_OBJECTS] if here.kind.build else [LEAVE_OUT, JUDGE_OBJECTS]
        yield failed(f"{tree.directory} contains no {what}", seen=seen, fixes=ways)
    elif here.kind.build is not None:
        seen = [Evidence(tree.directory, here.evidence)]
        why = f"no sources of {here.kind.title} are here: whether it builds is not known"
        yield unknown(why, seen=seen, fixes=clone)


def _makefile(context: Context, build: Build) -> Finding:
    here = context.project
    question = files.Read(here.inside(build.makefile))
    answer = context.ask(question)
    seen = [Evidence(here.path, here.evidence)]
    if isinstance(answer, files.Text):
        for name, usual in _SOURCES.items():
            place = here.setting(name).value
            if place.startswith("/") and place != here.inside(usual) and _lacks(context, place):
                mend = ByHand(f"mend {name} in {build.makefile}, or put the sources there")
                why = f"{build.makefile} has {name} = {place}, which is not there"
                return failed(why, seen=seen, fixes=[mend])
        count = len(here.programs)
        return passed(f"{here.kind.title}, layout {here.kind.layout}, {count} programs", seen=seen)
    seen.append(evidence(question, answer))
    if answer.absent:
        why = f"{here.kind.title}, but {build.makefile} is not there"
        return failed(why, seen=seen, fixes=[_brought_back(here, build.makefile)])
    why = f"{here.kind.title}, but {build.makefile} cannot be read ({answer.shown()})"
    look_at = ByHand("as its owner: " + tools.to_paste("ls", "-l", question.path))
    return unknown(why, seen=seen, fixes=[look_at])


def _lacks(context: Context, place: str) -> bool:
    answer = context.ask(files.LookAt(place))
    return isinstance(answer, NoAnswer) and answer.absent


def _sources(context: Context, build: Build) -> Iterator[Finding]:
    """The programs of which a source is not there, or cannot be read.

    One of the user's own without either is made of others, which only the makefile knows.
    """
    for program in context.project.programs:
        places = [f"{build.directory}/{program}{end}" for end in (".bpf.c", ".c")]
        if program in context.project.kind.programs or any(_is_there(context, at) for at in places):
            found = (_source(context, program, place) for place in places)
            yield from itertools.islice((each for each in found if each), 1)


def _is_there(context: Context, source: str) -> bool:
    answer = context.ask(files.LookAt(context.project.inside(source)))
    return isinstance(answer, files.PathFacts) and answer.target_kind == "file"


def _source(context: Context, program: str, source: str) -> Finding | None:
    """What is wrong with one of the two sources of a program."""
    here, question = context.project, files.LookAt(context.project.inside(source))
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if answer.absent if isinstance(answer, NoAnswer) else answer.target_kind != "file":
        if program in here.kind.programs:
            fixes = [_brought_back(here, source)]
            return failed(f"{source} is not there", about=program, seen=seen, fixes=fixes)
        why = f"{source} is not there: of what the makefile builds {program} is not known"
        return unknown(why, about=program, seen=seen, fixes=[_WHOLE])
    if isinstance(answer, NoAnswer) or answer.readable:
        return None
    look_at = ByHand("as its owner: " + tools.to_paste("ls", "-l", question.path))
    return unknown(f"{source} cannot be read", about=program, seen=seen, fixes=[look_at])


def _brought_back(here: Project, name: str) -> ByHand:
    """By hand, for what git does here the checkout's own configuration decides."""
    return ByHand(tools.to_paste("git", "-C", here.path, "checkout", "--", name))
