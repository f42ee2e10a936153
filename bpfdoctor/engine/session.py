"""One run from end to end: project, selection, checks, smoke, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone

import msgspec

from bpfdoctor import __version__
from bpfdoctor.api import Check, Context, Host, Selection, Stage, Status
from bpfdoctor.api.late import take
from bpfdoctor.engine.collect import (
    ANEW,
    ANEW_WITH_OBJECT,
    broken_findings,
    host_facts,
    other_builder,
    program_results,
    reported,
)
from bpfdoctor.engine.facts import asked_for, with_facts
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.installed import entries
from bpfdoctor.engine.load import Loaded, load_checks
from bpfdoctor.engine.needed import chosen_keys, needed_keys
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import (
    Stages,
    asked_stages,
    observe,
    predict,
    seen_instead,
    unproven,
)
from bpfdoctor.engine.schedule import Nobody, Observer, run_checks, settle_skips
from bpfdoctor.engine.select import choose_checks, expand
from bpfdoctor.engine.smoke import Smoke, smoke_key
from bpfdoctor.engine.subject import recognised
from bpfdoctor.engine.verdict import AskedStages, judge, judge_chosen
from bpfdoctor.host.limited_hosts import LimitedHost
from bpfdoctor.model import (
    InsteadResult,
    ProgramResult,
    ProjectFacts,
    Report,
    Reported,
    Subject,
    Tool,
    Verdict,
)
from bpfdoctor.projects.model import Project
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS, smoke_kernel, smoke_program

__all__ = ["Options", "all_checks", "examine"]

ANSWER = 10.0
"""Seconds for an answer that only the report needs; mostly a check has had it before."""


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


def _unbuilt(project: Project) -> Project:
    """A project of which nothing may be run."""
    settings = (msgspec.structs.replace(each, unbuilt=project.path) for each in project.settings)
    return msgspec.structs.replace(project, settings=tuple(settings))


class _Session:
    def __init__(self, host: Host, options: Options, observer: Observer, loaded: Loaded) -> None:
        self.began, self.started = time.monotonic(), datetime.now(timezone.utc)
        self.host, self.options, self.observer, self.loaded = host, options, observer, loaded
        project, self.selection = recognised(host, options)
        project = project if options.smoke else _unbuilt(project)
        self.project = with_facts(host, project, asked_for(project, self.selection, options))
        self.context = Context(host, self.project, self.selection, may_build=options.smoke)
        self.in_time = LimitedHost(host, ANSWER)

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
        there = {"objects": self.project.judged, "git": self.project.path}
        parts = ("bpf", "files", "kernel", "machine", "privilege", "tools", "git", "objects")
        return [part for part in parts if there.get(part, True)]

    def _proofs(self, chosen: Sequence[Check]) -> frozenset[str]:
        """The proofs to be made: all, unless left out or not among the chosen."""
        ids = frozenset(check.id for check in SMOKE_CHECKS)
        if not self.options.smoke or self._unrun:
            return frozenset()
        if self.options.only:
            return ids & {check.id for check in chosen}
        return ids - expand(self.options.skip, [check.id for check in self.loaded.checks])

    @property
    def _unrun(self) -> bool:
        """Nothing is built or run because an object is judged."""
        return self.options.smoke and self.project.subject is Subject.OBJECT

    def _smoke(self, smoke: Smoke, wanted: frozenset[str]) -> None:
        targets = self.selection.targets
        if smoke_kernel.id in wanted and any(t.stage is not Stage.BUILD for t in targets):
            smoke.prove_kernel()
        if smoke_program.id in wanted:
            for target in targets:
                smoke.prove(target, named=self.selection.explicit)

    def _rows(self, findings: Findings, smoke: Smoke) -> dict[str, Stages]:
        """Every program of the project; where only a proof counts, those that were asked for."""
        names = self.project.programs
        if self.options.proof:
            names = tuple(target.program for target in self.selection.targets)
        return {name: self._row(name, findings, smoke) for name in names}

    def _row(self, name: str, findings: Findings, smoke: Smoke) -> Stages:
        predicted = predict(self.project, name, findings)
        if self.options.proof:
            predicted = unproven(predicted)
        roots = findings.roots((smoke_key(name),))
        return observe(predicted, smoke.observed.get(name), roots)

    def _programs(
        self, findings: Findings, smoke: Smoke, rows: dict[str, Stages]
    ) -> tuple[ProgramResult, ...]:
        """The rows of the report: none where the verdict is about chosen checks."""
        if self.options.narrowed:
            return ()
        others = {}
        for name, seen in smoke.observed.items():
            if seen.instead is not None:
                stages = seen_instead(seen, findings.roots((smoke_key(name),)))
                others[name] = InsteadResult(seen.instead, seen.instead.command(name), stages)
        judged = tuple(smoke.built.get(each.program, each) for each in self.project.judged)
        project = msgspec.structs.replace(self.project, judged=judged)
        return program_results(self.selection, rows, others, project)

    def _verdict(self, listed: Sequence[Reported], programs: Sequence[ProgramResult]) -> Verdict:
        if self.options.narrowed:
            return judge_chosen(listed, self.project.subject)
        targets = self.selection.targets
        asked = [AskedStages(each.program, asked_stages(self.project, each)) for each in targets]
        verdict = judge(listed, programs, asked, self.project.subject)
        builds = any(Stage.BUILD in each.stages for each in asked)
        context = msgspec.structs.replace(self.context, host=self.in_time)
        builder = other_builder(context) if builds else ""
        told = f" It is built as {builder}." if builder else ""
        return msgspec.structs.replace(verdict, summary=f"{verdict.summary}{told}")

    def _report(self, findings: Findings, smoke: Smoke, *, smoked: bool) -> Report:
        rows = self._rows(findings, smoke)
        needed = needed_keys(self.project, self.selection, findings, rows)
        counting = chosen_keys(self.loaded.checks, self.options, findings, needed)
        anew = ANEW_WITH_OBJECT if self.project.object else ANEW
        listed = reported(findings, self.loaded.checks, counting, self.in_time, anew)
        if self.options.proof:
            listed = tuple(each for each in listed if _tells_of_a_proof(each))
        programs = self._programs(findings, smoke, rows)
        return Report(
            tool=Tool("bpfdoctor", __version__),
            started=self.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self.began, 3),
            verdict=self._verdict(listed, programs),
            project=ProjectFacts(self.project.name, self.project.kind.layout, self.project.path),
            host=host_facts(self.in_time),
            findings=listed,
            programs=programs,
            selection=Selection() if self.options.narrowed else self.selection,
            smoke="ran" if smoked else "none" if self._unrun else "left-out",
        )


def _tells_of_a_proof(finding: Reported) -> bool:
    """Whether a finding is a proof, or a required one that does not pass."""
    fine = finding.status in (Status.PASS, Status.WARN)
    return finding.id in {check.id for check in SMOKE_CHECKS} or (finding.needed and not fine)
