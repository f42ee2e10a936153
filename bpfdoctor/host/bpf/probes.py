"""Live probes of bpf(2) and perf_event_open(2): each asks for one small thing and gives it back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.asm import BPF_DW, BPF_REG_1
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import (
    MAP_LOOKUP,
    Attempt,
    LoadError,
    ProgramSpec,
    create_map,
    load_program as load,
)
from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import (
    RETURN_ZERO,
    assemble,
    call,
    exit_insn,
    ld_map_value,
    st_mem,
)
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.perf import COUNT_SW_DUMMY, TYPE_SOFTWARE, open_event
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.syscalls import UnknownArchitectureError, numbers, syscall

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class AskBpf(Question[Attempt], frozen=True):
    """Does bpf(2) answer? Nothing is asked of it but to refuse a size that it cannot have.

    E2BIG comes from bpf(2) itself; ENOSYS where there is none; EPERM from its older first line
    (`unprivileged_bpf_disabled`, for every command until Linux 5.19, commit c8644cd0efe7), or from
    a seccomp filter in its place.
    """

    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            syscall(numbers().bpf, MAP_LOOKUP, 0, 1 << 20)
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        except OSError as error:
            return Attempt.refused(Call.BPF, error)
        return Attempt()

    def source(self) -> str:
        return "bpf(BPF_MAP_LOOKUP_ELEM, NULL, 1 << 20)"


class LoadProgram(Question[Attempt], frozen=True):
    """Load `r0 = 0; exit` as a program of this type (a name of `PROGRAM_TYPES`).

    Not for those that are loaded for one target, which EINVAL refuses on any kernel.
    """

    type: str
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, self._load)

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, {self.type}: r0 = 0; exit)"

    def _load(self) -> Attempt:
        try:
            os.close(load(_least(self.type)))
        except OSError as error:
            return Attempt.refused(Call.PROG_LOAD, error)
        return Attempt()


def _least(kind: str, code: bytes = RETURN_ZERO) -> ProgramSpec:
    """What is told of the least program of a type."""
    known = PROGRAM_TYPES[kind]
    attach = ATTACH_TYPES[known.attach].number if known.attach else 0
    return ProgramSpec(known.number, code, attach, flags=known.flags)


class CreateMap(Question[Attempt], frozen=True):
    """Create a map of this type (a name of `MAP_TYPES`); sizes are in bytes."""

    type: str
    key_size: int
    value_size: int
    entries: int
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, self._create)

    def source(self) -> str:
        sizes = f"key {self.key_size}, value {self.value_size}, {self.entries} entries"
        return f"bpf(BPF_MAP_CREATE, {self.type}: {sizes})"

    def _create(self) -> Attempt:
        kind = MAP_TYPES[self.type].number
        try:
            os.close(create_map(kind, self.key_size, self.value_size, self.entries))
        except OSError as error:
            return Attempt.refused(Call.MAP_CREATE, error)
        return Attempt()


class UseGlobalData(Question[Attempt], frozen=True):
    """Load a program that writes into a map's value by its address, as into a global variable.

    It is what libbpf tries (probe_kern_global_data): a kernel that refuses it has no .bss, .data
    and .rodata for a program.
    """

    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, attempt, self._load)

    def source(self) -> str:
        return "bpf(BPF_MAP_CREATE, array), bpf(BPF_PROG_LOAD, socket_filter: value of map[0] = 42)"

    def _load(self, steps: Steps) -> None:
        steps.call = Call.MAP_CREATE
        data = steps.keep(create_map(MAP_TYPES["array"].number, 4, 32, 1))
        write = (*ld_map_value(BPF_REG_1, data, 16), st_mem(BPF_DW, BPF_REG_1, 0, 42))
        code = assemble(*write) + RETURN_ZERO
        steps.load(ProgramSpec(PROGRAM_TYPES["socket_filter"].number, code))


class AskHelper(Question[Attempt], frozen=True):
    """Does the kernel know this helper (a name of `HELPERS`) in programs of this type?

    A program that does nothing but call it is loaded. Being refused for the arguments that it does
    not give counts as known; the verifier names a helper that it does not know.
    """

    type: str
    helper: str
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        return with_memory(Attempt, self._load)

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, {self.type}: call bpf_{self.helper}; exit)"

    def _load(self) -> Attempt:
        code = assemble(call(HELPERS[self.helper].number), exit_insn())
        try:
            os.close(load(_least(self.type, code)))
        except LoadError as error:
            if error.log and not any(words in error.log for words in UNKNOWN_HELPER):
                return Attempt()
            return Attempt.refused(Call.PROG_LOAD, error)
        return Attempt()


UNKNOWN_HELPER = ("invalid func ", "unknown func ", "program of this type cannot use helper ")
"""What verifiers, old and new, say of a helper that is not there or not for this program type."""


class OpenPerfEvent(Question[Attempt], frozen=True):
    """May this asker open an event for every process, as attaching to a tracepoint or kprobe does?

    Tried with a software event that counts nothing: `perf_event_paranoid` and capabilities are
    asked before the event is looked at.
    """

    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        try:
            os.close(open_event(TYPE_SOFTWARE, COUNT_SW_DUMMY))
        except UnknownArchitectureError as error:
            return NoAnswer("refused", str(error))
        except OSError as error:
            return Attempt.refused(Call.PERF_EVENT_OPEN, error)
        return Attempt()

    def source(self) -> str:
        return "perf_event_open(PERF_COUNT_SW_DUMMY, pid -1, cpu 0)"
