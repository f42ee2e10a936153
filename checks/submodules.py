"""The submodules of a checkout: there, at the right commit, and safe to fetch."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Fix, Stage
from bpfdoctor.api import blocked, check, evidence, failed, unknown, warned
from bpfdoctor.api import files, git

ID = "checkout.submodules"
DEEPEST = 8
"""Submodules within submodules: a hostile checkout nests them without end."""


@check(ID, title="git submodules")
def submodules(context: Context) -> Iterator[Finding]:
    """Whether every submodule of the checkout, nested ones too, holds the files it should.

    libbpf-bootstrap builds libbpf, bpftool (with a libbpf of its own inside) and others from their
    sources, which git keeps as submodules: a clone without `--recurse-submodules` leaves their
    directories empty, and so does a ZIP download, where nothing can fill them. What is missing,
    empty or in conflict stops the build, and so does one lost file that the build reads: where git
    says that files are absent, or cannot say, the makefile's lists are read, and the C compiler is
    asked which headers it does not find. A submodule at another commit than the checkout pins,
    with changed files or without some that no build needs, or cloned shallow, is a warning: the
    build decides.

    git is asked for facts only. No filter, hook or command that a checkout's settings name is run;
    no path in `.gitmodules` is followed out of the checkout or through a link. Where git refuses a
    checkout that belongs to somebody else, run bpfdoctor as its owner.
    """
    if not context.project.path or context.project.kind.build is None:
        return
    found: list[Finding] = []
    for finding in _level(context, "", 0):
        found.append(finding)
        yield finding
    yield from _unlisted(context, found)


def _level(context: Context, prefix: str, depth: int) -> Iterator[Finding]:
    """The submodules of one work tree (`prefix`: empty, or a path ending in `/`), and of theirs."""
    tree = context.project.inside(*prefix.split("/")).rstrip("/")
    question = git.AskSubmodules(tree)
    answer = context.ask(question)
    if not isinstance(answer, git.Submodules):
        seen = [evidence(question, answer)]
        why = f"{prefix}.gitmodules cannot be read: {answer.shown()}"
        yield unknown(why, about=f"{prefix}.gitmodules", seen=seen)
        return
    if answer.programs:
        yield _warned_of_programs(answer, question, prefix)
    if answer.more:
        why = f"{prefix}.gitmodules names more submodules than could be judged: {answer.more}"
        seen = [Evidence(f"{tree}/.gitmodules", answer.more)]
        yield unknown(why, about=f"{prefix}.gitmodules", seen=seen)
    for submodule in answer.found:
        about = f"{prefix}{submodule.path}"
        required = about in needed(context)
        yield git.JudgedSubmodule(context, tree, about, answer, submodule).finding(
            required=required
        )
        if submodule.nested and not submodule.refused and depth < DEEPEST:
            yield from _level(context, f"{about}/", depth + 1)


def _warned_of_programs(
    answer: git.Submodules, question: git.AskSubmodules, prefix: str
) -> Finding:
    names = ", ".join(answer.programs)
    text = f"read these settings before you run git there: {names}"
    return warned(
        f"its git settings name programs ({names}); none was run",
        about=f"{prefix}.git/config",
        seen=[Evidence(f"{question.source()} (settings only)", names)],
        fixes=[ByHand(text)],
    )


def _unlisted(context: Context, found: list[Finding]) -> Iterator[Finding]:
    """What the project is known to need and `.gitmodules` does not name, or could not be asked."""
    listed = {finding.about for finding in found}
    without = {finding.about for finding in found if finding.status.value in ("fail", "skip")}
    for about in needed(context):
        if about in listed:
            continue
        parents = [above for above in without if about.startswith(f"{above}/")]
        if parents and _absent(context, about):
            why = f"not there before {parents[0]} is"
            yield blocked(why, by=[f"{ID}[{parents[0]}]"], about=about)
        elif _makefile_names(context, about):
            whole = not listed & {".gitmodules", f"{about.rpartition('/')[0]}/.gitmodules"}
            finding = _without_entry(context, about, whole=whole)
            without |= {about} if finding.status.value == "fail" else set()
            yield finding


def _absent(context: Context, about: str) -> bool:
    names = context.ask(files.List(context.project.inside(about)))
    return not isinstance(names, files.Names) and names.absent


def needed(context: Context) -> list[str]:
    """The submodules that this checkout's programs are known to need, parents first."""
    project = context.project
    keys = {
        key for name in project.programs for stage in Stage for key in project.needs(name, stage)
    }
    start = f"{ID}["
    return sorted(key[len(start) : -1] for key in keys if key.startswith(start))


def _makefile_names(context: Context, about: str) -> bool:
    """Whether this checkout's makefile uses the directory: older ones had fewer of them."""
    build = context.project.kind.build
    text = context.ask(files.Read(context.project.inside(build.makefile))) if build else None
    return not isinstance(text, files.Text) or f"/{about.partition('/')[0]}/" in text.text


def _without_entry(context: Context, about: str, *, whole: bool) -> Finding:
    """What there is of a submodule that was not found named; `whole`: all names were read."""
    named = ".gitmodules does not name it" if whole else "whether .gitmodules names it is not known"
    question = files.List(context.project.inside(about))
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    fixes: list[Fix] = [git.clone_again(context.project)]
    if isinstance(answer, files.Names) and set(answer.names) - {".git"}:
        sought = git.sought_sources(context.host, context.project, about, None)
        lacking = git.lacking_files(about, sought, seen, fixes)
        if lacking:
            return lacking
        why = f"{named}, but its files are there: the build decides"
        return warned(why, about=about, seen=seen, explains=git.named_by(context.project, about))
    if isinstance(answer, files.Names) or answer.absent:
        why = f"its files are not there, and {named}"
        return failed(why, about=about, seen=seen, fixes=fixes)
    return unknown(f"it cannot be looked at: {answer.shown()}", about=about, seen=seen)
