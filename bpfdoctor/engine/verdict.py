"""The one place that decides the exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bpfdoctor.api import Status
from bpfdoctor.model import (
    ProgramResult,
    Proof,
    Readiness,
    Reported,
    Stage,
    StageResult,
    Subject,
    Verdict,
)

READY, NOT_READY, UNDETERMINED = 0, 1, 3
"""Exit statuses of a run that ended; the others (2, 4, 5, 128+n) are no verdict's."""

NAMED = 8
"""Programs that a verdict names."""

UNSEEN = StageResult(Readiness.UNKNOWN, Proof.NONE)


class AskedStages(NamedTuple):
    """A program, and the stages of it that the user asked for, in order."""

    program: str
    stages: tuple[Stage, ...]


def judge(
    findings: Sequence[Reported],
    programs: Sequence[ProgramResult],
    asked: Sequence[AskedStages],
    subject: Subject = Subject.CHECKOUT,
) -> Verdict:
    """The verdict from what is needed and from how far the programs get that were asked for.

    A stage that was asked for and is not known to be ready is undetermined, whatever the reason.
    """
    results = _results(programs, asked)
    failed = [each for each in findings if each.needed and each.status is Status.FAIL]
    if failed or any(each.readiness is Readiness.NOT_READY for each in results):
        summary = _not_ready(failed, results, programs)
        return Verdict(NOT_READY, Readiness.NOT_READY, summary, subject)
    unseen = _unseen(findings)
    if unseen or not results or any(each.readiness is Readiness.UNKNOWN for each in results):
        summary = _undetermined(unseen, results, _unexamined(programs, asked))
        return Verdict(UNDETERMINED, Readiness.UNKNOWN, summary, subject)
    return Verdict(READY, Readiness.READY, _ready(asked, results, subject), subject)


def judge_chosen(findings: Sequence[Reported], subject: Subject = Subject.CHECKOUT) -> Verdict:
    """The verdict on chosen checks alone; it tells of no program, and has no readiness.

    What a chosen check was kept from finding out is not known, nor is it where none found anything.
    """
    counted = [each for each in findings if each.needed]
    failed = [each for each in counted if each.status is Status.FAIL]
    skipped = [each for each in counted if each.status is Status.SKIP]
    unseen = [*_unseen(findings), *skipped]
    if failed:
        status, said = NOT_READY, f"Not all of the chosen checks pass: {_told(failed)}"
    elif unseen or not counted:
        nothing = "none of the chosen checks applies here"
        status, said = UNDETERMINED, f"Undetermined: {_told(unseen) or nothing}"
    else:
        status, said = READY, _passing(len({each.id for each in counted}))
    return Verdict(status, None, f"{said}; no program was judged.", subject)


def _passing(count: int) -> str:
    return "The chosen check passes" if count == 1 else f"The {count} chosen checks pass"


def _unseen(findings: Sequence[Reported]) -> list[Reported]:
    closed = (Status.UNKNOWN, Status.ERROR)
    return [each for each in findings if each.needed and each.status in closed]


def _results(programs: Sequence[ProgramResult], asked: Sequence[AskedStages]) -> list[StageResult]:
    """The results of every stage that was asked for; of one that nobody examined, too.

    A program that was asked for and has no stage to judge is not judged by the others'.
    """
    rows = {each.name: each.stages for each in programs}
    judged = [rows.get(each.program, {}).get(s, UNSEEN) for each in asked for s in each.stages]
    return judged + [UNSEEN for each in asked if not each.stages]


def _told(findings: Sequence[Reported]) -> str:
    return "; ".join(f"{each.key}: {each.summary}" for each in findings)


def _not_ready(
    failed: Sequence[Reported],
    results: Sequence[StageResult],
    programs: Sequence[ProgramResult],
) -> str:
    causes = _told(failed) or _because(results, Readiness.NOT_READY)
    others = _others([each for each in programs if each.selected])
    if others:
        return f"Not ready as it stands: {causes}; {others}."
    return f"Not ready: {causes}."


def _others(programs: Sequence[ProgramResult]) -> str:
    """Say how far other commands bring the programs, and which ones where it is not all alike."""
    found: dict[str, list[str]] = {}
    for each in programs:
        found.setdefault(_otherwise(each), []).append(each.name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{way}: {_listed(names)}" for way, names in found.items() if way)


def _otherwise(program: ProgramResult) -> str:
    """Say how far another command was seen to bring a program; empty where it does not work."""
    instead = program.instead
    if instead is None or not instead.stages:
        return ""
    if any(each.readiness is not Readiness.READY for each in instead.stages.values()):
        return ""
    last = max(instead.stages, key=lambda stage: stage.order)
    seen = "proven by running" if last is Stage.FIRES else f"seen to {last.value}"
    return f"{instead.instead.words()} {seen}"


def _unexamined(programs: Sequence[ProgramResult], asked: Sequence[AskedStages]) -> str:
    """The first stage of each program about which nothing is known, not even why."""
    rows = {each.name: each.stages for each in programs}
    blank = (
        [f"{each.program} to {s.value}" for s in each.stages if _blank(rows, each.program, s)]
        if each.stages
        else [each.program]
        for each in asked
    )
    return _listed([each[0] for each in blank if each])


def _blank(rows: Mapping[str, Mapping[Stage, StageResult]], program: str, stage: Stage) -> bool:
    result = rows.get(program, {}).get(stage, UNSEEN)
    return result.readiness is Readiness.UNKNOWN and not result.because


def _listed(names: Sequence[str]) -> str:
    """Join names by commas; of many, the first ones and the number of the others."""
    more = len(names) - NAMED
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _undetermined(
    unseen: Sequence[Reported], results: Sequence[StageResult], unexamined: str
) -> str:
    what = _told(unseen) or _because(results, Readiness.UNKNOWN)
    what = what or (f"{unexamined}: not examined" if unexamined else "nothing was examined")
    return f"Undetermined: no required check failed, but this could not be determined: {what}."


def _because(results: Sequence[StageResult], readiness: Readiness) -> str:
    keys = [key for each in results if each.readiness is readiness for key in each.because]
    return ", ".join(dict.fromkeys(keys))


def _ready(asked: Sequence[AskedStages], results: Sequence[StageResult], subject: Subject) -> str:
    names = _listed([_name(each) for each in asked])
    seen = all(each.proof is Proof.OBSERVED for each in results)
    if subject is Subject.MACHINE and any(Stage.FIRES in each.stages for each in asked):
        proof = "proven by running one" if seen else "predicted, not proven by running"
        can = "this machine can build, load and run BPF programs"
        alone = "There is no project here: nothing in this directory was checked"
        return f"Ready: {can}; {proof}. {alone}."
    proof = "proven by running" if seen else "predicted, not proven by running"
    if subject is Subject.OBJECT:
        proof += "; what the verifier says of the code, only loading it tells"
    return f"Ready: {names}; {proof}."


def _name(asked: AskedStages) -> str:
    last = asked.stages[-1]
    return asked.program if last is Stage.FIRES else f"{asked.program} (to {last.value})"
