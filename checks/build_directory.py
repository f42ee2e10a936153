"""The makefile's own directory: whether the one who builds can build in it, as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bpfdoctor.api import Build, ByHand, Context, Evidence, Finding, Instead, NoAnswer, Project
from bpfdoctor.api import check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import tools

BREAKING = frozenset(" \t\n:$%'\"\\;&()|<>`")
"""In a directory's path: tried with the makefiles of libbpf-bootstrap. make splits names at some of
these, the shell that it starts reads the others."""

BREAKING_TOOL = frozenset("=")
"""make takes the path of bpftool's libbpf for the assignment of a variable then."""

Trouble = tuple[str, str]
"""What is wrong, and the command or advice that repairs it."""


def _builds_here(project: Project) -> bool:
    return bool(project.path) and project.kind.build is not None


@check("checkout.build-directory", title="directory of the build", applies=_builds_here)
def build_directory(context: Context) -> Iterator[Finding]:
    """Whether the one who builds can build in the makefile's own directory, as it is now.

    A checkout may lie where nothing can be built: on a read-only or noexec mount, on a full file
    system, below a directory whose name make or a shell splits ("My Projects"). And `.output` may
    hold what an earlier build left: after one `sudo make` it belongs to root; a bpftool of another
    machine is never built again; a library that was cut off is newer than its sources, and make
    takes it as it is. As root on another user's checkout, that user is asked about, for the build
    runs as that user. The smoke test builds elsewhere, and does not meet any of this.
    """
    build = context.project.kind.build
    if build is None:
        return
    question, own = tools.ask_own_place(context, build), tools.own_place(context, build)
    where = context.project.inside(build.directory)
    if isinstance(own, NoAnswer):
        seen = [evidence(question, own)]
        look = [ByHand(tools.to_paste("ls", "-la", where))]
        yield unknown(f"{where} cannot be looked at: {own.shown()}", seen=seen, fixes=look)
        return
    yield _on_the_place(context, build, own, where, evidence(question, own.seen))
    yield from _on_programs(context, own, where, evidence(question, own.seen))


def _on_the_place(
    context: Context, build: Build, own: tools.OwnPlace, where: str, seen: Evidence
) -> Finding:
    """Report what concerns all programs."""
    stale, unsure = _stale(context, own, where)
    troubles = [*_name(own, where), *_link(own, where), *_mount(own, where), *stale]
    later = [*_shut(own, where), *_room(own, where)]
    if troubles or (later and own.open):
        return _found(own, [*troubles, *later], seen)
    if later:
        why = "; ".join(why for why, _ in later)
        mends = [ByHand(mend) for _, mend in later]
        summary = f"{_as_whom(own)}everything is built; before the next change: {why}"
        return warned(summary, seen=[seen], fixes=mends)
    if unsure:
        return unknown(unsure, seen=[seen], fixes=[ByHand(_clean(where, build.outputs))])
    free = own.seen.rooms[-1].free
    summary = f"{_as_whom(own)}{where} is writable, {free / 1e6:,.0f} MB free"
    return passed(summary, seen=[seen])


def _found(
    own: tools.OwnPlace, troubles: Iterable[Trouble], seen: Evidence, about: str = ""
) -> Finding:
    pairs = dict(troubles)
    mends: dict[str, None] = dict.fromkeys(pairs.values())
    elsewhere = Instead(elsewhere=True)
    fixes = [ByHand(mend, instead=elsewhere) for mend in mends]
    summary = _as_whom(own) + "; ".join(pairs)
    return failed(summary, about=about, seen=[seen], fixes=fixes)


def _as_whom(own: tools.OwnPlace) -> str:
    return f"as {own.seen.who}: " if own.seen.other else ""


def _name(own: tools.OwnPlace, where: str) -> Iterator[Trouble]:
    odd = BREAKING | (BREAKING_TOOL if own.makes_tool else frozenset())
    found = [each for each in own.seen.characters if each in odd]
    if found:
        names = ", ".join({" ": "a space", "\t": "a tab"}.get(each, repr(each)) for each in found)
        mend = "Move the checkout, or rename the directory: no path may contain these characters."
        yield f"the path {where} contains {names}: make cannot build there", mend


def _link(own: tools.OwnPlace, where: str) -> Iterator[Trouble]:
    if above := own.seen.astray:
        why = f"{where} leads through a link: make looks for libbpf in {above}, where it is not"
        yield why, "Put the directory itself in the place of the link (cp -a), not a link to it."


