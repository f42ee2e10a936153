"""Helpers that the project's programs call, and that not every kernel has."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import (
    AskEnumerator,
    ByHand,
    Context,
    EnumeratorFacts,
    Finding,
    blocked,
    check,
    evidence,
    failed,
    passed,
    unknown,
)

SINCE = {
    "get_task_stack": "5.9, commit fa28dcb82a38",
    "trace_vprintk": "5.16, commit 10aceb629e19",
}
"""When mainline Linux got each helper that a project file names."""


@check("kernel.helpers", title="helpers called")
def kernel_helpers(context: Context) -> Iterator[Finding]:
    """Whether the kernel has the newer helpers that the project's programs call.

    The kernel lists its helpers in its enum bpf_func_id, which its BTF shows; distributions carry
    some back to older releases. bpf_printk with more than three values, for one, calls
    bpf_trace_vprintk, which came with Linux 5.16: the program is refused on an older kernel
    ("invalid func unknown#177").
    """
    programs = [context.project.program(name) for name in context.project.programs]
    helpers = [helper for program in programs if program for helper in program.helpers]
    for helper in dict.fromkeys(helpers):
        yield _judged(context, helper)


def _judged(context: Context, helper: str) -> Finding:
    question = AskEnumerator("bpf_func_id", f"BPF_FUNC_{helper}")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, EnumeratorFacts):
        if answer.absent or answer.reason == "broken":
            return blocked("the kernel shows no BTF", by=["kernel.btf"], about=helper)
        look = ByHand("As root: bpftool feature probe kernel | grep " + helper)
        return unknown(f"not known: {answer.reason}", about=helper, seen=seen, fixes=[look])
    if answer.value is not None:
        return passed(f"helper {answer.value}", about=helper, seen=seen)
    if not answer.enumeration:
        look = ByHand("As root: bpftool feature probe kernel | grep " + helper)
        summary = "this kernel's BTF has no enum bpf_func_id"
        return unknown(summary, about=helper, seen=seen, fixes=[look])
    newer = ByHand(f"Boot a newer kernel: it came with Linux {SINCE.get(helper, '(unknown)')}.")
    return failed(f"this kernel has no {helper}", about=helper, seen=seen, fixes=[newer])
