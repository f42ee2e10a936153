"""The smoke phase: after the checks, run what is selected and hold the prediction against it."""

from __future__ import annotations

import msgspec

from bpfdoctor.api import Context, Finding, Instead, Stage, Status, Target
from bpfdoctor.engine.facts import facts_of_built
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.object_difference import difference
from bpfdoctor.engine.readiness import Stages, predict
from bpfdoctor.engine.run import findings_of
from bpfdoctor.engine.schedule import Observer, blocked_by, given_up
from bpfdoctor.host.limited import TooLongError, within
from bpfdoctor.model import Readiness, StageResult, key_of
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.smoke.judge import (
    finding_of,
    no_sources,
    other_object,
    prediction_finding,
    smoke_kernel,
    smoke_prediction,
    smoke_program,
    with_detour,
)
from bpfdoctor.smoke.model import Observed, Outcome

LIMIT = 2000.0
"""Seconds for the proof of a program: another's build of it, its own, and the run itself."""


def smoke_key(program: str) -> str:
    """The key of a program's smoke."""
    return key_of(smoke_program.id, program)


class Smoke:
    """One smoke phase. `findings` gets what it finds, `observed` what was seen by program."""

    def __init__(self, context: Context, findings: Findings, observer: Observer) -> None:
        self.context, self.findings, self.observer = context, findings, observer
        self.observed: dict[str, Observed] = {}
        self.built: dict[str, JudgedObject] = {}
        """The objects that builds made, by program."""
        self.broken: dict[frozenset[str], str] = {}
        """By what builds broke at, the key of the first such build."""

    def prove_kernel(self) -> None:
        """The first proof: the kernel, without a compiler."""
        self.observer.stage("kernel", Stage.FIRES)
        roots = self.findings.roots(smoke_kernel.requires)
        if roots:
            self._add(blocked_by(smoke_kernel.id, roots))
            return
        for finding in self._kernel():
            self._add(finding)

    def _kernel(self) -> list[Finding]:
        try:
            return within(smoke_kernel.limit, lambda: [*findings_of(smoke_kernel, self.context)])
        except TooLongError:
            return [given_up(smoke_kernel.id)]

    def prove(self, target: Target, *, named: bool) -> None:
        """The second proof: a program, as far as `target` says."""
        project = self.context.project
        program = project.program(target.program)
        if program is None or (program.disturbs and not named):
            return
        if project.kind.build is not None and not project.path:
            self._add(no_sources(target.program))
            return
        predicted = predict(project, target.program, self.findings)
        blamed = predicted[Stage.BUILD].because
        stopped = predicted[Stage.BUILD].readiness is Readiness.NOT_READY
        instead = self.findings.instead(blamed) if stopped else None
        if stopped and instead is None:
            self._add(self._skip(target, blamed))
            return
        harmful = self._harmful(target, predicted)
        if harmful:
            self._add(self._skip(target, harmful))
            return
        self.observer.stage(target.program, Stage.BUILD)
        seen = _run(self.context, target, instead)
        self.observed[target.program] = seen
        self._judge(target, seen, predicted)
        if seen.instead is None:
            self._hold_to_built(target.program, seen.object)

    def _harmful(self, target: Target, predicted: Stages) -> tuple[str, ...]:
        """What would harm the machine, if the program ran."""
        if target.stage is Stage.BUILD:
            return ()
        roots = (key for each in predicted.values() for key in each.because)
        known = self.findings.by_key
        return tuple(key for key in dict.fromkeys(roots) if key in known and known[key].harmful)

    def _hold_to_built(self, program: str, path: str) -> None:
        """Say so where the build made another object than the one that was judged."""
        built = facts_of_built(self.context.host, self.context.project, program, path)
        if built is None:
            return
        self.built[program] = built
        judged = self.context.project.judged_of(program)
        other = difference(self.context.host, judged, built) if judged else ""
        if other and key_of(smoke_prediction.id, program) not in self.findings.by_key:
            self._add(other_object(program, other))

    def _judge(self, target: Target, seen: Observed, predicted: Stages) -> None:
        finding = with_detour(finding_of(seen, target.stage), seen.instead, target.program)
        finding = msgspec.structs.replace(finding, id=smoke_program.id, about=target.program)
        stopped = next((each for each in seen.outcomes if each.happened is not True), None)
        if stopped is None:
            self._add(finding)
            if seen.instead is None:
                self._compare(target, finding, predicted, Readiness.READY)
            return
        roots = self._roots(target, stopped, predicted) or self._same_failure(target, stopped)
        if roots:
            skip = self._skip(target, roots)
            self._add(msgspec.structs.replace(skip, evidence=finding.evidence))
            return
        self._add(finding)
        if stopped.happened is False and seen.instead is None:
            self._compare(target, finding, predicted, Readiness.NOT_READY, stopped.stage)

    def _roots(self, target: Target, stopped: Outcome, predicted: Stages) -> tuple[str, ...]:
        """What was found to stand in the way of a stage: its needs, or the kernel itself.

        A need that nobody examined excuses nothing, and none that another command goes round; nor
        does that a source did not compile for us, where make has now been seen to fail.
        """
        because = self._in_the_way(predicted[stopped.stage], stopped)
        doubts = self.context.project.maybe(target.program, Stage.BUILD)
        known = tuple(key for key in because if key in self.findings.by_key and key not in doubts)
        known = self.findings.blocking(known)
        if known or stopped.stage is not Stage.BUILD:
            return known or self.findings.roots((smoke_kernel.id,))
        return self._explained(stopped) if stopped.happened is False else ()

    def _in_the_way(self, predicted: StageResult, stopped: Outcome) -> tuple[str, ...]:
        """What a prediction names. What the program may not need at all is no reason why nothing
        was seen of it."""
        if stopped.happened is False or predicted.readiness is Readiness.NOT_READY:
            return predicted.because
        return tuple(key for key in predicted.because if not self.findings.failed(key))

    def _explained(self, stopped: Outcome) -> tuple[str, ...]:
        """Turn required warnings that a failed build names into failures, its causes."""
        needs = {key for name in self._names() for key in self._needs(name)}
        found = [each for key in needs for each in self.findings.matching(key)]
        blamed = {
            each.key: each
            for each in found
            if each.status is Status.WARN and any(word in stopped.log for word in each.explains)
        }
        for each in blamed.values():
            seen = (*each.evidence, *stopped.seen)
            self._add(msgspec.structs.replace(each, status=Status.FAIL, evidence=seen))
        return tuple(sorted(blamed))

    def _names(self) -> tuple[str, ...]:
        return tuple(target.program for target in self.context.selection.targets)

    def _needs(self, program: str) -> tuple[str, ...]:
        return self.context.project.needs(program, Stage.BUILD)

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
                was = predicted[stage].readiness
                self._add(prediction_finding(target.program, stage, was, finding))
                return

    def _skip(self, target: Target, roots: tuple[str, ...]) -> Finding:
        return blocked_by(smoke_program.id, roots, target.program)

    def _add(self, finding: Finding) -> None:
        self.findings.add(finding)
        self.observer.finished(finding)


def _run(context: Context, target: Target, instead: Instead | None) -> Observed:
    """What is seen of a program, within the time limit of a proof."""
    try:
        return within(LIMIT, lambda: _seen(context, target, instead))
    except TooLongError as error:
        what = f"whether it runs was not found out: {error}"
        return Observed(target.program, (Outcome(Stage.BUILD, None, what),), instead)


def _seen(context: Context, target: Target, instead: Instead | None) -> Observed:
    # imported by a run that proves something, and by no other
    from bpfdoctor.smoke.embedded.prove import prove_embedded
    from bpfdoctor.smoke.program import prove_program

    if context.project.kind.build is None:
        return prove_embedded(context, target.stage)
    may_run = target.stage is not Stage.BUILD
    return prove_program(context, target.program, target.stage, may_run, instead)
