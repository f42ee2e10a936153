"""The kernel's function tracer: whether it is on, and what stays silent without it.

The tracer puts the calls into functions' beginnings by which kprobes there and trampolines (fentry,
fexit, LSM programs) run. The sysctl kernel.ftrace_enabled takes all of them out: a program attaches
and is silent (tried on Linux 5.10, 6.1, 6.12 and 7.2).

To attach meanwhile is a trap. On 6.1, 6.12 and 7.2 the tracer finds its own records inconsistent
once it is on again and the last program is detached (a warning in ftrace_shutdown), and shuts
itself down until the next boot: whatever is attached then is refused with ENODEV. So nothing is
attached by way of the tracer while it is off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.facts import kernel_version

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

Traced = Literal["kprobe", "trampoline"]

SWITCH = Path("/proc/sys/kernel/ftrace_enabled")

KPROBES_ON_FTRACE = ("loongarch64", "ppc64", "ppc64le", "riscv64", "s390x", "x86_64")
"""Architectures with HAVE_KPROBES_ON_FTRACE; x86 since Linux 3.7 (commit e52538965119)."""

REFUSES = (6, 0)
"""Before this release a trampoline is refused with EBUSY while the tracer is off, and does no harm:
so on 5.10. From it on they use register_ftrace_direct_multi (commit 53cd885bc5c3)."""

LEFT_ALONE = "kernel.ftrace_enabled is 0: to attach now may break the function tracer till a reboot"


class Tracer(Answer, frozen=True):
    """Whether the function tracer is on. `silent`: what attaches and does not run because it is
    off; `untried`: what must not be attached meanwhile."""

    on: bool
    silent: tuple[Traced, ...] = ()
    untried: tuple[Traced, ...] = ()

    def shown(self) -> str:
        return "1" if self.on else "0"


class AskTracer(Question[Tracer], frozen=True):
    """Is the function tracer on? ENOENT: this kernel has none (CONFIG_FUNCTION_TRACER)."""

    asks = "kernel"

    def put(self, machine: Machine) -> Tracer | NoAnswer:
        try:
            on = SWITCH.read_text().strip() != "0"
        except OSError as error:
            return NoAnswer.from_error(error)
        if on:
            return Tracer(on)
        kprobes: tuple[Traced, ...] = ()
        if machine_architecture() in KPROBES_ON_FTRACE:
            kprobes = ("kprobe",)
        silent: tuple[Traced, ...] = ("trampoline", *kprobes)
        refused = kernel_version(os.uname().release) < REFUSES
        return Tracer(on, silent, kprobes if refused else silent)

    def source(self) -> str:
        return str(SWITCH)


def left_alone(machine: Machine, kind: Traced) -> NoAnswer | None:
    """Why nothing of this kind is attached now; None where it may be."""
    answer = AskTracer().put(machine)
    if isinstance(answer, Tracer) and kind in answer.untried:
        return NoAnswer("refused", LEFT_ALONE)
    return None
