"""The C library that a uprobe or a USDT probe should be put on."""

from __future__ import annotations

from bpfdoctor.api import Context, Finding, Run
from bpfdoctor.api import check, evidence, passed, unknown, warned
from bpfdoctor.api import tools

SEE = Run(("/sbin/ldconfig", "-p"), text="what the loader gives a program")


@check("checkout.libc", title="libc for uprobes")
def libc(context: Context) -> Finding | None:
    """Which file a uprobe or USDT probe on the C library must name.

    A probe is put on a file, so it only fires in processes that run on that very file. A search of
    the disk finds others: copies in container images, in overlay directories, in SDKs. What
    counts is the loader's own answer: the library that this process runs on (`/proc/self/maps`)
    and the one in the loader's cache (`ldconfig -p`). Where they differ, bpfdoctor's Python came
    with a library of its own, and programs built here use the cached one. A process in a container
    runs on the container's copy: to trace it, name the file below `/proc/PID/root`.
    """
    if context.project.kind.build is None:
        return None
    question = tools.AskLibc()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, tools.Libc):
        why = f"the memory map of a process cannot be read ({answer.shown()})"
        return unknown(why, seen=seen, fixes=[SEE])
    if not answer.mapped and not answer.cached:
        why = "this Python is linked statically and the loader has no cache: no process to look at"
        return unknown(why, seen=seen, fixes=[SEE])
    if answer.replaced:
        why = f"{answer.mapped} was replaced while processes ran on it: those keep the old one"
        return warned(why, seen=seen)
    if answer.mapped and answer.cached and answer.mapped != answer.cached:
        why = f"{answer.cached}, by the loader's cache; this Python runs on {answer.mapped}"
        return warned(why, seen=seen)
    return passed(f"{answer.cached or answer.mapped}{_kind(answer)}", seen=seen)


def _kind(answer: tools.Libc) -> str:
    if not answer.mapped:
        return " (by the loader's cache; this Python is linked statically)"
    return f" ({answer.kind})"
