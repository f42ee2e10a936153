"""Every line of real reports and plans, pasted whole into a shell, runs nothing and writes nothing.

What begins with `$ ` is a command to type; without that mark it does what it says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

import msgspec
import pytest
from pasted import Shell

from bpfdoctor.cli.boundary import say_error
from bpfdoctor.cli.examine import Examined, examined
from bpfdoctor.cli.explain import explanation
from bpfdoctor.cli.list import inventory
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.render import explanations
from bpfdoctor.engine.session import all_checks
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.catalogue.boot import ways
from bpfdoctor.fix.commands.render import commands_text, plan_text
from bpfdoctor.fix.plan import Manual, Plan
from bpfdoctor.fix.planning.planner import make_plan
from bpfdoctor.host.record import RecordedHost, read_snapshot
from bpfdoctor.model import Reported, Status
from bpfdoctor.projects.reader import kinds
from bpfdoctor.report.documents import InventoryDocument, ProgramsDocument, ReportDocument
from bpfdoctor.report.formats import text
from bpfdoctor.report.paper import Paper
from bpfdoctor.shell import MARK

HERE = Path(__file__).parent
RECORDED = [path for path in sorted(HERE.glob("hosts/*.json")) if path.name != "seen.json"]
RECORDED += sorted(HERE.glob("snapshots/*/snapshot.json"))
OWN = ("/opt/bin/bpfdoctor",)


@cache
def run_of(snapshot: Path, project: str) -> Examined:
    return examined(Given(snapshot=str(snapshot), project=project))


def runs() -> Iterable[Examined]:
    for snapshot in RECORDED:
        yield run_of(snapshot, "")


@cache
def said() -> tuple[str, ...]:
    """The lines of every report, table, plan, explanation and list, wide and narrow."""
    pages: list[str] = []
    for run in runs():
        report = ReportDocument(run.report, explanations, OWN)
        pages += (text.report(report, partial(Paper, width)) for width in (0, 40, 72))
        pages.append(text.programs(ProgramsDocument(run.report), Paper))
    checks = all_checks().checks
    pages.append(text.inventory(InventoryDocument(inventory(checks, kinds().values())), Paper))
    pages += ("\n".join(explanation(check)) for check in checks)
    pages += map(plan_text, plans())
    pages += map(commands_text, plans())
    pages += (path.read_text() for path in HERE.glob("report/golden/*[0-9y].txt"))
    return tuple(dict.fromkeys(line for page in pages for line in page.splitlines()))


@cache
def plans() -> tuple[Plan, ...]:
    """What would be done on each recorded machine, were all that it knows to be wanting."""
    found: list[Plan] = []
    for snapshot, run in zip(RECORDED, runs(), strict=True):
        host = RecordedHost(read_snapshot(snapshot))
        wanting = tuple(map(failing, run.report.findings))
        found.append(make_plan(wanting, host, frozenset(each.key for each in wanting)))
    return tuple(found)


def failing(finding: Reported) -> Reported:
    return msgspec.structs.replace(finding, status=Status.FAIL, needed=True)


def commands() -> list[str]:
    return [line for line in said() if line.lstrip().startswith(MARK)]


def test_there_are_lines_of_every_kind() -> None:
    assert len(said()) > 1000
    assert len(commands()) > 20
    assert any(" > " in line for line in commands())
    assert any(line.lstrip().startswith("| ran: ") for line in said())


def test_no_line_does_anything_where_it_is_pasted_whole(tmp_path: Path) -> None:
    assert Shell(tmp_path).paste(said()) == []


def test_each_command_runs_without_its_mark(tmp_path: Path) -> None:
    syntax = "\n".join(line.lstrip().removeprefix(MARK) for line in commands())
    ended = subprocess.run(
        ["/bin/bash", "-n"], input=syntax, text=True, capture_output=True, check=False
    )
    assert ended.stderr == ""


def test_the_steps_that_change_how_a_machine_boots_are_commands_or_words(tmp_path: Path) -> None:
    manual = [
        Manual(
            ("k",), "\n".join(("Boot with it:", *(f"  {line.replace('{}', 'x')}" for line in way)))
        )
        for each in ways().values()
        for way in (each.add, each.remove)
    ]
    shown = plan_text(Plan((), tuple(manual))).splitlines()
    assert any("GRUB_CMDLINE_LINUX" in line and line.lstrip().startswith(MARK) for line in shown)
    assert Shell(tmp_path).paste(shown) == []


@pytest.mark.parametrize(
    "hint", ["make room for it, or raise the limit", "did you mean check?", "name > file"]
)
def test_a_hint_below_an_error_runs_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], hint: str
) -> None:
    error = BpfDoctorError("there is none `pwned` > x; pwned", hint)
    say_error(error.message, error.hint)
    lines = capfd.readouterr().err.splitlines()
    assert lines[1].lstrip("| ") == f"hint: {hint}"
    assert Shell(tmp_path).paste(lines) == []
