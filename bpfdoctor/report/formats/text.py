"""Text for a person; paths and names are not redacted, so that its commands can be pasted."""

from __future__ import annotations

from bpfdoctor.report.documents import (
    InventoryDocument,
    PaperOf,
    PlanDocument,
    ProgramsDocument,
    ReportDocument,
)
from bpfdoctor.visible import page

REDACTED = False


def report(document: ReportDocument, paper: PaperOf) -> str:
    """Write what was found, what to do, how far each program gets, and the verdict."""
    from bpfdoctor.report.advice import pasteable
    from bpfdoctor.report.text import report_text

    found = pasteable(document.report, document.own_command)
    return report_text(found, paper(), document.explanations(), as_root=document.as_root)


def programs(document: ProgramsDocument, paper: PaperOf) -> str:
    """Write a row a program, and below them what is in the way."""
    from bpfdoctor.report.paper import bordered, prose
    from bpfdoctor.report.programs import cause_lines, heading_lines, table_lines

    sheet, found = paper(), document.report
    table = table_lines(found.programs, of_object=document.of_object)
    heading, behind = heading_lines(found), cause_lines(found, sheet)
    return sheet.printed([*map(prose, heading), *map(bordered, table), *map(prose, behind)])


def plan(document: PlanDocument, paper: PaperOf) -> str:
    """Write the words that a person consents to."""
    return document.words


def inventory(document: InventoryDocument, paper: PaperOf) -> str:
    """Write a line a check, and a few lines a project."""
    from bpfdoctor.report.inventory import inventory_lines

    return page(inventory_lines(document.inventory))
