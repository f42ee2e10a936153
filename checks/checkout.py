"""The checkout: which project it is, and whether what make builds is there."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import Build, ByHand, Context, Evidence, Finding, NoAnswer, Project, Status
from bpfdoctor.api import check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, tools


@check("checkout.project", title="project")
def project(context: Context) -> Iterator[Finding]:
    """Which project is judged, which layout of it, and whether what make builds is there.

    bpfdoctor looks for a checkout upwards from the current directory (or `-C DIR`), and reads the
    list of its programs in its makefile. Without a checkout (`--project NAME`) what the machine
    allows is judged, and nothing can be built: clone the project first. A checkout that lacks its
    makefile builds nothing, and one that lacks the source of a program does not build that program;
    `git checkout -- FILE` brings back what git knows.
    """
    here, build = context.project, context.project.kind.build
    if build is None:
        return
    if here.path:
        whole = _makefile(context, build)
        yield whole
        yield from _sources(context, build) if whole.status is Status.PASS else ()
    else:
        why = f"no checkout of {here.kind.title} here: what the machine allows is judged"
        yield warned(why, fixes=[ByHand(here.kind.clone)] if here.kind.clone else [])


def _makefile(context: Context, build: Build) -> Finding:
    here = context.project
    question = files.Read(here.inside(build.makefile))
    answer = context.ask(question)
    seen = [Evidence(here.path, here.evidence)]
    if isinstance(answer, files.Text):
        count = len(here.programs)
        return passed(f"{here.kind.title}, layout {here.kind.layout}, {count} programs", seen=seen)
    seen.append(evidence(question, answer))
    if answer.absent:
        why = f"{here.kind.title}, but {build.makefile} is not there"
        return failed(why, seen=seen, fixes=[_brought_back(here, build.makefile)])
    why = f"{here.kind.title}, but {build.makefile} cannot be read ({answer.shown()})"
    look_at = ByHand("as its owner: " + tools.to_paste("ls", "-l", question.path))
    return unknown(why, seen=seen, fixes=[look_at])


def _sources(context: Context, build: Build) -> Iterator[Finding]:
    """The programs whose source is not there; of one of the user's own, its name is not known."""
    here = context.project
    for program in (name for name in here.programs if name in here.kind.programs):
        for source in (f"{build.directory}/{program}{end}" for end in (".bpf.c", ".c")):
            question = files.LookAt(here.inside(source))
            answer = context.ask(question)
            if answer.absent if isinstance(answer, NoAnswer) else not answer.target_kind:
                fixes, seen = [_brought_back(here, source)], [evidence(question, answer)]
                yield failed(f"{source} is not there", about=program, seen=seen, fixes=fixes)
                break


def _brought_back(here: Project, name: str) -> ByHand:
    """By hand, for what git does here the checkout's own configuration decides."""
    return ByHand(tools.to_paste("git", "-C", here.path, "checkout", "--", name))
