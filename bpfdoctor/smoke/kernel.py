"""The first proof: the kernel runs a program of ours, and no compiler had a hand in it."""

from __future__ import annotations

from bpfdoctor.api import AskIdentity, Context
from bpfdoctor.host.bpf import instruction
from bpfdoctor.host.fire import Fire
from bpfdoctor.smoke.fired import outcomes_of
from bpfdoctor.smoke.model import Observed

BEFORE = b"".join(
    (
        instruction(0x79, 7, 1, 32),  # r7 = *(u64 *)(r1 + 32), the third argument of the call
        instruction(0x62, 10, 0, -4, 0),  # *(u32 *)(r10 - 4) = 0
        instruction(0xBF, 2, 10),  # r2 = r10
        instruction(0x07, 2, 0, 0, -4),  # r2 += -4
    )
)
REFERENCE = instruction(0x18, 1) + instruction(0)  # r1 = map ll
AFTER = b"".join(
    (
        instruction(0x85, 0, 0, 0, 1),  # call bpf_map_lookup_elem
        instruction(0x15, 0, 0, 4, 0),  # if r0 == 0 goto out
        instruction(0x79, 1, 0, 0),  # r1 = *(u64 *)(r0 + 0), the magic number
        instruction(0x5D, 1, 7, 2),  # if r1 != r7 goto out
        instruction(0xB7, 1, 0, 0, 1),  # r1 = 1
        instruction(0xDB, 0, 1, 8),  # lock *(u64 *)(r0 + 8) += r1, the hits
        instruction(0xB7, 0),  # out: r0 = 0
        instruction(0x95),  # exit
    )
)


def kernel_question() -> Fire:
    """What `prove_kernel` asks: to load, attach and fire a dozen hand-assembled instructions."""
    code = BEFORE + REFERENCE + AFTER
    return Fire(code.hex(), (len(BEFORE) // 8,), "hand-assembled instructions")


def prove_kernel(context: Context) -> Observed:
    """Load, attach and fire: each stage with the kernel's own word. Leaves nothing behind."""
    question = kernel_question()
    answer = context.ask(question)
    identity = context.ask(AskIdentity())
    return Observed("kernel", outcomes_of(question, answer, identity))
