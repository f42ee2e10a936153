"""Which findings keep a program from some stage."""

from __future__ import annotations

from bpfdoctor.model import Report, Reported


def causes(report: Report) -> list[Reported]:
    """Return the findings that stand in the way of any program, in the order of the report."""
    stages = [stage for each in report.programs for stage in each.stages.values()]
    keys = {key for stage in stages for key in stage.because}
    return [each for each in report.findings if each.key in keys]
