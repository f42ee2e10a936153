"""Real attaches by BTF id, undone at once: fentry and fexit, iterators, LSM hooks."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.bpf.attach import RARE
from bpfdoctor.host.bpf.calls import (
    LINK_CREATE,
    RAW_TRACEPOINT_OPEN,
    RETURN_ZERO,
    Attempt,
    Program,
    bpf,
    instruction,
)
from bpfdoctor.host.bpf.counting import counting_code, counting_map, hits_in, magic_number, with_map
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.bpf.uapi import ATTACH_TYPES, PROGRAM_TYPES
from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.btf.kernel_types import AskFunction, FunctionFacts
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LSM_HOOK = "bpf_lsm_bpf"
"""security_bpf(cmd, attr, size): called by bpf(2) before it looks at the command."""


class AttachTrampoline(Question[Attempt], frozen=True):
    """Attach a program to the entry or the exit of a kernel function, the first that BTF has."""

    kind: Literal["fentry", "fexit"]
    functions: tuple[str, ...] = RARE
    privileged = True

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        target = _btf_id(machine, self.functions)
        if isinstance(target, Attempt):
            return target
        return with_memory(Attempt, lambda: attempt(lambda steps: self._attach(steps, target)))

    def source(self) -> str:
        where = " or ".join(self.functions)
        return f"bpf(BPF_PROG_LOAD, {self.kind} of {where}), bpf(BPF_RAW_TRACEPOINT_OPEN)"

    def _attach(self, steps: Steps, target: int) -> None:
        program = _load(steps, "tracing", self.kind, target)
        steps.call = "bpf(BPF_RAW_TRACEPOINT_OPEN)"
        steps.keep(bpf(RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", 0, program)))


class AttachIterator(Question[Attempt], frozen=True):
    """Make an iterator over `what`; it is never read."""

    what: str = "task"
    privileged = True

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        target = _btf_id(machine, (f"bpf_iter_{self.what}",))
        if isinstance(target, Attempt):
            return target
        return with_memory(Attempt, lambda: attempt(lambda steps: self._attach(steps, target)))

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, iter/{self.what}), bpf(BPF_LINK_CREATE)"

    def _attach(self, steps: Steps, target: int) -> None:
        program = _load(steps, "tracing", "iter", target)
        steps.call = "bpf(BPF_LINK_CREATE)"
        steps.keep(bpf(LINK_CREATE, struct.pack("=IIII", program, 0, ATTACH_TYPES["iter"], 0)))


COMMON_ATTRIBUTES = 1 << 16
"""A flag that newer kernels take out of the command before the hook sees it (seen on Linux 7.2)."""


class LsmFired(Answer, frozen=True):
    """Whether an LSM program was attached, and how often its hook called it (None: it was not)."""

    attached: Attempt
    hits: int | None = None

    def shown(self) -> str:
        called = f"\ncalled {self.hits} times" if self.hits is not None else ""
        return self.attached.shown() + called


class FireLsm(Question[LsmFired], frozen=True):
    """Attach a program to the LSM hook of bpf(2), and make a call of it with a random command.

    It counts that command and allows everything: it acts on nobody.
    """

    privileged = True

    def put(self, machine: Machine) -> LsmFired | NoAnswer:
        hook = _btf_id(machine, (LSM_HOOK,))
        if isinstance(hook, Attempt):
            return LsmFired(hook)
        return with_memory(LsmFired, lambda: self._fire(hook))

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, lsm: {LSM_HOOK}), bpf(BPF_RAW_TRACEPOINT_OPEN), bpf(MAGIC)"

    def _fire(self, hook: int) -> LsmFired:
        hits: list[int] = []
        said = attempt(lambda steps: hits.append(_fire_lsm(steps, hook)))
        return LsmFired(said, hits[0] if hits else None)


def _fire_lsm(steps: Steps, hook: int) -> int:
    magic = magic_number(31) & ~COMMON_ATTRIBUTES
    steps.call = "bpf(BPF_MAP_CREATE)"
    counts = steps.keep(counting_map(magic))
    # The command is an int: of its register only the lower half is defined.
    read = (
        instruction(0x79, 7, 1, 0) + instruction(0x67, 7, 0, 0, 32) + instruction(0x77, 7, 0, 0, 32)
    )
    code, reference = counting_code(read, returns=0)
    program = _load(steps, "lsm", "lsm", hook, with_map(code, (reference,), counts))
    steps.call = "bpf(BPF_RAW_TRACEPOINT_OPEN)"
    steps.keep(bpf(RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", 0, program)))
    with suppress(OSError):  # EINVAL, when nobody forbids it: there is no such command
        bpf(magic, bytes(8))
    steps.call = "bpf(BPF_MAP_LOOKUP_ELEM)"
    return hits_in(counts)


def _load(steps: Steps, kind: str, attach: str, btf_id: int, code: bytes = RETURN_ZERO) -> int:
    return steps.load(Program(PROGRAM_TYPES[kind], code, ATTACH_TYPES[attach], btf_id))


def _btf_id(machine: Machine, functions: tuple[str, ...]) -> int | Attempt:
    """The id of the first function that BTF has, or that there is none.

    Looked up here and not where memory is charged: what a child reads it cannot hand on.
    """
    for function in functions:
        found = AskFunction(function).put(machine)
        if isinstance(found, FunctionFacts) and found.id:
            return found.id
    return Attempt("ENOENT", f"looking for {' or '.join(functions)} in {VMLINUX}")
