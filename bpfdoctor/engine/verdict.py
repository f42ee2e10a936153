"""The one place that decides the exit status."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.api import Status, Target
from bpfdoctor.model import (
    ProgramResult,
    Proof,
    Readiness,
    Reported,
    Stage,
    StageResult,
    Verdict,
)

READY, NOT_READY, UNDETERMINED = 0, 1, 3
"""Exit statuses of a run that ended; the others (2, 4, 5, 128+n) are no verdict's."""


def judge(
    findings: Sequence[Reported], programs: Sequence[ProgramResult], targets: Sequence[Target]
) -> Verdict:
    """The verdict from what is needed and from how far the `targets` get."""
    results = _results(programs, targets)
    failed = [each for each in findings if each.needed and each.status is Status.FAIL]
    if failed or any(each.readiness is Readiness.NOT_READY for each in results):
        return Verdict(NOT_READY, Readiness.NOT_READY, _not_ready(failed, results))
    closed = (Status.UNKNOWN, Status.ERROR)
    unseen = [each for each in findings if each.needed and each.status in closed]
    if unseen or any(each.readiness is Readiness.UNKNOWN for each in results):
        return Verdict(UNDETERMINED, Readiness.UNKNOWN, _undetermined(unseen, results))
    return Verdict(READY, Readiness.READY, _ready(programs, targets, results))


def _results(programs: Sequence[ProgramResult], targets: Sequence[Target]) -> list[StageResult]:
    """The results of every selected stage."""
    last = {target.program: target.stage.order for target in targets}
    return [
        program.stages[stage]
        for program in programs
        for stage in Stage
        if stage.order <= last.get(program.name, -1)
    ]


def _not_ready(failed: Sequence[Reported], results: Sequence[StageResult]) -> str:
    causes = "; ".join(f"{each.key}: {each.summary}" for each in failed)
    return f"Not ready: {causes or _because(results, Readiness.NOT_READY)}."


def _undetermined(unseen: Sequence[Reported], results: Sequence[StageResult]) -> str:
    causes = "; ".join(f"{each.key}: {each.summary}" for each in unseen)
    what = causes or _because(results, Readiness.UNKNOWN)
    return f"Undetermined: nothing needed failed, but this could not be seen: {what}."


def _because(results: Sequence[StageResult], readiness: Readiness) -> str:
    keys = [key for each in results if each.readiness is readiness for key in each.because]
    return ", ".join(dict.fromkeys(keys))


def _ready(
    programs: Sequence[ProgramResult], targets: Sequence[Target], results: Sequence[StageResult]
) -> str:
    if not results:
        return "Ready: all that was asked for passes."
    names = ", ".join(
        each.program if each.stage is Stage.FIRES else f"{each.program} (to {each.stage.value})"
        for each in targets
    )
    return f"Ready: {names}; {_proven(programs, results)}."


def _proven(programs: Sequence[ProgramResult], results: Sequence[StageResult]) -> str:
    if all(each.proof is Proof.OBSERVED for each in results):
        return "proven by running"
    others = [
        each.name
        for each in programs
        if not each.selected and each.stages[Stage.FIRES].proof is Proof.OBSERVED
    ]
    if others:
        return f"predicted; proven by running: {', '.join(others)}"
    return "predicted, not proven by running"
