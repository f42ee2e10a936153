"""bpftool: the one that a build calls, where it calls one that is there before."""

from __future__ import annotations

import posixpath

from bpfdoctor.api import ByHand, Context, Finding, Project, Status
from bpfdoctor.api import blocked, check, failed
from bpfdoctor.api import files, tools


def _calls_bpftool(project: Project) -> bool:
    """The makefile calls one, which does not come with a checkout that is not there."""
    named = project.tools.get("BPFTOOL")
    if named is None:
        return False
    return bool(project.path) or (named != "" and not _lies_inside(named))


def _lies_inside(name: str) -> bool:
    return "/" in name and not name.startswith("/")


def _inside(project: Project, name: str, *place: str) -> str:
    """A tool of the checkout by its whole path; any other by the name it has."""
    return posixpath.normpath(project.inside(*place, name)) if _lies_inside(name) else name


@check(
    "toolchain.bpftool",
    title="bpftool",
    requires=("toolchain.clang-bpf",),
    applies=_calls_bpftool,
    excused_by=("toolchain.environment",),
)
def bpftool(context: Context) -> Finding | None:
    """bpftool runs, and makes a skeleton of an object, where this project's build uses one as is.

    The skeleton is the C header through which a program opens its BPF object. Ubuntu's
    /usr/sbin/bpftool is a wrapper that works only where tools for the running kernel are
    installed; a bpftool that comes with a checkout is built for one architecture, and is not run
    before you ask for a build (`--no-smoke` does not): then this warns. Today's build makes a
    bpftool of its own, and only one that BPFTOOL names is judged. What to do: install bpftool, or
    name another one in BPFTOOL.
    """
    project = context.project
    named = project.tools["BPFTOOL"]
    if not named and tools.tool_words(context.host, "BPFTOOL", named) == (named,):
        return None
    clang = tools.chosen_clang(context.host, project.kind.clang)
    if not clang.fit:
        return blocked("without clang there is no object to try it on", ["toolchain.clang-bpf"])
    if not named:
        return _in_place_of_its_own(context, clang.argv)
    chosen = tools.chosen_bpftool(
        context.host,
        _inside(project, named),
        clang.argv,
        project.path,
        may_build=context.may_build,
    )
    return tools.verdict_on(chosen, _makes(chosen), "bpftool")


def _makes(chosen: tools.ToolChoice) -> str:
    return f"{chosen.used.words} {chosen.version} makes a skeleton".replace("  ", " ")


def _in_place_of_its_own(context: Context, clang: tuple[str, ...]) -> Finding | None:
    """The verdict on what BPFTOOL names where the build would make one itself."""
    first, *rest = tools.tool_words(context.host, "BPFTOOL", "") or ("",)
    tool = _inside(context.project, first, _directory(context.project))
    if tool.startswith(_outputs(context.project)):
        return None  # the build's own, by its path
    judged = tools.ToolVerdict((), "missing", "", "BPFTOOL is set to nothing")
    if tool:
        judged = _judged(context, (tool, *rest), clang)
    chosen = tools.ToolChoice("BPFTOOL", judged, judged)
    finding = tools.verdict_on(chosen, _makes(chosen), "bpftool")
    if finding.status is not Status.FAIL:
        return finding
    unset = ByHand("unset BPFTOOL: the build makes a bpftool of its own then")
    return failed(finding.summary, seen=finding.evidence, fixes=[unset])


def _judged(context: Context, argv: tuple[str, ...], clang: tuple[str, ...]) -> tools.ToolVerdict:
    return tools.judge_bpftool(
        context.host,
        argv,
        clang,
        context.project.path,
        may_build=context.may_build,
        links=_links_objects(context),
    )


def _links_objects(context: Context) -> bool:
    """The makefile has bpftool link each object first: libbpf-bootstrap's does today."""
    build = context.project.kind.build
    makefile = context.ask(files.Read(context.project.inside(build.makefile))) if build else None
    return isinstance(makefile, files.Text) and " gen object " in makefile.text


def _directory(project: Project) -> str:
    return project.kind.build.directory if project.kind.build else ""


def _outputs(project: Project) -> tuple[str, ...]:
    """What the build's own files begin with."""
    names = project.kind.build.outputs if project.kind.build and project.path else ()
    return tuple(f"{project.inside(_directory(project), name)}/" for name in names)
