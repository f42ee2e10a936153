"""Make the report's parts: findings with titles and packages, rows of programs, the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from bpfdoctor.api import (
    ASK_AS_ROOT,
    AskDistribution,
    AskIdentity,
    AskKernel,
    ByHand,
    Check,
    Context,
    Distribution,
    Evidence,
    Finding,
    Fix,
    Host,
    Identity,
    Install,
    Kernel,
    NoAnswer,
    Project,
    Selection,
    Stage,
    Status,
    tools,
)
from bpfdoctor.engine.load import BROKEN
from bpfdoctor.engine.readiness import Stages
from bpfdoctor.model import (
    HostFacts,
    InsteadResult,
    ProgramResult,
    Proof,
    Readiness,
    Reported,
    Run,
)

ANEW = "record that machine anew: bpfdoctor snapshot -o FILE"
ANEW_WITH_OBJECT = (
    "record that machine with the object: bpfdoctor check --object FILE --record THERE.snapshot"
)

ROOT_HAS_ASKED = ByHand(
    "It was root who asked. Take away what refused it (the evidence names it: a limit, a full or "
    "read-only disk, a security module, a container), then run bpfdoctor check again."
)


def reported(
    findings: Iterable[Finding],
    checks: Iterable[Check],
    needed: frozenset[str],
    host: Host,
    anew: str = ANEW,
) -> tuple[Reported, ...]:
    """The findings as the report carries them, sorted by subject, id and about.

    `anew` says how to record a machine that was not asked enough.
    """
    titles = {check.id: check.title for check in checks}
    made = [
        _reported(_mendable(each, anew), titles.get(each.id, each.id), needed, host)
        for each in findings
    ]
    return tuple(sorted(made, key=lambda each: (each.id.partition(".")[0], each.id, each.about)))


def _reported(finding: Finding, title: str, needed: frozenset[str], host: Host) -> Reported:
    return Reported(
        id=finding.id,
        about=finding.about,
        key=finding.key,
        title=title,
        status=finding.status,
        needed=finding.key in needed,
        summary=finding.summary,
        evidence=finding.evidence,
        fixes=tuple(_named(fix, host) for fix in _of_use(finding.fixes, host)),
        blocked_by=finding.blocked_by,
    )


def _mendable(finding: Finding, anew: str) -> Finding:
    """What a recorded machine was not asked is found out there, and by nobody here."""
    if finding.status is Status.UNKNOWN and finding.unrecorded:
        return msgspec.structs.replace(finding, fixes=(ByHand(anew),))
    return finding


def _of_use(fixes: tuple[Fix, ...], host: Host) -> tuple[Fix, ...]:
    """Leave out to ask as root where root has asked: something else is in the way then."""
    others = tuple(fix for fix in fixes if not _asks_as_root(fix))
    identity = host.ask(AskIdentity()) if others != fixes else None
    if not isinstance(identity, Identity) or identity.euid != 0:
        return fixes
    return others or (ROOT_HAS_ASKED,)


def _asks_as_root(fix: Fix) -> bool:
    return isinstance(fix, Run) and fix.argv == ASK_AS_ROOT.argv


def _named(fix: Fix, host: Host) -> Fix:
    """A fix with the packages, or the steps, of this distribution."""
    if isinstance(fix, ByHand) and (fix.boot_with or fix.boot_without):
        from bpfdoctor.fix.catalogue.boot import with_boot_steps

        return with_boot_steps(fix, _distribution(host), _release(host))
    if not isinstance(fix, Install):
        return fix
    from bpfdoctor.fix.catalogue.packages import resolve

    return resolve(fix, _distribution(host), _release(host))


def _distribution(host: Host) -> Distribution | None:
    answer = host.ask(AskDistribution())
    return None if isinstance(answer, NoAnswer) else answer


def _release(host: Host) -> str:
    answer = host.ask(AskKernel())
    return "" if isinstance(answer, NoAnswer) else answer.release


def program_results(
    selection: Selection,
    stages: Mapping[str, Stages],
    others: Mapping[str, InsteadResult] = MappingProxyType({}),
    project: Project | None = None,
) -> tuple[ProgramResult, ...]:
    """A row a program, the selected ones first; `others` are what was seen of other commands."""
    chosen = {target.program for target in selection.targets}
    rows = [
        ProgramResult(
            name, name in chosen, dict(each), others.get(name), *_origin(project, name, each)
        )
        for name, each in stages.items()
    ]
    return tuple(sorted(rows, key=lambda row: not row.selected))


def _origin(project: Project | None, name: str, stages: Stages) -> tuple[str, bool]:
    """Where the facts of a program come from, and whether that it fires was predicted alone."""
    judged = project.judged_of(name) if project else None
    if judged is None or judged.facts is None or (project and project.object):
        return "", False
    fires = stages[Stage.FIRES]
    predicted = fires.readiness is Readiness.READY and fires.proof is Proof.PREDICTED
    return judged.said, predicted and not judged.fired


def host_facts(host: Host) -> HostFacts:
    """Which machine this is, in a line; `?` where it would not say."""
    kernel = host.ask(AskKernel())
    identity = host.ask(AskIdentity())
    if isinstance(kernel, NoAnswer):
        kernel = Kernel("?", "?", "?")
    distribution = _distribution(host)
    return HostFacts(
        release=kernel.release,
        architecture=kernel.architecture,
        distribution=distribution.name if distribution else "?",
        privileged=not isinstance(identity, NoAnswer) and identity.euid == 0,
    )


def broken_findings(broken: Mapping[str, str]) -> list[Finding]:
    """A check file that could not be loaded, as one `error` each: it must not pass unseen."""
    return [
        Finding(
            Status.ERROR,
            "the file of checks cannot be loaded",
            id=BROKEN,
            about=name,
            evidence=(Evidence(f"import of {name}", trace),),
        )
        for name, trace in sorted(broken.items())
    ]


def other_builder(context: Context) -> str:
    """Name the user as whom a checkout is built; empty for the user who runs bpfdoctor."""
    build = context.project.kind.build
    if build is None or not context.project.path:
        return ""
    place = context.ask(tools.ask_own_place(context, build))
    return "" if isinstance(place, NoAnswer) or not place.other else place.who
