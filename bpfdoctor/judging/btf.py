"""What becomes of a thing that is looked for in the kernel's BTF, where that is not to be read."""

from __future__ import annotations

from bpfdoctor.contract import Context, blocked, failed, unknown
from bpfdoctor.host.btf.kernel_types import AskKernelBtf, BtfFacts
from bpfdoctor.host.question import evidence
from bpfdoctor.model import ByHand, Finding

OWN_ALONE = (
    "The kernel itself has to show it: see what is mounted over /sys, or boot one that does."
)


def is_sound(facts: BtfFacts) -> bool:
    """Whether a file of BTF is this kernel's, and whole."""
    return not facts.wrong and facts.kernel and facts.native


def without_btf(context: Context, by: str, about: str = "", *, loads: bool = True) -> Finding:
    """The finding on what is looked up in the kernel's own BTF, where nothing can be.

    `by`, which judges the kernel's BTF, is blamed where it cannot have passed: it looks at the BTF
    of the kernel's image too, which is no help to what is loaded by a type id (`loads`).
    """
    question = AskKernelBtf()
    answer = context.ask(question)
    if not isinstance(answer, BtfFacts) or not is_sound(answer):
        return blocked("the kernel shows no BTF", by=[by], about=about)
    seen = [evidence(question, answer)]
    if loads and answer.path and answer.path != question.path:
        summary = f"the kernel shows no BTF of its own; that of {answer.path} is no help here"
        return failed(summary, about=about, seen=seen, fixes=[ByHand(OWN_ALONE)])
    look = ByHand(f"bpftool btf dump file {answer.path or question.path}")
    summary = f"not looked up: the kernel shows no BTF at {question.path}"
    return unknown(summary, about=about, seen=seen, fixes=[look])
