"""Write the report of a run wherever it was asked for."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.cli.destinations import Destinations
from bpfdoctor.cli.examine import Examined
from bpfdoctor.cli.self_command import own_command
from bpfdoctor.report.documents import ReportDocument


def render(run: Examined, destinations: Destinations, *, sudo: bool = False) -> None:
    """Write the report. `sudo`: it was made with --sudo, by a user who is not root otherwise."""
    as_root = run.report.host.privileged and not sudo
    document = ReportDocument(run.report, explanations, own_command(), as_root)
    destinations.write(document, run.redactor)


def explanations() -> Mapping[str, str]:
    """Return the docstring of each check, by id."""
    from bpfdoctor.engine.session import all_checks

    return {check.id: check.doc for check in all_checks().checks}
