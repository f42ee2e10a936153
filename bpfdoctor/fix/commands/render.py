"""A plan in words: the same text for `--dry-run`, for the prompt, and where there is no sudo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby

from bpfdoctor.fix.applying.elevate import sudo_is_typed
from bpfdoctor.fix.commands.options import Voice
from bpfdoctor.fix.plan import Manual, Plan, Step
from bpfdoctor.shell import BAR, command_in, command_line, inert, typed
from bpfdoctor.visible import Shown, field, page, visible

HEADING = "The plan, in the order in which it will run:"


def plan_text(plan: Plan, heading: str = HEADING, note: str = "") -> Shown:
    """What would run, why, as whom, and how it is undone; then what is left to a person.

    `note` stands below it.
    """
    lines = [heading, ""] if plan.steps else []
    if not plan.steps and not plan.manual:
        lines = ["There is nothing to do."]
    for number, step in enumerate(plan.steps, 1):
        lines += [*_step_lines(number, step), ""]
    if plan.manual:
        lines += ["To be done by hand:", ""]
        for manual in plan.manual:
            lines += [*_manual_lines(manual), ""]
    while lines[-1:] == [""]:
        lines.pop()
    return page(_line(line) for line in (*lines, *filter(None, (note,))))


def leave_to_root(plan: Plan, refused: str, voice: Voice) -> None:
    """Print the commands that nobody here may run."""
    voice.say(f"Root is needed and {refused}. To be run by hand:")
    voice.write(commands_text(plan))


def commands_text(plan: Plan) -> Shown:
    """The commands alone, to be pasted."""
    return page(commands_of(plan, sudo=sudo_is_typed(), root=os.geteuid() == 0))


def commands_of(plan: Plan, *, sudo: bool, root: bool) -> Iterator[str]:
    """A line a command; where neither root nor sudo serves for all, each part says for whom."""
    for privileged, steps in groupby(plan.steps, lambda step: step.privileged):
        if not sudo and not root:
            yield "  As root:" if privileged else "  As yourself:"
        yield from (typed(step.command(sudo=sudo), 2) for step in steps)


def _line(line: str) -> Shown:
    return line if isinstance(line, Shown) else Shown(inert(visible(line)))


def _step_lines(number: int, step: Step) -> Iterator[str]:
    yield f"{number:3}. {field(step.title)}"
    yield typed(step.command(sudo=sudo_is_typed()), 7)
    if step.privileged and os.geteuid() != 0 and not sudo_is_typed():
        yield "     as:   root"
    if step.why:
        yield f"     why:  {field(', '.join(step.why))}"
    if step.undo or step.undo_text:
        yield f"     undo: {command_line(step.undo) if step.undo else field(step.undo_text)}"
    if step.manual:
        yield "     This makes the machine less secure: --yes alone does not consent to it."
    for note in step.notes:
        yield f"     note: {field(note)}"


def _manual_lines(manual: Manual) -> Iterator[str]:
    """Words behind a bar, and the commands among them, which are indented."""
    for line in manual.text.split("\n"):
        command = command_in(line)
        yield typed(command, 5) if command else Shown(f"   {BAR}{field(line)}")
    if manual.why:
        yield f"     why:  {field(', '.join(manual.why))}"
