"""Merge the reports on several objects into one; names tell apart what is each object's own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from bpfdoctor.api import Project
from bpfdoctor.engine.load import check_of
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import asked_stages
from bpfdoctor.engine.verdict import AskedStages, judge, judge_chosen
from bpfdoctor.model import (
    ProgramResult,
    Report,
    Reported,
    Selection,
    StageResult,
    Subject,
    Target,
    Verdict,
    key_of,
)

OF_OBJECTS = "object"
"""The subject of the checks that look into an object."""


class Part(NamedTuple):
    """The report on one object, and what the object is called among the others."""

    label: str
    project: Project
    report: Report


def merged(parts: Sequence[Part], options: Options) -> Report:
    """The report on all of them, with one verdict."""
    renamings = _renamings(parts)
    findings = _findings(renamings)
    programs = [each for renaming in renamings for each in renaming.programs()]
    rows = tuple(sorted(programs, key=lambda row: not row.selected))
    asked = [each for renaming in renamings for each in renaming.asked()]
    first = parts[0].report
    return msgspec.structs.replace(
        first,
        seconds=round(sum(each.report.seconds for each in parts), 3),
        verdict=_verdict(findings, rows, asked, options),
        project=msgspec.structs.replace(first.project, layout=f"{len(parts)} objects"),
        findings=findings,
        programs=rows,
        selection=Selection(tuple(each for r in renamings for each in r.targets())),
    )


def _verdict(
    findings: Sequence[Reported],
    rows: Sequence[ProgramResult],
    asked: Sequence[AskedStages],
    options: Options,
) -> Verdict:
    if options.narrowed:
        return judge_chosen(findings, Subject.OBJECT)
    return judge(findings, rows, asked, Subject.OBJECT)


class Renaming:
    """Names of one report as they are in the one on all: of programs, and of what is its own."""

    def __init__(self, part: Part, differing: frozenset[str] = frozenset()) -> None:
        self.label, self.project, self.report = part
        self.differing = differing
        self.needs = frozenset(self.project.all_needs())

    def about(self, key: str) -> str:
        """What a finding of this key is about."""
        check = check_of(key)
        about = key[len(check) + 1 : -1]
        if check.partition(".")[0] == OF_OBJECTS or key in self.differing:
            return f"{self.label}/{about}" if about else self.label
        return f"{self.label}/{about}" if self._is_program(about, key) else about

    def _is_program(self, about: str, key: str) -> bool:
        """Whether a finding is about a program; one may have the name of a program type."""
        return about in self.project.programs and key not in self.needs

    def key(self, key: str) -> str:
        """The key as it is in the report on all."""
        return key_of(check_of(key), self.about(key))

    def findings(self) -> Iterator[Reported]:
        """What was found, renamed."""
        for each in self.report.findings:
            yield msgspec.structs.replace(
                each,
                about=self.about(each.key),
                key=self.key(each.key),
                blocked_by=tuple(map(self.key, each.blocked_by)),
            )

    def programs(self) -> Iterator[ProgramResult]:
        """The rows, renamed."""
        for each in self.report.programs:
            stages = {stage: self._result(result) for stage, result in each.stages.items()}
            yield msgspec.structs.replace(each, name=f"{self.label}/{each.name}", stages=stages)

    def _result(self, result: StageResult) -> StageResult:
        return msgspec.structs.replace(result, because=tuple(map(self.key, result.because)))

    def targets(self) -> Iterator[Target]:
        """The selected programs, renamed."""
        for each in self.report.selection.targets:
            yield Target(f"{self.label}/{each.program}", each.stage)

    def asked(self) -> Iterator[AskedStages]:
        """The stages that were asked for."""
        for each in self.report.selection.targets:
            yield AskedStages(f"{self.label}/{each.program}", asked_stages(self.project, each))


def _renamings(parts: Sequence[Part]) -> list[Renaming]:
    """Rename the findings that differ between objects; those that are the same keep their names."""
    said: dict[str, set[object]] = defaultdict(set)
    for part in parts:
        for each in Renaming(part).findings():
            said[each.key].add((each.status, each.summary, each.blocked_by, each.fixes))
    differing = frozenset(key for key, versions in said.items() if len(versions) > 1)
    return [Renaming(part, differing) for part in parts]


def _findings(renamings: Iterable[Renaming]) -> tuple[Reported, ...]:
    found: dict[str, Reported] = {}
    for renaming in renamings:
        for each in renaming.findings():
            known = found.setdefault(each.key, each)
            if each.needed and not known.needed:
                found[each.key] = msgspec.structs.replace(known, needed=True)
    return tuple(
        sorted(found.values(), key=lambda each: (each.id.partition(".")[0], each.id, each.about))
    )
