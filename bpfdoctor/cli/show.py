"""Write a report where it belongs, in the format that was asked for."""

from __future__ import annotations

from msgspec.structs import replace

from bpfdoctor.cli.examine import Examined
from bpfdoctor.cli.myself import absolute
from bpfdoctor.cli.output import Output
from bpfdoctor.model import Fix, Report, Run


def show(run: Examined, output: Output, *, as_json: bool, sudo: bool = False) -> None:
    """Print the report; JSON is redacted, text is not, so that its commands can be pasted.

    `sudo`: it was made with --sudo, by a user who is not root otherwise.
    """
    if as_json:
        from bpfdoctor.report.json import report_json

        output.write(report_json(run.redactor.value(run.report)))
        return
    from bpfdoctor.report.paper import Paper
    from bpfdoctor.report.text import report_text

    paper = Paper.for_stream(output.stream, terminal=output.is_terminal())
    as_root = run.report.host.privileged and not sudo
    output.write(report_text(pasteable(run.report), paper, explanations(), as_root=as_root))


def pasteable(report: Report) -> Report:
    """The report with bpfdoctor's own commands by absolute path: sudo's PATH is another one."""
    findings = tuple(
        replace(each, fixes=tuple(_absolute(fix) for fix in each.fixes)) for each in report.findings
    )
    return replace(report, findings=findings)


def _absolute(fix: Fix) -> Fix:
    return replace(fix, argv=absolute(fix.argv)) if isinstance(fix, Run) else fix


def explanations() -> dict[str, str]:
    """The docstring of each check, by id."""
    from bpfdoctor.engine.session import all_checks

    return {check.id: check.doc for check in all_checks().checks}
