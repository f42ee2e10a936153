"""What a smoke means: its checks, and the finding that comes of an observation."""

from __future__ import annotations

import msgspec

from bpfdoctor.api import (
    ByHand,
    Check,
    Context,
    Evidence,
    Finding,
    Findings,
    Instead,
    Stage,
    Status,
    check,
    unknown,
)
from bpfdoctor.model import Readiness
from bpfdoctor.smoke.model import Observed, Outcome


@check(
    "smoke.kernel",
    title="the kernel runs a BPF program",
    requires=(
        "kernel.bpf-syscall",
        "runtime.privileges",
        "kernel.program-types[tracepoint]",
        "kernel.maps",
        "runtime.event-privileges",
        "runtime.tracefs",
        "kernel.tracepoints[syscalls]",
    ),
)
def smoke_kernel(context: Context) -> Findings:
    """Loads and attaches a dozen instructions through bpf(2) and sees them run; no compiler.

    It asks whether this kernel lets this user run a BPF program at all. The program hangs on the
    tracepoint of a rare system call and counts only our own call of it, which carries a random
    number, so that it acts on nobody else and works in any PID namespace.

    Where this works and `smoke.program` does not, the fault is in the toolchain or the checkout;
    where neither works, it is the kernel, its configuration, or what confines this process.
    """
    from bpfdoctor.smoke.kernel import prove_kernel  # no run without a smoke takes it

    return finding_of(prove_kernel(context), Stage.FIRES)


@check("smoke.program", title="a program is built, and its event seen")
def smoke_program(context: Context) -> Findings:
    """Builds a selected program by its own makefile, runs it, and waits for its event.

    This is the proof: source, compiler, libbpf, kernel and privilege together. The build is made
    outside the checkout, which stays as it is. Each stage is judged for itself: `build`, `load`,
    `attach`, `fires`; the finding names the stage that failed and keeps the lines that show it.
    The evidence of success is the program's own event with its own process id.

    A program that disturbs the rest of the machine while it runs is run only when it is named.
    Leave the phase out with `--no-smoke`; what is then said of a program is predicted, not proven.
    """
    return None


@check("smoke.prediction", title="what was predicted is what was seen")
def smoke_prediction(context: Context) -> Findings:
    """Compares what the checks predicted of a program with what its smoke saw.

    A difference is a mistake of bpfdoctor's, or a fact that nobody knew of. What was seen counts.
    Please report it, with the file that `bpfdoctor check --record FILE` writes.
    """
    return None


CHECKS: tuple[Check, ...] = (smoke_kernel, smoke_program, smoke_prediction)
"""The checks of the smoke phase, for `list` and `explain`; run after all others."""


def finding_of(observed: Observed, upto: Stage) -> Finding:
    """`pass` when every stage up to `upto` was seen to work; else the first that was not."""
    wanted = [each for each in observed.outcomes if each.stage.order <= upto.order]
    seen = tuple(line for outcome in wanted for line in outcome.seen)
    stopped = next((each for each in wanted if each.happened is not True), None)
    if stopped is not None:
        return _stopped(stopped)
    if not wanted or wanted[-1].stage is not upto:
        return unknown(f"{upto.value} was not tried", seen=seen)
    last = wanted[-1]
    return Finding(Status.PASS, f"{last.stage.value}: {last.summary}", evidence=last.seen)


def _stopped(outcome: Outcome) -> Finding:
    status = Status.FAIL if outcome.happened is False else Status.UNKNOWN
    word = "failed" if outcome.happened is False else "not proven"
    summary = f"{outcome.stage.value} {word}: {outcome.summary}"
    return Finding(status, summary, evidence=outcome.seen)


def no_sources(program: str) -> Finding:
    """The `unknown` of a program whose project is not here."""
    finding = unknown("not built: none of its sources are here")
    return msgspec.structs.replace(finding, id=smoke_program.id, about=program)


def with_detour(finding: Finding, instead: Instead | None, program: str) -> Finding:
    """A finding that says by which command it came about, where that is not the user's."""
    if instead is None:
        return finding
    return msgspec.structs.replace(finding, summary=f"{instead.words(program)}: {finding.summary}")


def other_object(program: str, difference: str) -> Finding:
    """The `warn` that the build made another object than the one that was judged before it."""
    return Finding(
        Status.WARN,
        f"the object that the build made is another than the one that was judged: {difference}; a "
        "flag or a header of the build differs",
        id=smoke_prediction.id,
        about=program,
        fixes=(ByHand("Judge the object that the build made: bpfdoctor check --object OBJECT"),),
    )


def prediction_finding(program: str, stage: Stage, predicted: Readiness, seen: Finding) -> Finding:
    """The `warn` that a prediction was wrong."""
    expected = "work" if predicted is Readiness.READY else "fail"
    return Finding(
        Status.WARN,
        f"{stage.value} was expected to {expected}; the smoke test saw otherwise, and that counts",
        id=smoke_prediction.id,
        about=program,
        evidence=(Evidence(f"smoke of {program}", seen.summary), *seen.evidence),
        fixes=(ByHand("Please report this with the file of `bpfdoctor check --record FILE`."),),
    )
