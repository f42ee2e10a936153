"""`bpfdoctor fix` without its arguments: check, plan, consent, apply, check again."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from bpfdoctor.fix.applying.applier import Applied
from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.commands.gate import authorize, authorize_proof
from bpfdoctor.fix.commands.options import DID_NOT_TAKE, FixOptions, Voice
from bpfdoctor.fix.commands.progress import applier_of
from bpfdoctor.fix.commands.render import plan_text
from bpfdoctor.fix.commands.run_result import closed, did_not_take
from bpfdoctor.fix.journal.write import Began, Journal, state_directory
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.fix.planning.planner import make_plan
from bpfdoctor.fix.planning.selection import require_known
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import Report

ROUNDS = 5
"""What one repair uncovers takes another: submodules can be judged once git is here."""


class CheckRequest(msgspec.Struct, frozen=True):
    """Which check `fix` asks for: with the smoke or without, with the privileged part by sudo."""

    smoke: bool
    elevated: bool = False


Examine = Callable[[CheckRequest], Report]
"""Examines this machine anew: nothing is remembered from before a change."""


def run_fix(  # noqa: PLR0913  (what a run is made of)
    options: FixOptions,
    check: Examine,
    machine: Machine,
    voice: Voice,
    *,
    patience: Patience = Patience(),  # noqa: B008  (frozen)
    finish: Callable[[Report], None] = lambda report: None,
    journal: Journal | None = None,
) -> int:
    """Repair this machine, and return the exit status of what it is now.

    `finish` is given the last report, to be shown; `journal` is that of a run that this is a part
    of. Raises BpfDoctorError where no journal can be kept, or where there is no such finding as one
    that was named.
    """
    repair = _Fix(options, check, machine, voice, patience)
    repair.journal = journal
    return repair.run(finish)


class _Fix:
    def __init__(
        self,
        options: FixOptions,
        check: Examine,
        machine: Machine,
        voice: Voice,
        patience: Patience,
    ) -> None:
        self.options, self.check, self.machine, self.voice = options, check, machine, voice
        self.applier = applier_of(machine, voice, patience)
        self.journal: Journal | None = None
        self.applied: list[Applied] = []
        self.settled: set[str] = set()
        self.declined = False

    def run(self, finish: Callable[[Report], None]) -> int:
        report = self.check(CheckRequest(smoke=False))
        require_known(report.findings, self.options.ids)
        if self.options.dry_run:
            return self._dry_run(report)
        report = self._rounds(report)
        if self._stopped_short():
            finish(report)
            return self._close(1)
        report = self._last_check(report)
        finish(report)
        return self._close(self._status(report))

    def _plan(self, report: Report) -> Plan:
        host = LiveHost(Machine(self.machine.environ, progress=self.machine.progress))
        try:
            return make_plan(report.findings, host, frozenset(self.options.ids))
        finally:
            host.close()

    def _dry_run(self, report: Report) -> int:
        """The plan and nothing else: 1 when there is something to do, for whoever asks a script."""
        plan = self._plan(report)
        redactor = Redactor.of(self.machine, report.project.path)
        self.voice.plan(plan, plan_text(plan), redactor)
        return 1 if plan.steps or plan.manual else 0

    def _rounds(self, report: Report) -> Report:
        """Plan, ask, apply and check again, until there is nothing new to do."""
        for _ in range(ROUNDS):
            plan = self._plan(report)
            new = [step for step in plan.steps if _identity(step) not in self.settled]
            if not new:
                self._show_manual(plan)
                break
            if not self._round(plan):
                break
            report = self.check(CheckRequest(smoke=False))
        return report

    def _round(self, plan: Plan) -> bool:
        """Show, ask and apply; False when nothing was done."""
        note = f"Afterwards everything is checked again{self._proof_shown()}."
        agreed = authorize(plan, self.options, self.applier.elevation, self.voice, note=note)
        self.declined = self.declined or agreed is None or agreed.steps != plan.steps
        self.settled |= {_identity(step) for step in plan.steps}
        if agreed is not None:
            self._apply(agreed)
        return agreed is not None

    def _proof_shown(self) -> str:
        """Consent to the plan is consent to this too."""
        if not self.options.smoke or not self.options.proof or os.geteuid() == 0:
            return ""
        return f", and what only root can prove by: {self.options.proof}"

    def _apply(self, plan: Plan) -> None:
        if self.journal is None:
            environ = self.machine.environ
            home = environ.get("HOME", "")
            self.journal = Journal.begin(state_directory(environ), plan, home)
        else:
            self.journal.write(Began(self.journal.run, "", plan))
        self.applied.append(self.applier.apply(plan, self.journal))

    def _show_manual(self, plan: Plan) -> None:
        if plan.manual:
            self.voice.say(plan_text(Plan((), plan.manual)))

    def _stopped_short(self) -> bool:
        """Declined before anything was done: what failed fails still, and was just seen to."""
        return self.declined and not self.applied

    def _last_check(self, report: Report) -> Report:
        """The proof. As root where that was consented to, for an ordinary user can prove little."""
        if not self.options.smoke:
            return report
        report = self.check(CheckRequest(smoke=True))
        undetermined = report.verdict.exit == 3
        if os.geteuid() == 0 or not undetermined or not self.options.proof:
            return report
        elevation, agreed = self.applier.elevation, bool(self.applied)
        if authorize_proof(self.options, elevation, self.voice, agreed=agreed):
            self.voice.say(f"Proving it as root: {self.options.proof}")
            return self.check(CheckRequest(smoke=True, elevated=True))
        self.voice.say(f"Not proven as root: {self.options.proof}")
        return report

    def _status(self, report: Report) -> int:
        """0 when the machine is ready; else 4 when something that was applied did not take."""
        if report.verdict.exit == 0:
            return 0
        fault = did_not_take(self.applied, report)
        if fault:
            self.voice.say(fault)
            return DID_NOT_TAKE
        return 1 if self.declined else report.verdict.exit

    def _close(self, status: int) -> int:
        return closed(self.journal, status, self.voice) if self.journal else status


def _identity(step: Step) -> str:
    """A step that was run, or refused, is not proposed again while it is the same."""
    return f"{step.id} {step.argv}"
