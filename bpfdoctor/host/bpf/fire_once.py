"""The question whether a program of a kind runs: one of ours is attached, hit and counted.

That a program attaches does not say that it runs: the kernel arms no kprobe while kprobes/enabled
in debugfs is 0. Nothing of it stays: what is attached goes with its descriptors, however the
process ends.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.bpf import own_triggers
from bpfdoctor.host.bpf.attach_btf import btf_id_of
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.child import in_child
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.own_runs import thread_named
from bpfdoctor.host.bpf.own_triggers import GETCPU, TESTED, Armed
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.question import Answer, NoAnswer, Question, errno_name
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers
from bpfdoctor.host.system.tracer import left_alone

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

FiredKind = Literal[
    "kprobe", "uprobe", "trampoline", "tracepoint", "classifier", "socket-filter", "iterator"
]

KPROBES_ENABLED = "/sys/kernel/debug/kprobes/enabled"
"""Linux 2.6.22, commit bf8f6e5b3e51."""

TIMES = 3
"""How often the trigger is pulled while nothing was counted: the kernel leaves out a program on an
event that comes while it runs another on the same CPU (bpf_prog_active)."""


class FiredOnce(Answer, frozen=True):
    """How far it got. `hits` is None where it was not attached, or where nothing could hit it.

    `target` is what it was attached to; `refused` the errno of our trigger, where something (a
    seccomp filter) refused that before the kernel had it. `armed` is, of a kprobe that was silent,
    what is in kprobes/enabled, or the errno of reading it.
    """

    attached: Attempt
    hits: int | None = None
    target: str = ""
    refused: str = ""
    armed: str = ""

    def shown(self) -> str:
        if self.hits is None:
            return f"attach: {self.attached.shown()}" + "; not hit" * self.attached.worked
        head = f"attached to {self.target}; hit: {self.refused or 'done'}; {self.hits} counted"
        return head + (f"\n{KPROBES_ENABLED}: {self.armed}" if self.armed else "")


class FireOnce(Question[FiredOnce], frozen=True):
    """Attach a program of this kind to what is rare or our own, hit it, and count."""

    kind: FiredKind
    privileged = True

    asks = "kernel"

    def put(self, machine: Machine) -> FiredOnce | NoAnswer:
        try:
            numbers()
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        if self.kind in ("kprobe", "trampoline"):
            alone = left_alone(machine, self.kind)
            if alone is not None:
                return alone
        arm = _arming(machine, self.kind)
        if isinstance(arm, Attempt):
            return FiredOnce(arm)
        if self.kind != "classifier":
            return with_memory(FiredOnce, self._fire, arm)
        said = in_child(FiredOnce, lambda: self._fire(arm))
        if isinstance(said, FiredOnce) and said.attached.known_call is Call.UNSHARE:
            return NoAnswer(said.attached.error, "no network namespace could be made to try it in")
        return said

    def source(self) -> str:
        return f"a {self.kind} program of ours, attached and hit"

    def _fire(self, arm: Callable[[Steps], Armed | Attempt]) -> FiredOnce:
        with Steps() as steps:
            try:
                armed = arm(steps)
            except OSError as error:
                return FiredOnce(Attempt.refused(steps.call, error))
            if isinstance(armed, Attempt):
                return FiredOnce(armed)
            if armed.trigger is None:
                return FiredOnce(Attempt())
            return self._hit(armed, armed.trigger)

    def _hit(self, armed: Armed, trigger: Callable[[], None]) -> FiredOnce:
        refused = ""
        try:
            with thread_named(armed.runs.name):
                for _ in range(TIMES):
                    trigger()
                    if armed.runs.hits:
                        break
        except OSError as error:
            refused = errno_name(error.errno or 0)
        hits = armed.runs.hits
        switch = "" if hits or self.kind != "kprobe" else _text(KPROBES_ENABLED)
        return FiredOnce(Attempt(), hits, armed.target, refused, switch)


def _arming(machine: Machine, kind: FiredKind) -> Callable[[Steps], Armed | Attempt] | Attempt:
    """What attaches; ids of BTF are looked up here (see `btf_id_of`)."""
    if kind == "trampoline":
        return _trampoline(machine)
    if kind == "iterator":
        task = btf_id_of(machine, ("bpf_iter_task",))
        return task if isinstance(task, Attempt) else lambda on: own_triggers.iterator(on, task)
    return {
        "kprobe": own_triggers.kprobe,
        "uprobe": own_triggers.uprobe,
        "tracepoint": own_triggers.tracepoint,
        "socket-filter": own_triggers.socket_filter,
        "classifier": own_triggers.classifier,
    }[kind]


def _trampoline(machine: Machine) -> Callable[[Steps], Armed | Attempt] | Attempt:
    said = Attempt()
    for function in (TESTED, *GETCPU):
        found = btf_id_of(machine, (function,))
        if not isinstance(found, Attempt):
            return lambda on, name=function: own_triggers.trampoline(on, name, found)  # type: ignore[misc]
        said = found
    return said


def _text(file: str) -> str:
    try:
        return Path(file).read_text(errors="backslashreplace").strip()
    except OSError as error:
        return errno_name(error.errno or 0)
