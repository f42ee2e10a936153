"""The first proof: the kernel runs a program of ours, and no compiler had a hand in it."""

from __future__ import annotations

from bpfdoctor.api import AskIdentity, Context
from bpfdoctor.host.bpf.asm import BPF_DW, BPF_REG_1, BPF_REG_7
from bpfdoctor.host.bpf.counting import counting_code
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.bpf.macros import ldx_mem
from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.smoke.fire_outcomes import outcomes_of
from bpfdoctor.smoke.model import Observed

THIRD_ARGUMENT = ldx_mem(BPF_DW, BPF_REG_7, BPF_REG_1, 32)
"""r7 = *(u64 *)(r1 + 32): where a tracepoint syscalls:sys_enter_* has it."""


def kernel_question() -> Fire:
    """What `prove_kernel` asks: to load, attach and fire a dozen hand-assembled instructions."""
    code, reference = counting_code(THIRD_ARGUMENT, returns=1)
    return Fire(code.hex(), (reference,), "hand-assembled instructions")


def kernel_grant() -> Grant:
    """What lets root run them: nothing was built."""
    question = kernel_question()
    return grant_of("Fire", (question.code, question.map_references))


def prove_kernel(context: Context) -> Observed:
    """Load, attach and fire: each stage with the kernel's own word. Leaves nothing behind."""
    question = kernel_question()
    answer = context.ask(question)
    identity = context.ask(AskIdentity())
    return Observed("kernel", outcomes_of(question, answer, identity))
