"""From needs and findings to readiness: the prediction, and what an observation does to it."""

from __future__ import annotations

from bpfdoctor.api import Project, Stage
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.load import check_of
from bpfdoctor.model import Proof, Readiness, StageResult
from bpfdoctor.smoke.model import Observed

Stages = dict[Stage, StageResult]


def stages_behind(stage: Stage) -> tuple[Stage, ...]:
    """The stages whose needs decide `stage`.

    `build` stands alone: what was built elsewhere may run here. What cannot load cannot attach.
    """
    if stage is Stage.BUILD:
        return (stage,)
    return tuple(each for each in Stage if each is not Stage.BUILD and each.order <= stage.order)


def needs_of(project: Project, program: str, stage: Stage) -> tuple[str, ...]:
    """The keys that must pass for a program to get through `stage`, those before it included."""
    keys = [key for each in stages_behind(stage) for key in project.needs(program, each)]
    return tuple(dict.fromkeys(keys))


def predict(project: Project, program: str, findings: Findings) -> Stages:
    """The readiness of every stage of a program, from the findings alone."""
    return {stage: _predicted(needs_of(project, program, stage), findings) for stage in Stage}


def _predicted(needs: tuple[str, ...], findings: Findings) -> StageResult:
    roots = findings.roots(needs)
    failed = tuple(key for key in roots if findings.failed(key))
    if failed:
        return StageResult(Readiness.NOT_READY, Proof.PREDICTED, failed)
    unasked = tuple(key for key in needs if check_of(key) not in findings.ran)
    if roots or unasked:
        return StageResult(Readiness.UNKNOWN, Proof.NONE, tuple(dict.fromkeys((*roots, *unasked))))
    return StageResult(Readiness.READY, Proof.PREDICTED)


def observe(predicted: Stages, seen: Observed | None, roots: tuple[str, ...]) -> Stages:
    """What was observed stands. `roots` are those of the smoke, blamed where nothing else is."""
    stages = dict(predicted)
    for outcome in seen.outcomes if seen else ():
        if outcome.happened is True:
            stages[outcome.stage] = StageResult(Readiness.READY, Proof.OBSERVED)
        elif outcome.happened is False:
            _stop(stages, outcome.stage, roots)
    return stages


def _stop(stages: Stages, at: Stage, roots: tuple[str, ...]) -> None:
    """A stage that was seen to fail takes with it those that it stands behind."""
    for stage in Stage:
        before = stages[stage]
        blamed = before.because if before.readiness is Readiness.NOT_READY else roots
        if stage is at:
            stages[stage] = StageResult(Readiness.NOT_READY, Proof.OBSERVED, blamed)
        elif at in stages_behind(stage):
            stages[stage] = StageResult(Readiness.NOT_READY, Proof.PREDICTED, blamed)
