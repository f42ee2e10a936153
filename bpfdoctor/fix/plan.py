"""A plan as data: the steps in the order they will run, and what only a person can do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from bpfdoctor.shell import command_line, quoted
from bpfdoctor.visible import visible

StepKind = Literal["repair", "repository", "refresh", "install", "submodule", "run", "remove"]


class Step(msgspec.Struct, frozen=True):
    """One command, shown before it runs and run as it was shown.

    `why` are the keys of the findings behind it, `after` the ids of steps that must have succeeded.
    `environment` is what the command gets beside a minimal one. `output` is a file that its
    standard output becomes. `owner_of`: when we are root and the owner of that path is not, the
    command runs as that owner. `undo` takes it back; `undo_text` says how, or that there is nothing
    to take back. `manual`: it lowers the machine's security, so that `--yes` does not consent.
    """

    id: str
    kind: StepKind
    title: str
    argv: tuple[str, ...]
    why: tuple[str, ...] = ()
    privileged: bool = False
    environment: dict[str, str] = {}
    cwd: str = ""
    output: str = ""
    owner_of: str = ""
    manager: str = ""
    packages: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    undo_text: str = ""
    after: tuple[str, ...] = ()
    manual: bool = False
    notes: tuple[str, ...] = ()

    def command(self, *, sudo: bool = True) -> str:
        """The line that a person would type to do the same; root needs no `sudo` for it."""
        line = command_line(self.argv)
        if self.environment:
            settings = " ".join(f"{k}={quoted(v)}" for k, v in self.environment.items())
            line = f"{'env ' if self.privileged and sudo else ''}{settings} {line}"
        if self.output:
            line = f"{line} > {quoted(self.output)}"
        line = f"sudo {line}" if self.privileged and sudo else line
        return f"cd {quoted(self.cwd)} && {line}" if self.cwd else line


def without_login(text: str) -> str:
    """`text` without the names and passwords that the URLs in it hold."""
    return re.sub(r"(?<=://)[^/\s@]*@", "", text)


class Manual(msgspec.Struct, frozen=True):
    """What bpfdoctor cannot or will not do itself: for which findings, and what to do."""

    why: tuple[str, ...]
    text: str


def commands_to_paste(words: str, commands: Iterable[str], *, as_root: bool = True) -> str:
    """`words`, then the commands, indented; said to be root's where the reader is not root."""
    who = " (as root)" if as_root and os.geteuid() != 0 else ""
    return "\n".join((visible(f"{words}{who}:"), *(f"  {visible(each)}" for each in commands)))


class Plan(msgspec.Struct, frozen=True):
    """All that would be done, in order; `manual` is left to a person."""

    steps: tuple[Step, ...] = ()
    manual: tuple[Manual, ...] = ()
    schema: int = 1

    @property
    def privileged(self) -> bool:
        """Whether any step needs root."""
        return any(step.privileged for step in self.steps)

    def only(self, ids: frozenset[str]) -> Plan:
        """The plan with these steps alone; a step whose prerequisite is left out goes with it."""
        kept: list[Step] = []
        for step in self.steps:
            known = {other.id for other in self.steps}
            gone = (known & set(step.after)) - {each.id for each in kept}
            if step.id in ids and not gone:
                kept.append(step)
        return msgspec.structs.replace(self, steps=tuple(kept))


def order_steps(steps: list[Step]) -> tuple[Step, ...]:
    """Steps so that each comes after what it depends on; otherwise as given.

    A prerequisite that is not among the steps is taken as met. Raises ValueError for a circle.
    """
    known = {step.id for step in steps}
    placed: list[Step] = []
    waiting = list(steps)
    while waiting:
        done = {step.id for step in placed}
        ready = next((s for s in waiting if not (set(s.after) & known) - done), None)
        if ready is None:
            raise ValueError(f"steps wait for one another: {[step.id for step in waiting]}")
        placed.append(ready)
        waiting.remove(ready)
    return tuple(placed)
