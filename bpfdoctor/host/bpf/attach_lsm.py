"""LSM hooks: loading a program for one, and one that is seen to be called."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.asm import BPF_DW, BPF_LSH, BPF_REG_1, BPF_REG_7, BPF_RSH
from bpfdoctor.host.bpf.attach_btf import btf_id_of, load_for, open_for
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt, bpf
from bpfdoctor.host.bpf.counting import counting_code, counting_map, hits_in, magic_number, with_map
from bpfdoctor.host.bpf.macros import alu64_imm, ldx_mem
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.steps import Steps, attempt
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.tracer import left_alone

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LSM_HOOK = "bpf_lsm_bpf"
"""security_bpf(cmd, attr, size): called by bpf(2) before it looks at the command."""


class LoadLsm(Question[Attempt], frozen=True):
    """Load a program for an LSM hook (`file_open`); it is attached to nothing.

    What it would return allows everything, but is not what every hook returns by default.
    """

    hook: str
    sleepable: bool = False
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Attempt | NoAnswer:
        target = btf_id_of(machine, (f"bpf_lsm_{self.hook}",))
        if isinstance(target, Attempt):
            return target
        return with_memory(Attempt, attempt, self._load, target)

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, {'lsm' + '.s' * self.sleepable}/{self.hook})"

    def _load(self, steps: Steps, target: int) -> None:
        load_for(steps, "lsm", "lsm", target, sleepable=self.sleepable)


COMMON_ATTRIBUTES = 1 << 16
"""A flag that newer kernels take out of the command before the hook sees it (seen on Linux 7.2)."""


COMMAND = (
    ldx_mem(BPF_DW, BPF_REG_7, BPF_REG_1, 0),
    alu64_imm(BPF_LSH, BPF_REG_7, 32),
    alu64_imm(BPF_RSH, BPF_REG_7, 32),
)
"""The first argument of the hook, an int: of its register only the lower half is defined."""


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
    asks = "kernel"

    def put(self, machine: Machine) -> LsmFired | NoAnswer:
        hook = btf_id_of(machine, (LSM_HOOK,))
        if isinstance(hook, Attempt):
            return LsmFired(hook)
        return left_alone(machine, "trampoline") or with_memory(LsmFired, self._fire, hook)

    def source(self) -> str:
        return f"bpf(BPF_PROG_LOAD, lsm: {LSM_HOOK}), bpf(BPF_RAW_TRACEPOINT_OPEN), bpf(MAGIC)"

    def _fire(self, hook: int) -> LsmFired:
        hits: list[int] = []
        said = attempt(lambda steps: hits.append(_fire_lsm(steps, hook)))
        return LsmFired(said, hits[0] if hits else None)


def _fire_lsm(steps: Steps, hook: int) -> int:
    magic = magic_number(31) & ~COMMON_ATTRIBUTES
    steps.call = Call.MAP_CREATE
    counts = steps.keep(counting_map(magic))
    code, reference = counting_code(*COMMAND, returns=0)
    code = with_map(code, (reference,), counts)
    open_for(steps, load_for(steps, "lsm", "lsm", hook, code=code))
    with suppress(OSError):  # EINVAL, when nobody forbids it: there is no such command
        bpf(magic, bytes(8))
    steps.call = Call.MAP_LOOKUP
    return hits_in(counts)
