"""Real attaches by BTF id, undone at once: fentry and fexit, tracepoints, iterators."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.bpf.attach import RARE
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import (
    LINK_CREATE,
    RAW_TRACEPOINT_OPEN,
    Attempt,
    ProgramSpec,
    bpf,
)
from bpfdoctor.host.bpf.features.attach_types import BY_TARGET
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ZERO
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.bpf.uapi import BPF_F_SLEEPABLE
from bpfdoctor.host.btf.file import VMLINUX, open_btf
from bpfdoctor.host.btf.format import BtfError, BtfKind
from bpfdoctor.host.btf.kernel_types import AskFunction, FunctionFacts
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.tracer import left_alone

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class AttachTrampoline(Question[Attempt], frozen=True):
    """Attach a program to the entry or the exit of a kernel function, the first that BTF has.

    `fmod_ret` may put another value in the place of what the function returns; ours does not.
    `loading`: it is loaded alone.
    """

    kind: Literal["fentry", "fexit", "fmod_ret"]
    functions: tuple[str, ...] = RARE
    sleepable: bool = False
    loading: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        target = btf_id_of(machine, self.functions)
        if isinstance(target, Attempt):
            return target
        alone = None if self.loading else left_alone(machine, "trampoline")
        if alone is not None:
            return alone
        return with_memory(Attempt, attempt, self._attach, target)

    def source(self) -> str:
        where, kind = " or ".join(self.functions), self.kind + ".s" * self.sleepable
        attached = ", bpf(BPF_RAW_TRACEPOINT_OPEN)" * (not self.loading)
        return f"bpf(BPF_PROG_LOAD, {kind} of {where}){attached}"

    def _attach(self, steps: Steps, target: int) -> None:
        program = load_for(steps, "tracing", self.kind, target, sleepable=self.sleepable)
        if not self.loading:
            open_for(steps, program)


class AttachBtfTracepoint(Question[Attempt], frozen=True):
    """Attach a program to a tracepoint by the BTF of its arguments (Linux 5.5, ac4414b5ca47)."""

    name: str
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            found = _tracepoint_id(self.name)
        except OSError as error:
            return NoAnswer.from_error(error)
        except BtfError as error:
            return NoAnswer("broken", str(error))
        if isinstance(found, Attempt):
            return found
        return with_memory(Attempt, attempt, self._attach, found)

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, tp_btf/{self.name}), bpf(BPF_RAW_TRACEPOINT_OPEN)"

    def _attach(self, steps: Steps, target: int) -> None:
        open_for(steps, load_for(steps, "tracing", "tp_btf", target))


class AttachIterator(Question[Attempt], frozen=True):
    """Make an iterator over `what`; it is never read."""

    what: str = "task"
    sleepable: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        target = btf_id_of(machine, (f"bpf_iter_{self.what}",))
        if isinstance(target, Attempt):
            return target
        return with_memory(Attempt, attempt, self._attach, target)

    def source(self) -> str:
        kind = "iter" + ".s" * self.sleepable
        return f"bpf(BPF_PROG_LOAD, {kind}/{self.what}), bpf(BPF_LINK_CREATE)"

    def _attach(self, steps: Steps, target: int) -> None:
        link_iterator(steps, load_for(steps, "tracing", "iter", target, sleepable=self.sleepable))


def load_for(  # noqa: PLR0913  (each is a part of the program)
    steps: Steps,
    kind: str,
    attach: str,
    btf_id: int,
    *,
    code: bytes = RETURN_ZERO,
    sleepable: bool = False,
) -> int:
    """Load a program for what has this id in the kernel's BTF."""
    number, attach_type = PROGRAM_TYPES[kind].number, BY_TARGET[attach].number
    flags = BPF_F_SLEEPABLE if sleepable else 0
    return steps.load(ProgramSpec(number, code, attach_type, btf_id, flags))


def open_for(steps: Steps, program: int) -> None:
    """Attach a program to what it was loaded for."""
    steps.call = Call.RAW_TRACEPOINT_OPEN
    steps.keep(bpf(RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", 0, program)))


def link_iterator(steps: Steps, program: int) -> int:
    """Make an iterator of a program: a link, from which descriptors to read are made."""
    steps.call = Call.LINK_CREATE
    attributes = struct.pack("=IIII", program, 0, BY_TARGET["iter"].number, 0)
    return steps.keep(bpf(LINK_CREATE, attributes))


def btf_id_of(machine: Machine, functions: tuple[str, ...]) -> int | Attempt:
    """The id of the first function that BTF has, or that there is none.

    Looked up here and not where memory is charged: what a child reads it cannot hand on.
    """
    for function in functions:
        found = AskFunction(function).put(machine)
        if isinstance(found, FunctionFacts) and found.id:
            return found.id
    return Attempt("ENOENT", f"looking for {' or '.join(functions)} in {VMLINUX}")


NAMED_AFTER = {"iter": "bpf_iter_", "lsm": "bpf_lsm_"}
"""What functions of BTF that stand for targets of these kinds begin with."""


def target_id(machine: Machine, target: str) -> int | Attempt:
    """The id of what SEC() names (`fentry.s/vfs_unlink`), or that there is none."""
    head, _, name = target.partition("/")
    kind = head.removesuffix(".s")
    if kind != "tp_btf":
        return btf_id_of(machine, (NAMED_AFTER.get(kind, "") + name,))
    try:
        return _tracepoint_id(name)
    except (OSError, BtfError) as error:
        return Attempt("ENOENT", f"looking into {VMLINUX}: {error}")


def _tracepoint_id(name: str) -> int | Attempt:
    """The id of the type that describes a tracepoint's arguments. Raises OSError, BtfError."""
    found = next(open_btf().find(f"btf_trace_{name}", (BtfKind.TYPEDEF,)), None)
    return found or Attempt("ENOENT", f"looking for btf_trace_{name} in {VMLINUX}")
