"""Two good checks: one asks the machine, one gates."""

from bpfdoctor.api import (
    AskKernel,
    Context,
    Findings,
    NoAnswer,
    check,
    evidence,
    failed,
    passed,
    unknown,
)


@check("sample.kernel", title="the kernel's release", limit=30)
def kernel(context: Context) -> Findings:
    """Which kernel runs; asked over the pipe."""
    answer = context.ask(AskKernel())
    if isinstance(answer, NoAnswer):
        return unknown(answer.shown())
    return passed(answer.release, about="running", seen=[evidence(AskKernel(), answer)])


@check("sample.gate", title="a gate", requires=("sample.kernel",), gates=True)
def gate(context: Context) -> Findings:
    """Fails, and counts whatever is selected."""
    return failed(f"not with {context.project.name}")
