"""The small commands of a system that makefiles call: sed, mkdir, install and their like."""

from __future__ import annotations

import re

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Install, NoAnswer
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import files, tools

COMMANDS = {
    **dict.fromkeys(("cp", "cut", "head", "install", "mkdir", "sort", "uname"), "coreutils"),
    "grep": "grep",
    "sed": "sed",
}
"""What libbpf-bootstrap's, libbpf's and bpftool's makefiles cannot do without, and what brings it.

Without `which` there is no cargo, and `rm` is only called to clean."""


@check(
    "toolchain.commands",
    title="commands that the makefiles call",
    applies=lambda project: bool(project.path and project.kind.build),
    excused_by=("toolchain.environment",),
)
def commands(context: Context) -> Finding | None:
    """The commands that the project's, libbpf's and bpftool's makefiles call are on PATH.

    A makefile calls sed, uname, mkdir, install and others; without one of them a build ends in the
    middle, or in an error of the compiler that names a wrong directory. Only those are looked for
    that these makefiles name. What to do: install them, or put /usr/bin on PATH.
    """
    texts, seen = _makefiles(context)
    if not texts:
        return unknown("no makefile could be read", seen=seen)
    called = [name for name in COMMANDS if any(_calls(text, name) for text in texts)]
    questions = {name: tools.Find(name) for name in called}
    answers = {name: context.ask(question) for name, question in questions.items()}
    gone = [name for name, each in answers.items() if isinstance(each, NoAnswer) and each.absent]
    unseen = [name for name, each in answers.items() if isinstance(each, NoAnswer)]
    if unseen and not gone:
        return unknown(f"it is not known where {', '.join(unseen)} is", seen=seen)
    if not gone:
        return passed(f"{', '.join(called) or 'none'}: on PATH", seen=seen)
    seen += [evidence(questions[name], answers[name]) for name in gone]
    summary = f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} not on PATH"
    return failed(
        f"{summary}: the makefiles call {'it' if len(gone) == 1 else 'them'}",
        seen=seen,
        fixes=[_remedy(context, gone)],
    )


def _makefiles(context: Context) -> tuple[list[str], list[Evidence]]:
    build = context.project.kind.build
    places = (
        [context.project.inside(name) for name in (build.makefile, *tools.SUBMODULE_MAKEFILES)]
        if build
        else []
    )
    answers = [context.ask(files.Read(place)) for place in places]
    read = [each.text for each in answers if isinstance(each, files.Text)]
    lines = [
        f"{place}: {'read' if isinstance(each, files.Text) else each.shown()}"
        for place, each in zip(places, answers, strict=True)
    ]
    return read, [Evidence("the makefiles", "\n".join(lines))]


def _calls(makefile: str, name: str) -> bool:
    """A line of a recipe, or a `$(shell …)`, has it as a word."""
    lines = re.findall(r"^\t.*$|^.*\$\(shell .*$|^.*\| *[a-z].*$", makefile, re.MULTILINE)
    return any(re.search(rf"(?<![\w./$(-]){name}(?![\w.:=/-])", line) for line in lines)


def _remedy(context: Context, gone: list[str]) -> Install | ByHand:
    """Install them; where they lie in a directory that PATH does not name, name it there."""
    elsewhere = context.ask(tools.FindExecutables(tuple(f"/usr/bin/{name}" for name in gone)))
    if isinstance(elsewhere, tools.FoundTools) and len(elsewhere.paths) == len(gone):
        return ByHand(tools.LEAD_THERE)
    return Install(tuple(dict.fromkeys(COMMANDS[name] for name in gone)))
