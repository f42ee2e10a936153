"""One run from end to end: project, selection, checks, smoke, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone

from bpfdoctor import __version__
from bpfdoctor.api import Check, Context, Host, Project, Stage
from bpfdoctor.api.late import take
from bpfdoctor.engine.collect import broken_findings, host_facts, program_results, reported
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.installed import entries
from bpfdoctor.engine.load import Loaded, load_checks
from bpfdoctor.engine.needed import chosen_keys, needed_keys
from bpfdoctor.engine.readiness import Stages, observe, predict
from bpfdoctor.engine.schedule import Nobody, Observer, run_checks, settle_skips
from bpfdoctor.engine.select import (
    Options,
    choose_checks,
    choose_project,
    choose_selection,
    expand,
)
from bpfdoctor.engine.smoke import Smoke, smoke_key, smoke_targets
from bpfdoctor.engine.verdict import judge
from bpfdoctor.model import ProjectFacts, Report, Tool
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS, smoke_kernel, smoke_program

__all__ = ["Options", "all_checks", "examine"]


def all_checks() -> Loaded:
    """Ours, those of the smoke phase, and whatever third parties have installed."""
    ours = load_checks()
    known = (*ours.checks, *SMOKE_CHECKS)
    if not entries():
        return Loaded(known, ours.broken)
    from bpfdoctor.engine.thirdparty import load_third_party

    return Loaded((*known, *load_third_party(known)), ours.broken)


def examine(
    host: Host, options: Options, observer: Observer | None = None, *, checks: Loaded | None = None
) -> Report:
    """Examine a machine. Raises BpfDoctorError where the options make no sense here."""
    loaded = checks or all_checks()

    def one(options: Options) -> Report:
        return _Session(host, options, observer or Nobody(), loaded).report()

    if options.objects:
        from bpfdoctor.engine.objects import examine_objects

        return examine_objects(host, options, one)
    return one(options)


class _Session:
    def __init__(self, host: Host, options: Options, observer: Observer, loaded: Loaded) -> None:
        self.began, self.started = time.monotonic(), datetime.now(timezone.utc)
        self.host, self.options, self.observer, self.loaded = host, options, observer, loaded
        self.project = choose_project(host, options)
        self.selection = choose_selection(host, self.project, options)
        self.context = Context(host, self.project, self.selection, may_build=options.smoke)

    def report(self) -> Report:
        chosen = choose_checks(self.loaded.checks, self.project, self.selection, self.options)
        late = {check.id for check in SMOKE_CHECKS}
        early = [check for check in chosen if check.id not in late]
        if not self.options.only:
            take(self._parts())
        findings = settle_skips(run_checks(early, self.context, self.observer))
        for finding in broken_findings(self.loaded.broken):
            findings.add(finding)
        smoke = Smoke(self.context, findings, self.observer)
        wanted = self._proofs(chosen)
        if wanted:
            self._smoke(smoke, wanted)
        return self._report(findings, smoke, smoked=bool(wanted))

    def _parts(self) -> list[str]:
        """What a run of all checks asks about: of objects and submodules where there are any."""
        there = {"objects": self.project.object, "git": self.project.path}
        parts = ("bpf", "files", "kernel", "machine", "privilege", "tools", "git", "objects")
        return [part for part in parts if there.get(part, True)]

    def _proofs(self, chosen: Sequence[Check]) -> frozenset[str]:
        """The proofs to be made: all, unless left out or not among the chosen."""
        ids = frozenset(check.id for check in SMOKE_CHECKS)
        if not self.options.smoke or self.project.object:  # an object is not run
            return frozenset()
        if self.options.only:
            return ids & {check.id for check in chosen}
        return ids - expand(self.options.skip, [check.id for check in self.loaded.checks])

    def _smoke(self, smoke: Smoke, wanted: frozenset[str]) -> None:
        targets = self.selection.targets
        if smoke_kernel.id in wanted and any(t.stage is not Stage.BUILD for t in targets):
            smoke.prove_kernel()
        if smoke_program.id in wanted:
            for project, target in smoke_targets(self.project, targets):
                smoke.prove(project, target, named=self.selection.explicit)

    def _rows(self, findings: Findings, smoke: Smoke) -> dict[str, Stages]:
        """Every program of the project, and the embedded one where it stood in for them."""
        projects: dict[str, Project] = dict.fromkeys(self.project.programs, self.project)
        for project, target in smoke_targets(self.project, self.selection.targets):
            if target.program in smoke.observed:
                projects.setdefault(target.program, project)
        return {
            name: observe(
                predict(project, name, findings),
                smoke.observed.get(name),
                findings.roots((smoke_key(name),)),
            )
            for name, project in projects.items()
        }

    def _report(self, findings: Findings, smoke: Smoke, *, smoked: bool) -> Report:
        rows = self._rows(findings, smoke)
        needed = needed_keys(self.project, self.selection, findings, rows)
        counting = chosen_keys(self.loaded.checks, self.options, findings, needed)
        listed = reported(findings, self.loaded.checks, counting, self.host)
        programs = program_results(self.selection, rows)
        narrowed = self.options.only or self.options.skip
        targets = () if narrowed else self.selection.targets
        return Report(
            tool=Tool("bpfdoctor", __version__),
            started=self.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self.began, 3),
            verdict=judge(listed, programs, targets),
            project=ProjectFacts(self.project.name, self.project.kind.layout, self.project.path),
            host=host_facts(self.host),
            findings=listed,
            programs=programs,
            selection=self.selection,
            smoke="ran" if smoked else "left-out",
        )
