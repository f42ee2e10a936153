"""JSON for other programs: the report's fields are stable, and it is redacted."""

from __future__ import annotations

from typing import Any

import msgspec

from bpfdoctor import __version__
from bpfdoctor.model import SCHEMA, Report, Tool
from bpfdoctor.report.causes import of_programs
from bpfdoctor.report.documents import (
    ErrorDocument,
    InventoryDocument,
    PaperOf,
    PlanDocument,
    ProgramsDocument,
    ReportDocument,
)
from bpfdoctor.report.error_report import ErrorReport, Trouble

FIRST = ("schema", "tool", "started", "seconds", "verdict", "project", "host", "findings")
"""The order in which a reader meets the report; what is not named here comes after."""


def report(document: ReportDocument, paper: PaperOf) -> bytes:
    """Write the whole report."""
    return indented(ordered(msgspec.to_builtins(document.report)))


def programs(document: ProgramsDocument, paper: PaperOf) -> bytes:
    """Write the programs, and the findings that stand in their way."""
    return indented(ordered(programs_tree(document.report)))


def plan(document: PlanDocument, paper: PaperOf) -> bytes:
    """Write the steps of a plan, and what is left to a person."""
    return indented(msgspec.to_builtins(document.plan))


def inventory(document: InventoryDocument, paper: PaperOf) -> bytes:
    """Write the checks and the projects."""
    return indented(msgspec.to_builtins(document.inventory))


def error(document: ErrorDocument, paper: PaperOf) -> bytes:
    """Write why there is no other document."""
    trouble = Trouble(document.kind, document.message, document.hint)
    tree = msgspec.to_builtins(ErrorReport(Tool("bpfdoctor", __version__), trouble))
    return indented(ordered(tree))


def programs_tree(report: Report) -> dict[str, Any]:
    """Return the report's `programs`, and what it takes to read them.

    Its `findings` are those that stand in the way of a program.
    """
    tree = msgspec.to_builtins(of_programs(report))
    kept = ("tool", "project", "host", "findings", "programs")
    return {"schema": SCHEMA, **{name: tree[name] for name in kept}}


def ordered(tree: dict[str, Any]) -> dict[str, Any]:
    """Put the report's fields in the order in which a reader meets them."""
    order = [name for name in FIRST if name in tree] + [name for name in tree if name not in FIRST]
    return {name: tree[name] for name in order}


def indented(tree: dict[str, Any]) -> bytes:
    """Write plain data as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(encodable(tree))) + b"\n"


def encodable(tree: Any) -> Any:
    """Return `tree` with what no encoding can hold (lone surrogates) as escapes."""
    if isinstance(tree, str):
        return tree.encode("utf-8", "backslashreplace").decode()
    if isinstance(tree, dict):
        return {encodable(key): encodable(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [encodable(each) for each in tree]
    return tree