def _mount(own: tools.OwnPlace, where: str) -> Iterator[Trouble]:
    for room in own.seen.rooms:
        path = f"{where}/{room.path}".rstrip("/")
        if room.noexec:
            mend = (
                f"Mount it without noexec (mount -o remount,exec …), or copy the checkout: {path}"
            )
            yield f"{path} is mounted noexec: what is built there does not run", mend
            return


def _shut(own: tools.OwnPlace, where: str) -> Iterator[Trouble]:
    """Directories in which make would write, and cannot."""
    outputs = own.build.outputs
    for each in own.seen.shut:
        path = f"{where}/{each.path}".rstrip("/")
        if each.why == "EROFS":
            mend = "Mount it read-write, or copy the checkout to a place that is writable."
            yield f"{path} is mounted read-only", mend
            return
        if each.why == "ENOTDIR":
            yield f"{path} is not a directory", tools.to_paste("rm", path)
        elif _is_written(own, each.path):
            yield f"{path} is not writable for {own.seen.who}", _given(own, each, where)
            if each.path in ("", *outputs):
                return  # those below it are the same


def _is_written(own: tools.OwnPlace, path: str) -> bool:
    """Whether the next make makes files in this directory."""
    output = own.build.outputs[0] if own.build.outputs else ""
    if path in ("", output) or not own.open:
        return True
    if tools.for_the_tool(output, path):
        generates = any(each.generates for each in own.open)
        return own.makes_tool and generates and tools.tool_of_the_build(own.seen) is None
    return not all(each.archives for each in own.open)


def _given(own: tools.OwnPlace, shut: tools.Shut, where: str) -> str:
    """Say how the directory becomes writable for the user who builds."""
    who = own.seen.user or str(own.seen.uid)
    top = shut.path.partition("/")[0]
    path = f"{where}/{top}".rstrip("/")
    if shut.uid == own.seen.uid:
        return tools.to_paste("chmod", "-R", "u+rwX", path)
    if shut.why != "EACCES":
        return f"It is refused ({shut.why}): see lsattr -d {tools.to_paste(path)}"
    return tools.to_paste("sudo", "chown", "-R", f"{who}:", path)


def _room(own: tools.OwnPlace, where: str) -> Iterator[Trouble]:
    if own.lacks is None:
        return
    what, room, needed = own.lacks
    path = f"{where}/{room.path}".rstrip("/")
    free = room.free if what == "bytes" else room.inodes or 0
    why = f"{free:,} {what} free at {path}, and a build takes {needed:,}"
    yield why, f"Free some room on the file system of {path}, or copy the checkout elsewhere."


def _stale(context: Context, own: tools.OwnPlace, where: str) -> tuple[list[Trouble], str]:
    """List outputs that cannot be used, and say what could not be determined."""
    troubles: list[Trouble] = []
    unsure = "not every output could be looked at" if own.seen.truncated else ""
    for file in own.shared:
        if file.made == "executable":
            why, unclear = tools.tool_trouble(context, own, file, where)
            unsure = unclear or unsure
        else:
            why = tools.stale_trouble(file, tools.wanted_machine(context, own, file))
        if why:
            clean = _clean(where, own.build.outputs)
            troubles.append((f"{where}/{file.path} {why}, and make will not rebuild it", clean))
    return troubles, unsure


def _on_programs(
    context: Context, own: tools.OwnPlace, where: str, seen: Evidence
) -> Iterator[Finding]:
    """Report each program that has files which cannot be used."""
    top = ("", *own.build.outputs)
    for each in own.outlooks:
        troubles: list[Trouble] = []
        for file in each.uses:
            why = tools.stale_trouble(file, tools.wanted_machine(context, own, file))
            if why:
                mend = tools.to_paste("rm", f"{where}/{file.path}")
                why = f"{where}/{file.path} {why}, and is newer than its sources"
                troubles.append((why, mend))
        for file in each.rewrites:
            if not file.writable and not any(shut.path in top for shut in own.seen.shut):
                why = f"{where}/{file.path} is not writable for {own.seen.who}"
                troubles.append((why, tools.to_paste("rm", "-f", f"{where}/{file.path}")))
        if troubles:
            yield _found(own, troubles, seen, about=each.program)


def _clean(where: str, outputs: tuple[str, ...]) -> str:
    return tools.to_paste("rm", "-rf", *(f"{where}/{name}" for name in outputs))
