"""Real attaches to events, undone at once: tracepoints, raw tracepoints, kprobes, uprobes.

Every program here returns at once and does nothing; what it is attached to is rare, or our own.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.asm import BPF_B, BPF_REG_0, BPF_REG_1
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import RAW_TRACEPOINT_OPEN, Attempt, ProgramSpec, bpf
from bpfdoctor.host.bpf.event_probes import ProbePlace, attach_probe, event_source
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ONE, RETURN_ZERO, assemble, ldx_mem
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.perf import TYPE_TRACEPOINT
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.trace import tracepoint_id
from bpfdoctor.host.system.tracer import left_alone

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

RARE = ("bpf_fentry_test1", "kernel_clone", "_do_fork")
"""Functions to attach to, best first: one that the kernel has for such tests (Linux 5.5, commit
faeb2dce084a); then that of clone(2), by its name since Linux 5.10, and by the one before."""


class AttachTracepoint(Question[Attempt], frozen=True):
    """Attach a program to a tracepoint of tracefs, such as `sched`, `sched_process_exec`.

    It reads `reads` bytes of what the tracepoint gives it: of more than there are, it is not let.
    """

    category: str
    name: str
    reads: int = 0
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, attempt, self._attach)

    def source(self) -> str:
        program = f"tracepoint{_reading(self.reads)}"
        return f"bpf(BPF_PROG_LOAD, {program}), perf_event_open({self.category}/{self.name})"

    def _attach(self, steps: Steps) -> None:
        code = _read_of_context(self.reads) + RETURN_ONE
        program = steps.load(ProgramSpec(PROGRAM_TYPES["tracepoint"].number, code))
        steps.call = f"reading the id of tracepoint {self.category}/{self.name}"
        steps.attach(program, TYPE_TRACEPOINT, tracepoint_id(self.category, self.name))


class AttachRawTracepoint(Question[Attempt], frozen=True):
    """Attach a program to a raw tracepoint (Linux 4.17, commit c4f6699dfcb8).

    It reads `reads` bytes of what it is given. `writable`: of the type that may write into the
    buffer that some tracepoints have (Linux 5.2, commit 9df1c28bb752).
    """

    name: str
    reads: int = 0
    writable: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, attempt, self._attach)

    def source(self) -> str:
        return f"bpf(BPF_RAW_TRACEPOINT_OPEN, {self.name}{_reading(self.reads)})"

    def _attach(self, steps: Steps) -> None:
        kind = "raw_tracepoint" + "_writable" * self.writable
        code = _read_of_context(self.reads) + RETURN_ZERO
        program = steps.load(ProgramSpec(PROGRAM_TYPES[kind].number, code))
        steps.call = Call.RAW_TRACEPOINT_OPEN
        name = ctypes.create_string_buffer(self.name.encode())
        steps.keep(
            bpf(RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", ctypes.addressof(name), program))
        )


def _read_of_context(size: int) -> bytes:
    """`r0 = *(u8 *)(r1 + size - 1)`: the kernel compares the end of the farthest read."""
    return assemble(ldx_mem(BPF_B, BPF_REG_0, BPF_REG_1, size - 1)) if size else b""


def _reading(size: int) -> str:
    return f" that reads {size} bytes" if size else ""


class AttachKprobe(Question[Attempt], frozen=True):
    """Attach a program to the entry or the return of a kernel function: the first there is.

    `offset` is in bytes from its beginning.
    """

    returns: bool = False
    functions: tuple[str, ...] = RARE
    offset: int = 0
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        source = event_source("kprobe")
        if isinstance(source, Attempt):
            return source
        return left_alone(machine, "kprobe") or with_memory(Attempt, self._attach)

    def source(self) -> str:
        kind = "kretprobe" if self.returns else "kprobe"
        place = f"+{self.offset:#x}" if self.offset else ""
        return f"perf_event_open({kind} on {' or '.join(self.functions)}{place})"

    def _attach(self) -> Attempt:
        source = event_source("kprobe")
        if isinstance(source, Attempt):
            return source
        said = Attempt("ENOENT", "looking for a function")
        for function in self.functions:
            place = ProbePlace(function, self.returns, self.offset)
            said = attempt(lambda steps, place=place: attach_probe(steps, source, place))
            if said.error != "ENOENT":
                break
        return said


class AttachUprobe(Question[Attempt], frozen=True):
    """Attach a program to the entry or the return of a place in a file of ours that nobody runs.

    The file is in memory (memfd_create(2), Linux 3.17): no directory has to take it.
    """

    returns: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            file = os.memfd_create("bpfdoctor")
        except OSError as error:  # what the kernel refuses later is an answer
            return NoAnswer.from_error(error)
        try:
            os.ftruncate(file, mmap.PAGESIZE)
            return with_memory(Attempt, lambda: self._attach(f"/proc/self/fd/{file}"))
        except OSError as error:
            return NoAnswer.from_error(error)
        finally:
            os.close(file)

    def source(self) -> str:
        kind = "uretprobe" if self.returns else "uprobe"
        return f"perf_event_open({kind} on a file of ours in memory)"

    def _attach(self, path: str) -> Attempt:
        source = event_source("uprobe")
        if isinstance(source, Attempt):
            return source
        place = ProbePlace(path, self.returns)
        return attempt(lambda steps: attach_probe(steps, source, place))
