"""How far each program gets, in lines: stages that fare alike share one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.text import Text

from bpfdoctor.model import ProgramResult, Proof, Readiness, Report, Stage, StageResult

WORDS = {
    Readiness.READY: ("ready", "green"),
    Readiness.NOT_READY: ("not ready", "bold red"),
    Readiness.UNKNOWN: ("unknown", "magenta"),
}


def readiness_lines(report: Report) -> list[Text]:
    """The selected programs, each up to the last stage that was asked for."""
    lines: list[Text] = []
    examined = {each.key for each in report.findings}
    selected = [each for each in report.programs if each.selected]
    names = max((len(each.name) for each in selected), default=0)
    for program in selected:
        last = report.selection.stage_of(program.name) or Stage.FIRES
        for number, line in enumerate(_program_lines(program, last, examined)):
            name = "" if number else program.name
            lines.append(Text(f"  {name:{names}}  ").append_text(line))
        lines += [Text(f"  {'':{names}}  {line}") for line in instead_lines(program)]
    return lines


def instead_lines(program: ProgramResult) -> list[str]:
    """What was seen of a program by another command than the user's."""
    instead = program.instead
    if instead is None:
        return []
    seen = instead.stages.items()
    ready = [stage.value for stage, each in seen if each.readiness is Readiness.READY]
    failed = [stage.value for stage, each in seen if each.readiness is Readiness.NOT_READY]
    told = [f"{', '.join(ready)} observed"] if ready else []
    told += [f"{', '.join(failed)} failed"] if failed else []
    return [f"{instead.instead.words(program.name)}: {'; '.join(told) or 'nothing was seen'}"]


def _program_lines(program: ProgramResult, last: Stage, examined: set[str]) -> Iterator[Text]:
    shown = [stage for stage in Stage if stage.order <= last.order and stage in program.stages]
    lines = {stage: _words(program.stages[stage], examined) for stage in shown}
    for words, group in groupby(shown, lambda stage: lines[stage]):
        stages = list(group)
        line = Text(", ".join(stage.value for stage in stages) + ": ").append_text(words)
        yield line.append(_whence(program, stages))


def _whence(program: ProgramResult, stages: Sequence[Stage]) -> str:
    """By what object some stages behind the build were predicted, in brackets."""
    last = program.stages[stages[-1]]
    if last.proof is Proof.OBSERVED or stages[-1] is Stage.BUILD:
        return ""
    fired = "not fired" if program.not_fired and stages[-1] is Stage.FIRES else ""
    told = "; ".join(each for each in (program.origin, fired) if each)
    return f" ({told})" if told else ""


def _words(result: StageResult, examined: set[str]) -> Text:
    word, style = WORDS[result.readiness]
    line = Text().append(word, style)
    if result.proof is not Proof.NONE:
        line.append(f", {result.proof.value}")
    known = [key for key in result.because if key in examined]
    if known:
        line.append(f", because of {', '.join(known)}")
    elif result.because:
        line.append(", not examined")
    return line


def limited(programs: Sequence[ProgramResult], key: str) -> list[str]:
    """The programs that a finding keeps from some stage."""
    return [
        program.name
        for program in programs
        if any(key in result.because for result in program.stages.values())
    ]
