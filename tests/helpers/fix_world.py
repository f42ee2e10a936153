"""A machine on which files have to exist: `fix` makes them with real commands."""

from __future__ import annotations

import os
from pathlib import Path

from bpfdoctor.fix.commands.fix import CheckRequest, run_fix
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.commands.undo import run_undo
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import (
    Fix,
    HostFacts,
    ProjectFacts,
    Readiness,
    Report,
    Reported,
    Run,
    Status,
    Tool,
    Verdict,
)

YES = FixOptions(yes=True)


def report(findings: tuple[Reported, ...], status: int) -> Report:
    readiness = Readiness.READY if status == 0 else Readiness.NOT_READY
    return Report(
        tool=Tool("bpfdoctor", "0"),
        started="",
        seconds=0,
        verdict=Verdict(status, readiness, ""),
        project=ProjectFacts("p", "", ""),
        host=HostFacts("", "", "", privileged=False),
        findings=findings,
        programs=(),
    )


def no_dry_run(plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
    """Fail: no plan of a dry run is expected."""
    raise AssertionError("a gate is not there for a dry run")


class World:
    """A machine on which some files have to exist, each with the fix that makes it."""

    def __init__(self, tmp_path: Path) -> None:
        self.place = tmp_path / "world"
        self.place.mkdir()
        self.fixes: dict[str, tuple[Fix, ...]] = {}
        self.checks: list[CheckRequest] = []
        self.said: list[str] = []
        self.written: list[str] = []
        self.shown = Plan()
        self.answer: str | None = None
        self.machine = Machine({**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")})
        self.state = tmp_path / "state/bpfdoctor"

    def touch(self, name: str, *, undo: bool = True) -> None:
        path = str(self.place / name)
        self.fixes[name] = (Run(("touch", path), undo=("rm", path) if undo else ()),)

    def needs(self, name: str, *fixes: Fix) -> None:
        self.fixes[name] = fixes

    def check(self, wanted: CheckRequest) -> Report:
        self.checks.append(wanted)
        missing = [name for name in self.fixes if not (self.place / name).exists()]
        found = tuple(self.finding(name) for name in missing)
        return report(found, 1 if missing else 0)

    def finding(self, name: str) -> Reported:
        key = f"world.{name}"
        return Reported(key, "", key, "", Status.FAIL, True, "", (), self.fixes[name], ())

    def voice(self) -> Voice:
        return Voice(self.written.append, self.said.append, self.ask, False, self.show)

    def show(self, plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
        self.shown = redactor.value(plan)

    def ask(self, question: str) -> str | None:
        return self.answer

    def fix(self, options: FixOptions = YES) -> int:
        return run_fix(options, self.check, self.machine, self.voice())

    def undo(self, options: FixOptions = YES) -> int:
        return run_undo("", options, self.machine, self.voice())

    def names(self) -> list[str]:
        return sorted(os.listdir(self.place))
