"""Which findings keep a program from some stage."""

from __future__ import annotations

import msgspec

from bpfdoctor.model import Report, Reported


def of_programs(report: Report) -> Report:
    """Return what is told of the programs: the report with the findings in their way alone."""
    return msgspec.structs.replace(report, findings=tuple(causes(report)))


def causes(report: Report) -> list[Reported]:
    """Return the findings that stand in the way of any program, in the order of the report."""
    stages = [stage for each in report.programs for stage in each.stages.values()]
    keys = {key for stage in stages for key in stage.because}
    return [each for each in report.findings if each.key in keys]
