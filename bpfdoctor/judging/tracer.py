"""What the function tracer has to do with a kind of program."""

from __future__ import annotations

from bpfdoctor.contract import Context
from bpfdoctor.host.system.tracer import AskTracer, Traced, Tracer

KINDS: dict[str, Traced] = {
    **dict.fromkeys(("kprobe", "kretprobe", "ksyscall", "kretsyscall"), "kprobe"),
    **dict.fromkeys(("trampoline", "fentry", "fexit", "fmod_ret", "lsm"), "trampoline"),
}
"""What in SEC() runs by way of the tracer."""


def silenced(context: Context, kind: str) -> bool:
    """Programs of this kind attach and do not run, because the function tracer is off."""
    answer = context.ask(AskTracer()) if kind in KINDS else None
    return isinstance(answer, Tracer) and KINDS[kind] in answer.silent


def untried(context: Context, kind: str) -> bool:
    """Programs of this kind must not be attached, because the function tracer is off."""
    answer = context.ask(AskTracer()) if kind in KINDS else None
    return isinstance(answer, Tracer) and KINDS[kind] in answer.untried
