"""What programs of a type may call: helpers by number, functions of the kernel by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.bpf.asm import BPF_PSEUDO_KFUNC_CALL, JMP_CALL, Instruction
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, LoadError
from bpfdoctor.host.bpf.macros import assemble, call, exit_insn
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.probes import UNKNOWN_HELPER
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs
from bpfdoctor.host.btf.kernel_types import AskFunction, FunctionFacts
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

REFUSALS = (
    *UNKNOWN_HELPER,
    "cannot call GPL",  # a helper, and a program of another licence
    "might sleep in",  # a helper, and a program that is not sleepable (Linux 5.10)
    "in non-sleepable prog",  # the same, as of Linux 7.2
    "calling kernel function ",  # … is not allowed; Linux 5.13, commit e6ac2450d6de
    "cannot call kernel function",  # and a program that is not under the GPL
    "JIT is required for calling kernel function",
    "reserved fields",  # before Linux 5.13 no program calls the kernel's functions
)
"""What verifiers, old and new, say of a call that is not there or not for this program."""


class Refused(msgspec.Struct, frozen=True):
    """What the kernel does not allow a program, and the verifier's words: of a call, the helper's
    number or the function's name; of anything else, what it is in words."""

    what: str
    why: str


class Calls(Answer, frozen=True):
    """Whether a program that does nothing was loaded, and what it may not do: calls, or what
    else a question tries of it (its context, instructions)."""

    plain: Attempt
    refused: tuple[Refused, ...] = ()

    def shown(self) -> str:
        if not self.plain.worked:
            return self.plain.shown()
        return "\n".join(f"{each.what}: {each.why}" for each in self.refused) or "all are allowed"


class ProbeCalls(Question[Calls], frozen=True, tag="TryCalls"):
    """Which of these helpers and functions may a program like this one call?

    For each, a program that does nothing but call it is loaded. Being refused for the arguments
    that it does not give counts as allowed. `functions` are looked for in the kernel's own BTF; one
    that is not there is not tried.
    """

    like: ProgramAttrs
    helpers: tuple[int, ...] = ()
    functions: tuple[str, ...] = ()
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Calls | NoAnswer:
        ids = [(name, AskFunction(name).put(machine)) for name in self.functions]
        found = {name: each.id for name, each in ids if isinstance(each, FunctionFacts) and each.id}
        like = self.like.looked_up(machine)
        if isinstance(like, Attempt):
            return Calls(like)
        return with_memory(Calls, self._try, like, found)

    def source(self) -> str:
        calls = [f"helper {each}" for each in self.helpers] + list(self.functions)
        return (
            f"bpf(BPF_PROG_LOAD, {self.like.shown()}: call {', '.join(calls) or 'nothing'}; exit)"
        )

    def _try(self, like: ProgramAttrs, functions: dict[str, int]) -> Calls:
        try:
            like.plain()
        except OSError as error:
            return Calls(Attempt.refused(Call.PROG_LOAD, error))
        calls = [(str(number), call(number)) for number in self.helpers]
        calls += [(name, _call_kfunc(btf_id)) for name, btf_id in functions.items()]
        return Calls(Attempt(), tuple(_refused(like, calls)))


def _call_kfunc(btf_id: int) -> Instruction:
    """A call of a function of the kernel, by its id in the kernel's BTF."""
    return Instruction(JMP_CALL, src=BPF_PSEUDO_KFUNC_CALL, imm=btf_id)


def _refused(like: ProgramAttrs, calls: list[tuple[str, Instruction]]) -> Iterator[Refused]:
    for what, tried in calls:
        try:
            like.load(assemble(tried, exit_insn()))
        except LoadError as error:
            lines = error.log.splitlines()
            said = [line for line in lines if any(words in line for words in REFUSALS)]
            if said:
                yield Refused(what, said[-1])
