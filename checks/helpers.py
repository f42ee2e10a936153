"""Helpers that the project's programs call, and that not every kernel has."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, kernel

CALLED_BY_PLAIN_PROGRAMS = ("get_attach_cookie", "get_ns_current_pid_tgid", "trace_vprintk")
"""Helpers that are tried where the kernel shows no list of them; others are called by programs that
do not load there for want of BTF."""


@check(
    "kernel.helpers",
    title="helpers called",
    excused_by=("runtime.privileges", "kernel.program-types[socket_filter]"),
)
def kernel_helpers(context: Context) -> Iterator[Finding]:
    """Whether the kernel has the newer helpers that the project's programs call.

    The kernel lists its helpers in its enum bpf_func_id, which its BTF shows; distributions carry
    some back to older releases. Without BTF a program that calls the helper is loaded. bpf_printk
    with more than three values, for one, calls bpf_trace_vprintk, which came with Linux 5.16: the
    program is refused on an older kernel ("invalid func unknown#177"). libbpf itself calls
    bpf_get_attach_cookie in programs on USDT probes.
    """
    for helper in context.project.abouts("kernel.helpers"):
        yield _judged(context, helper)


def _judged(context: Context, helper: str) -> Finding:
    question = kernel.Enumerator("bpf_func_id", f"BPF_FUNC_{helper}")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    since = bpf.HELPERS[helper].origin if helper in bpf.HELPERS else "(unknown)"
    newer = [ByHand(f"Boot a newer kernel: it came with Linux {since}.")]
    if isinstance(answer, kernel.EnumeratorFacts) and answer.value is not None:
        return passed(f"helper {answer.value}", about=helper, seen=seen)
    if isinstance(answer, kernel.EnumeratorFacts) and answer.enumeration:
        return failed(f"this kernel has no {helper}", about=helper, seen=seen, fixes=newer)
    if isinstance(answer, NoAnswer) and not answer.absent and answer.reason != "broken":
        return _unlisted(answer.reason, helper, question, answer)
    if helper in CALLED_BY_PLAIN_PROGRAMS:
        means = {"EINVAL": "this kernel has no such helper"}
        called = bpf.Helper(bpf.HELPERS[helper].program, helper)
        return bpf.probed(context, called, f"bpf_{helper}", about=helper, means=means, fixes=newer)
    if isinstance(answer, NoAnswer):
        return bpf.without_btf(context, "kernel.btf", helper, loads=False)
    return _unlisted("its BTF has no enum bpf_func_id", helper, question, answer)


def _unlisted(
    reason: str, helper: str, question: kernel.Enumerator, answer: kernel.EnumeratorFacts | NoAnswer
) -> Finding:
    look = ByHand("As root: bpftool feature probe kernel | grep " + helper)
    seen = [evidence(question, answer)]
    return unknown(f"not known: {reason}", about=helper, seen=seen, fixes=[look])
