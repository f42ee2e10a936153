"""The smoke phase: after the checks, run what is selected and hold the prediction against it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bpfdoctor.api import Context, Finding, Project, Stage, Target
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.readiness import Stages, predict
from bpfdoctor.engine.run import findings_of
from bpfdoctor.engine.schedule import Observer, blocked_by
from bpfdoctor.engine.select import EMBEDDED
from bpfdoctor.model import Readiness, key_of
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.judge import (
    finding_of,
    prediction_finding,
    smoke_kernel,
    smoke_program,
)
from bpfdoctor.smoke.model import Observed, Outcome


def smoke_key(program: str) -> str:
    """The key of a program's smoke."""
    return key_of(smoke_program.id, program)


def smoke_targets(
    project: Project, targets: tuple[Target, ...]
) -> Iterator[tuple[Project, Target]]:
    """What is run: the selected programs, or the embedded one where there is nothing to build."""
    if project.path or project.kind.build is None:
        yield from ((project, target) for target in targets)
        return
    stages = [target.stage for target in targets]
    kind = kind_named(EMBEDDED)
    last = max(stages, key=lambda stage: stage.order, default=Stage.FIRES)
    for name in kind.default:
        yield Project(kind, "", tuple(kind.programs)), Target(name, last)


class Smoke:
    """One smoke phase. `findings` gets what it finds, `observed` what was seen by program."""

    def __init__(self, context: Context, findings: Findings, observer: Observer) -> None:
        self.context, self.findings, self.observer = context, findings, observer
        self.observed: dict[str, Observed] = {}
        self.broken: dict[frozenset[str], str] = {}
        """By what builds broke at, the key of the first such build."""

    def prove_kernel(self) -> None:
        """The first proof: the kernel, without a compiler."""
        self.observer.stage("kernel", Stage.FIRES)
        roots = self.findings.roots(smoke_kernel.requires)
        if roots:
            self._add(blocked_by(smoke_kernel.id, roots))
            return
        for finding in findings_of(smoke_kernel, self.context):
            self._add(finding)

    def prove(self, project: Project, target: Target, *, named: bool) -> None:
        """The second proof: a program, as far as `target` says."""
        program = project.program(target.program)
        if program is None or (program.disturbs and not named):
            return
        context = msgspec.structs.replace(self.context, project=project)
        predicted = predict(project, target.program, self.findings)
        if predicted[Stage.BUILD].readiness is Readiness.NOT_READY:
            self._add(self._skip(target, predicted[Stage.BUILD].because))
            return
        self.observer.stage(target.program, Stage.BUILD)
        seen = _run(context, target)
        self.observed[target.program] = seen
        self._judge(target, seen, predicted)

    def _judge(self, target: Target, seen: Observed, predicted: Stages) -> None:
        finding = finding_of(seen, target.stage)
        finding = msgspec.structs.replace(finding, id=smoke_program.id, about=target.program)
        stopped = next((each for each in seen.outcomes if each.happened is not True), None)
        if stopped is None:
            self._add(finding)
            self._compare(target, finding, predicted, Readiness.READY)
            return
        roots = self._roots(stopped.stage, predicted) or self._same_failure(target, stopped)
        if roots:
            skip = self._skip(target, roots)
            self._add(msgspec.structs.replace(skip, evidence=finding.evidence))
            return
        self._add(finding)
        if stopped.happened is False:
            self._compare(target, finding, predicted, Readiness.NOT_READY, stopped.stage)

    def _roots(self, stage: Stage, predicted: Stages) -> tuple[str, ...]:
        """What was found to stand in the way of a stage: its needs, or the kernel itself.

        A need that nobody examined (`bpfdoctor smoke` examines none) excuses nothing.
        """
        known = tuple(key for key in predicted[stage].because if key in self.findings.by_key)
        if known or stage is Stage.BUILD:
            return known
        return self.findings.roots((smoke_kernel.id,))

    def _same_failure(self, target: Target, stopped: Outcome) -> tuple[str, ...]:
        """The program whose build broke at the very same: what all of them rest on."""
        key = smoke_key(target.program)
        first = self.broken.setdefault(stopped.broke_at, key) if stopped.broke_at else key
        return (first,) if first != key else ()

    def _compare(
        self,
        target: Target,
        finding: Finding,
        predicted: Stages,
        seen: Readiness,
        at: Stage | None = None,
    ) -> None:
        """Say so where a firm prediction was wrong."""
        wrong = {Readiness.READY: Readiness.NOT_READY, Readiness.NOT_READY: Readiness.READY}[seen]
        for stage in Stage:
            if stage.order > target.stage.order or (at is not None and stage is not at):
                continue
            if predicted[stage].readiness is wrong:
                word = predicted[stage].readiness.value
                self._add(prediction_finding(target.program, stage, word, finding))
                return

    def _skip(self, target: Target, roots: tuple[str, ...]) -> Finding:
        return blocked_by(smoke_program.id, roots, target.program)

    def _add(self, finding: Finding) -> None:
        self.findings.add(finding)
        self.observer.finished(finding)


def _run(context: Context, target: Target) -> Observed:
    # imported by a run that proves something, and by no other
    from bpfdoctor.smoke.embedded.prove import prove_embedded
    from bpfdoctor.smoke.program import prove_program

    if context.project.kind.build is None:
        return prove_embedded(context, target.stage)
    may_run = target.stage is not Stage.BUILD
    return prove_program(context, target.program, target.stage, may_run)
