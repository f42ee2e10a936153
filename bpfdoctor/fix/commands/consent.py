"""Consent before anything: asked once, the default answer is no."""

from __future__ import annotations

from collections.abc import Callable

from bpfdoctor.fix.plan import Plan

Ask = Callable[[str], "str | None"]
"""Puts a question on the terminal and returns the answer; None where there is nobody to ask."""

QUESTION = "Do this? [y]es, [N]o, or the numbers of the steps to do: "
RISKY = "Step {number} makes the machine less secure: {title}. Do it? [y/N] "


def consented(plan: Plan, *, yes: bool, ask: Ask) -> Plan:
    """The part of a plan that was consented to; `yes` consents to all that is not `manual`."""
    chosen = _all(plan) if yes else _asked(plan, ask(QUESTION))
    for number, step in enumerate(plan.steps, 1):
        if step.manual and step.id in chosen:
            answer = ask(RISKY.format(number=number, title=step.title))
            if not is_yes(answer):
                chosen -= {step.id}
    return plan.only(chosen)


def _all(plan: Plan) -> frozenset[str]:
    return frozenset(step.id for step in plan.steps)


def _asked(plan: Plan, answer: str | None) -> frozenset[str]:
    """All for yes, those numbered for numbers, none for anything else."""
    if is_yes(answer):
        return _all(plan)
    words = (answer or "").replace(",", " ").split()
    numbered = {str(number): step.id for number, step in enumerate(plan.steps, 1)}
    if not all(word in numbered for word in words):
        return frozenset()
    return frozenset(numbered[word] for word in words)


def is_yes(answer: str | None) -> bool:
    """Whether an answer is a clear yes."""
    return (answer or "").strip().lower() in ("y", "yes")
