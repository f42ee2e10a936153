"""From needs and findings to readiness: the prediction, and what an observation does to it."""

from __future__ import annotations

from bpfdoctor.api import Project, Stage, Target
from bpfdoctor.engine.findings import Findings
from bpfdoctor.engine.load import check_of
from bpfdoctor.model import Proof, Readiness, StageResult, Subject
from bpfdoctor.smoke.model import Observed

Stages = dict[Stage, StageResult]
NOTHING_KNOWN = StageResult(Readiness.UNKNOWN, Proof.NONE)
"""The result of a stage about which nothing is known."""


def asked_stages(project: Project, target: Target) -> tuple[Stage, ...]:
    """The stages that a target asks for: all up to its own, in order.

    An object is built. Where there are no sources, and nobody said that there are, what is asked
    of a program to be loaded or attached is not that it be built.
    """
    asked = tuple(stage for stage in Stage if stage.order <= target.stage.order)
    tree = project.tree
    sought = tree is not None and (tree.named or bool(tree.signs) or bool(tree.unseen))
    elsewhere = project.subject is Subject.PROJECT and not sought
    left_out = elsewhere and target.stage in (Stage.LOAD, Stage.ATTACH)
    if left_out or project.subject is Subject.OBJECT:
        return tuple(stage for stage in asked if stage is not Stage.BUILD)
    return asked


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


def maybe_of(project: Project, program: str, stage: Stage) -> tuple[str, ...]:
    """The keys without which it is unknown whether a program gets through `stage`."""
    keys = [key for each in stages_behind(stage) for key in project.maybe(program, each)]
    return tuple(dict.fromkeys(keys))


def predict(project: Project, program: str, findings: Findings) -> Stages:
    """The readiness of every stage of a program, from the findings alone."""
    return {stage: _predicted(project, program, stage, findings) for stage in Stage}


def _predicted(project: Project, program: str, stage: Stage, findings: Findings) -> StageResult:
    """A stage of which no need is known is unknown: nothing would have said otherwise."""
    needs, maybe = needs_of(project, program, stage), maybe_of(project, program, stage)
    built = stage is Stage.BUILD and project.subject is Subject.OBJECT
    if not needs and not maybe and not built:
        return NOTHING_KNOWN
    roots = findings.roots(needs)
    failed = tuple(key for key in roots if findings.failed(key))
    if failed:
        return StageResult(Readiness.NOT_READY, Proof.PREDICTED, failed)
    because = (*roots, *findings.roots(maybe))
    beyond = stage.order > project.kind.judged_to.order
    if not beyond:
        because += tuple(key for key in (*needs, *maybe) if check_of(key) not in findings.ran)
    if because or beyond:
        return StageResult(Readiness.UNKNOWN, Proof.NONE, tuple(dict.fromkeys(because)))
    return StageResult(Readiness.READY, Proof.PREDICTED)


def unproven(predicted: Stages) -> Stages:
    """Turn every predicted `ready` into unknown: only a proof counts."""
    ready = Readiness.READY
    return {s: NOTHING_KNOWN if r.readiness is ready else r for s, r in predicted.items()}


def observe(predicted: Stages, seen: Observed | None, roots: tuple[str, ...]) -> Stages:
    """What was observed stands. `roots` are those of the smoke, blamed where nothing else is.

    What was seen of another command than the user's leaves the prediction for his as it is.
    """
    stages = dict(predicted)
    if seen is None or seen.instead is not None:
        return stages
    for outcome in seen.outcomes:
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


def seen_instead(seen: Observed | None, roots: tuple[str, ...]) -> Stages:
    """The stages that were seen of a program that another command built."""
    if seen is None or seen.instead is None:
        return {}
    blank = dict.fromkeys(Stage, NOTHING_KNOWN)
    observed = observe(blank, Observed(seen.program, seen.outcomes), roots)
    return {stage: each for stage, each in observed.items() if each.proof is Proof.OBSERVED}
