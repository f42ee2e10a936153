"""A step's lines in the journal: what there is before it, and what has become of it."""

from __future__ import annotations

import os

from bpfdoctor.fix.applying.process import StepExit
from bpfdoctor.fix.journal.package_state import (
    added,
    installed_before,
    intended,
    leftovers_before,
    missing,
)
from bpfdoctor.fix.journal.undo_state import digest_of, mounted
from bpfdoctor.fix.journal.write import OUTPUT, After, Before, Result, now
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.atomic_write import create_file
from bpfdoctor.host.question import Host


def before_it(host: Host, step: Step, argv: tuple[str, ...]) -> Before:
    """What there is before a step that is executed as `argv`."""
    return Before(
        step=step,
        argv=argv,
        at=now(),
        packages=installed_before(host, step),
        fresh=bool(step.output) and not os.path.lexists(step.output),
        leftovers=leftovers_before(host, step),
        intended=intended(host, step),
    )


def after_it(host: Host, before: Before, outcome: StepExit, seconds: float) -> After:
    """What has become of a step; its standard output is written where it should become a file."""
    step = before.step
    result, reason = _result(host, step, outcome)
    return After(
        step=step.id,
        result=result,
        exit_code=outcome.exit_code,
        seconds=round(seconds, 3),
        output=outcome.output[-OUTPUT:],
        reason=reason,
        added=None if outcome.cut_off else added(host, before),
        digest=digest_of(step.output) if step.output and result == "done" else "",
        mount=mounted(host, step),
    )


def _result(host: Host, step: Step, outcome: StepExit) -> tuple[Result, str]:
    """How it went, and why if not well."""
    if not outcome.ok:
        return "failed", outcome.reason
    if step.output:
        try:
            create_file(step.output, outcome.stdout, step.owner_of)
        except OSError as error:
            return "failed", f"{step.output}: {error}"
    absent = missing(host, step)
    return ("not-taken", f"not there afterwards: {' '.join(absent)}") if absent else ("done", "")
