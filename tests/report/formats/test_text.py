"""Text as a format: what it does of each document."""

from __future__ import annotations

from msgspec.structs import replace

from bpfdoctor.model import Report, Run
from bpfdoctor.report.advice import pasteable
from bpfdoctor.report.documents import (
    InventoryDocument,
    PlanDocument,
    ProgramsDocument,
    ReportDocument,
)
from bpfdoctor.report.formats import text
from bpfdoctor.report.inventory import Inventory, ListedCheck, ListedProgram, ListedProject
from bpfdoctor.report.paper import Paper

OWN = ("/opt/bin/bpfdoctor",)


def with_fix(report: Report, *argv: str) -> Report:
    first = replace(report.findings[0], fixes=(Run(argv),))
    return replace(report, findings=(first,))


def test_a_command_of_our_own_can_be_pasted_below_any_path(broken: Report) -> None:
    report = with_fix(broken, "bpfdoctor", "check", "--sudo")
    written = text.report(ReportDocument(report, dict, OWN), Paper)
    assert "$ /opt/bin/bpfdoctor check --sudo\n" in written


def test_a_command_of_others_stays_as_it_is(broken: Report) -> None:
    report = with_fix(broken, "make", "bpfdoctor")
    assert pasteable(report, OWN) == report


def test_who_reads_as_root_is_not_told_to_use_sudo(broken: Report) -> None:
    assert "sudo" in text.report(ReportDocument(broken, dict, OWN), Paper)
    assert "sudo" not in text.report(ReportDocument(broken, dict, OWN, as_root=True), Paper)


def test_only_of_an_object_the_table_says_what_loading_alone_tells(broken: Report) -> None:
    note = "only loading it tells"
    assert note in text.programs(ProgramsDocument(broken, of_object=True), Paper)
    assert note not in text.programs(ProgramsDocument(broken), Paper)


def test_a_plan_is_the_words_that_are_consented_to() -> None:
    assert text.plan(PlanDocument(None, "1. this\n"), Paper) == "1. this\n"


def test_the_list_names_each_subject_once_and_the_default_programs() -> None:
    checks = [ListedCheck(name, f"of {name}", (), False) for name in ("a.one", "a.two", "b.one")]
    programs = (
        ListedProgram("p", "the first", {"build": ("a.one", "b.one"), "load": ()}),
        ListedProgram("q", "the second", {}),
    )
    project = ListedProject("it", "It", "flat", ("p",), programs)
    inventory = Inventory(tuple(checks), (project,))
    assert text.inventory(InventoryDocument(inventory), Paper).splitlines() == [
        "a",
        "  a.one  of a.one",
        "  a.two  of a.two",
        "",
        "b",
        "  b.one  of b.one",
        "",
        "project it: It (flat)",
        "  p (default): the first",
        "      build: a.one, b.one",
        "  q: the second",
        "",
    ]
