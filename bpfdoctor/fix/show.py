"""A plan in words: the same text for `--dry-run`, for the prompt, and where there is no sudo."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bpfdoctor.fix.plan import Manual, Plan, Step


def plan_text(plan: Plan, heading: str = "The plan, in the order in which it will run:") -> str:
    """What would run, why, as whom, and how it is undone; then what is left to a person."""
    lines = [heading, ""] if plan.steps else []
    if not plan.steps and not plan.manual:
        lines = ["There is nothing to do."]
    for number, step in enumerate(plan.steps, 1):
        lines += [*_step_lines(number, step), ""]
    if plan.manual:
        lines += ["To be done by hand:", ""]
        for manual in plan.manual:
            lines += [*_manual_lines(manual), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def commands_text(plan: Plan) -> str:
    """The commands alone, to be pasted."""
    return "".join(f"  {step.command(sudo=_sudo())}\n" for step in plan.steps)


def _sudo() -> bool:
    return os.geteuid() != 0


def _step_lines(number: int, step: Step) -> Iterator[str]:
    yield f"{number:3}. {step.title}"
    yield f"       {step.command(sudo=_sudo())}"
    if step.why:
        yield f"     why:  {', '.join(step.why)}"
    if step.undo or step.undo_text:
        import shlex

        yield f"     undo: {shlex.join(step.undo) if step.undo else step.undo_text}"
    if step.manual:
        yield "     This makes the machine less secure: --yes alone does not consent to it."
    for note in step.notes:
        yield f"     note: {note}"


def _manual_lines(manual: Manual) -> Iterator[str]:
    first, *rest = manual.text.splitlines() or [""]
    yield f"   * {first}"
    yield from (f"     {line}" for line in rest)
    if manual.why:
        yield f"     why:  {', '.join(manual.why)}"
