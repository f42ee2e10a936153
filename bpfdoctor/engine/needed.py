"""Which findings count for the exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpfdoctor.api import Check, Project, Selection, Stage
from bpfdoctor.engine.findings import OPEN, Findings
from bpfdoctor.engine.load import BROKEN, check_of
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import Stages, asked_stages, stages_behind
from bpfdoctor.engine.select import expand
from bpfdoctor.model import Proof, Readiness
from bpfdoctor.smoke.judge import smoke_kernel, smoke_program


def needed_keys(
    project: Project, selection: Selection, findings: Findings, stages: Mapping[str, Stages]
) -> frozenset[str]:
    """The keys that count: needs of selected stages, the proofs, and the roots behind a `skip`.

    A need that failed and whose stages were all seen to work does not: it was no need, it seems.
    Nor does one that is unknown only because a source was not compiled, where the build is known to
    fail: what stands in its way counts.
    """
    wanted = {key for key in project.kind.always if key in findings.by_key}
    for target in selection.targets:
        results = stages.get(target.program, {})
        doubted = _doubted(project, target.program, results)
        for stage in asked_stages(project, target):
            proven = _observed_ready(results, stage)
            for key in project.needs(target.program, stage):
                matches = findings.matching(key) if key not in doubted else ()
                wanted.update(f.key for f in matches if not proven or f.status in OPEN)
    return _with_roots(wanted | _proofs(selection, findings, stages), findings)


def _doubted(project: Project, program: str, results: Stages) -> tuple[str, ...]:
    """What is unknown of a program because it cannot be built, as its build says."""
    judged, build = project.judged_of(program), results.get(Stage.BUILD)
    fails = build is not None and build.readiness is Readiness.NOT_READY
    return judged.doubted if judged and fails else ()


def chosen_keys(
    checks: Sequence[Check], options: Options, findings: Findings, needed: frozenset[str]
) -> frozenset[str]:
    """What counts after `--only` and `--skip`: with them the status comes from the chosen alone."""
    ids = [check.id for check in checks]
    gating = {check.id for check in checks if check.gates} | {BROKEN}
    only, skip = expand(options.only, ids), expand(options.skip, ids)
    keys = {f.key for f in findings if f.id in only} if options.only else set(needed)
    keys |= {f.key for f in findings if f.id in gating}
    return frozenset(key for key in _with_roots(keys, findings) if check_of(key) not in skip)


def _with_roots(keys: set[str], findings: Findings) -> frozenset[str]:
    blocked = [findings.by_key[key] for key in keys if key in findings.by_key]
    roots = {root for finding in blocked for root in finding.blocked_by}
    return frozenset(key for key in keys | roots if key in findings.by_key)


def _observed_ready(results: Stages, stage: Stage) -> bool:
    """Whether this stage, or one that includes it, was seen to work."""
    return any(
        result.proof is Proof.OBSERVED and result.readiness is Readiness.READY
        for other, result in results.items()
        if stage in stages_behind(other)
    )


def _proofs(selection: Selection, findings: Findings, stages: Mapping[str, Stages]) -> set[str]:
    """The smoke's own findings; that of the kernel only while no program proves the kernel."""
    keys = {finding.key for finding in findings if finding.id == smoke_program.id}
    rows = [stages.get(target.program, {}) for target in selection.targets]
    if not rows or not all(_observed_ready(row, Stage.FIRES) for row in rows):
        keys |= {finding.key for finding in findings if finding.id == smoke_kernel.id}
    return keys
