"""bpftool: the one that a build calls, where it calls one that is there before."""

from __future__ import annotations

import posixpath

import msgspec

from bpfdoctor.api import ByHand, Context, Finding, Fix, Instead, Project, Setting, Status
from bpfdoctor.api import blocked, check, failed
from bpfdoctor.api import files, tools


def _calls_bpftool(project: Project) -> bool:
    """The makefile calls one, which does not come with a checkout that is not there."""
    named = project.tools.get("BPFTOOL")
    if named is None:
        return False
    return bool(project.path) or (named.value != "" and not _lies_inside(named.value))


def _lies_inside(name: str) -> bool:
    return "/" in name and not name.startswith(("/", "$"))


def _inside(project: Project, name: str, *place: str) -> str:
    """A tool of the checkout by its whole path; any other by the name it has."""
    return posixpath.normpath(project.inside(*place, name)) if _lies_inside(name) else name


@check(
    "toolchain.bpftool",
    title="bpftool",
    requires=("toolchain.clang-bpf",),
    applies=_calls_bpftool,
    excused_by=("toolchain.environment", "toolchain.make"),
)
def bpftool(context: Context) -> Finding | None:
    """bpftool runs, and makes a skeleton of an object, where this project's build uses one as is.

    The skeleton is the C header through which a program opens its BPF object. Which bpftool that
    is the makefile says: checkouts of libbpf-bootstrap up to 2022 have one in tools/, built for one
    architecture; today's build makes one of its own, and only another that BPFTOOL names is judged.
    Ubuntu's /usr/sbin/bpftool is a wrapper that works only where tools for the running kernel are
    installed. One that lies in the checkout is not run before you ask for a build (`--no-smoke`
    does not): then this warns. What to do: install bpftool, or name another one in BPFTOOL.
    """
    project = context.project
    named = project.tools["BPFTOOL"]
    words = _words(context, named)
    if words is not None and _made_by_build(context, named, words):
        return None
    clang = tools.chosen_clang(context.host, project.kind.clang, project.tools)
    if not clang.fit:
        return blocked("without clang there is no object to try it on", ["toolchain.clang-bpf"])
    if named.computed or not _in_place_of_its_own(context, named):
        return _judged_as_named(context, named, words, clang.argv)
    return _judged_in_its_place(context, words or (), clang.argv)


def _words(context: Context, named: Setting) -> tuple[str, ...] | None:
    """What make runs for BPFTOOL, by its whole path where it has one; None for what is computed."""
    if named.computed:
        return None
    words = tools.setting_words(context.host, named)
    if not words:
        return ()
    directory = "" if not named.origin and words == (named.value,) else _directory(context.project)
    return (_inside(context.project, words[0], directory), *words[1:])


def _made_by_build(context: Context, named: Setting, words: tuple[str, ...]) -> bool:
    """The build makes it: nobody names another, or by the path that it has there."""
    unnamed = not named.origin and not named.value and words == ("",)
    outputs = _outputs(context.project)
    by_path = named.origin == "file" and named.value.startswith(outputs)  # which may hold spaces
    return unnamed or by_path or bool(words and words[0].startswith(outputs))


def _in_place_of_its_own(context: Context, named: Setting) -> bool:
    """The build would make a bpftool, did nobody name another."""
    build = context.project.kind.build
    return bool(build and not build.tools.get("BPFTOOL")) and named.origin in ("", "environment")


def _judged_as_named(
    context: Context, named: Setting, words: tuple[str, ...] | None, clang: tuple[str, ...]
) -> Finding:
    """The verdict on the bpftool that the makefile names, and on what works in its place."""
    project = context.project
    whole = Setting(
        "BPFTOOL", tools.to_paste(*words) if words else "", "file", named.computed, named.makefile
    )
    chosen = tools.chosen_bpftool(
        context.host, whole, clang, project.path, may_build=context.may_build
    )
    finding = tools.verdict_on(chosen, _makes(chosen), "bpftool")
    made_runnable = _made_runnable(context, chosen)
    fixes = (*made_runnable, *finding.fixes) if finding.status is Status.FAIL else finding.fixes
    return msgspec.structs.replace(finding, fixes=fixes)


def _made_runnable(context: Context, chosen: tools.ToolChoice) -> list[Fix]:
    """How one of the checkout that only lacks its x bit gets it back."""
    path = chosen.default.argv[0] if chosen.default.argv else ""
    if not path.startswith(f"{context.project.path}/") or chosen.default.state != "missing":
        return []
    facts = context.ask(files.LookAt(path))
    there = isinstance(facts, files.PathFacts) and facts.target_kind == "file"
    return [ByHand(tools.to_paste("chmod", "+x", path))] if there else []


def _makes(chosen: tools.ToolChoice) -> str:
    return f"{chosen.used.words} {chosen.version} makes a skeleton".replace("  ", " ")


def _judged_in_its_place(
    context: Context, words: tuple[str, ...], clang: tuple[str, ...]
) -> Finding:
    """The verdict on what BPFTOOL names where the build would make one itself."""
    judged = tools.ToolVerdict((), "missing", "", "BPFTOOL is set to nothing")
    if words:
        judged = _judged(context, words, clang)
    chosen = tools.ToolChoice("BPFTOOL", judged, judged)
    finding = tools.verdict_on(chosen, _makes(chosen), "bpftool")
    if finding.status is not Status.FAIL:
        return finding
    unset = ByHand(
        "unset BPFTOOL: the build makes a bpftool of its own then",
        instead=Instead(without=("BPFTOOL",)),
    )
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
