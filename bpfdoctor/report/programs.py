"""The readiness table: every program of the project, a row each, a column a stage."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from bpfdoctor.model import (
    ProgramResult,
    Proof,
    Readiness,
    Report,
    Stage,
    StageResult,
    Subject,
)
from bpfdoctor.report.causes import causes
from bpfdoctor.report.paper import Paper

CELLS = {
    Readiness.READY: ("ready", "green"),
    Readiness.NOT_READY: ("not ready", "bold red"),
    Readiness.UNKNOWN: ("unknown", "magenta"),
}
SEEN = "seen"
"""The cell of a stage that was observed to work."""

NOT_FIRED = "not fired"
"""That it fires is predicted from its attachment alone."""

LEGEND = "seen: observed to work; ready: predicted from what was examined"
OF_AN_OBJECT = "what the verifier says of an object's own code, only loading it tells"
WIDTH = max(len(word) for word, _ in CELLS.values())


def table_lines(programs: Sequence[ProgramResult], *, of_object: bool = False) -> list[Text]:
    """A heading and a row a program; what stands in the way of a row is at its end.

    `of_object`: the programs are those of a compiled object, whose code nobody here knows.
    """
    names = max((len(each.name) for each in programs), default=0)
    heading = Text("  " + "".ljust(names), "dim")
    for stage in Stage:
        heading.append(f"  {stage.value:{WIDTH}}")
    rows = [_row(each, names) for each in programs]
    for line in (heading, *rows):
        line.rstrip()
    legend = [LEGEND, OF_AN_OBJECT] if of_object else [LEGEND]
    return [heading, *rows, *(Text(f"  {each}", "dim") for each in legend)]


def heading_lines(report: Report) -> list[Text]:
    """What is to be known before the table is read: that there are no sources."""
    if report.verdict.subject is not Subject.PROJECT:
        return []
    name = report.project.name
    return [Text(f"{name}: nothing was cloned, and nothing is judged of its sources")]


def _row(program: ProgramResult, names: int) -> Text:
    row = Text(f"  {program.name:{names}}")
    for stage in Stage:
        word, style = _cell(program.stages[stage])
        row.append("  ").append(f"{word:{WIDTH}}", style)
    causes = [key for stage in Stage for key in program.stages[stage].because]
    if causes:
        row.append("  " + ", ".join(dict.fromkeys(causes)))
    whence = [program.origin, NOT_FIRED if program.not_fired else ""]
    if told := "; ".join(each for each in whence if each):
        row.append(f"  ({told})", "dim")
    return row


def _cell(result: StageResult) -> tuple[str, str]:
    word, style = CELLS[result.readiness]
    if result.readiness is Readiness.READY and result.proof is Proof.OBSERVED:
        return SEEN, style
    return word, style


def cause_lines(report: Report, paper: Paper) -> list[Text]:
    """What stands in the way of any program, in a sentence each."""
    lines: list[Text] = []
    for each in causes(report):
        head = f"  {each.status.value}  {each.key}: "
        lines += map(Text, paper.broken(each.summary, 6, head))
    return [Text(""), *lines] if lines else []
