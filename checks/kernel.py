"""Which kernel runs."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Finding, Stage
from bpfdoctor.api import check, evidence, passed, unknown, warned
from bpfdoctor.api import kernel, machine


@check("kernel.release", title="kernel release and distribution")
def kernel_release(context: Context) -> Finding:
    """Which kernel runs, on which architecture and distribution.

    Nothing is decided by a number: distributions carry features back to old releases (RHEL 8 calls
    itself 4.18 and has ring buffers), so a release below what a selected program is known to need
    is a warning, and the probes of what the kernel can do decide.
    """
    running = context.ask(kernel.AskKernel())
    if not isinstance(running, kernel.Kernel):
        return unknown(
            "the kernel's release is not known", seen=[evidence(kernel.AskKernel(), running)]
        )
    distribution = context.ask(machine.AskDistribution())
    seen = [evidence(kernel.AskKernel(), running)]
    seen.append(evidence(machine.AskDistribution(), distribution))
    place = (
        distribution.name
        if isinstance(distribution, machine.Distribution)
        else "no os-release file"
    )
    summary = f"{running.release} {running.architecture}, {place}"
    older = [f"{name} ({least})" for name, least in _newer_needed(context, running.release)]
    if not older:
        return passed(summary, seen=seen)
    return warned(
        f"{summary}: older than is known to be needed by {', '.join(older)}",
        seen=seen,
        fixes=[ByHand("If the other checks pass, this kernel has the features all the same.")],
    )


def _newer_needed(context: Context, release: str) -> Iterator[tuple[str, str]]:
    """The selected programs that are known on newer kernels only, each with its oldest."""
    here = kernel.version(release)
    for target in context.selection.targets:
        program = context.project.program(target.program)
        known = program.kernel if program and target.stage is not Stage.BUILD else ""
        if known and (0, 0) < here < kernel.version(known):
            yield target.program, known
