"""The readiness table: every program of the project, a row each, a column a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.text import Text

from bpfdoctor.model import SCHEMA, ProgramResult, Proof, Readiness, Report, Stage, StageResult

CELLS = {
    Readiness.READY: ("ready", "green"),
    Readiness.NOT_READY: ("not ready", "bold red"),
    Readiness.UNKNOWN: ("unknown", "magenta"),
}
SEEN = "seen"
"""The cell of a stage that was observed to work."""

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


def _row(program: ProgramResult, names: int) -> Text:
    row = Text(f"  {program.name:{names}}")
    for stage in Stage:
        word, style = _cell(program.stages[stage])
        row.append("  ").append(f"{word:{WIDTH}}", style)
    causes = [key for stage in Stage for key in program.stages[stage].because]
    if causes:
        row.append("  " + ", ".join(dict.fromkeys(causes)))
    return row


def _cell(result: StageResult) -> tuple[str, str]:
    word, style = CELLS[result.readiness]
    if result.readiness is Readiness.READY and result.proof is Proof.OBSERVED:
        return SEEN, style
    return word, style


def programs_tree(report: Report) -> dict[str, Any]:
    """What `programs --json` prints: the report's `programs`, and what it takes to read them."""
    tree = msgspec.to_builtins(report)
    kept = {name: tree[name] for name in ("tool", "project", "host", "programs")}
    return {"schema": SCHEMA, **kept}
