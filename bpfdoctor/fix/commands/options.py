"""What the user asked of `fix`, `undo` and `init`, and how these commands speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from bpfdoctor.fix.commands.consent import Ask
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.redact import Redactor

DID_NOT_TAKE = 4
"""Exit status when something was applied and did not take."""


class FixOptions(msgspec.Struct, frozen=True):
    """What the user asked for.

    `ids` are findings to repair instead of all that is needed. `proof` is the command that the
    elevated check runs, as `Voice` shows it; empty where nothing is to be proven as root.
    """

    ids: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False
    smoke: bool = True
    proof: str = ""


class ShowPlan(Protocol):
    """Writes a plan in the formats that were asked for.

    `words` are the plan for a person; `said`: they were said already.
    """

    def __call__(
        self, plan: Plan, words: str, redactor: Redactor, *, said: bool = False
    ) -> object: ...


class Voice(NamedTuple):
    """How a command speaks: `write` is for a person who reads the result, `say` is progress.

    `say` is standard error, line by line, and so is `write` where standard output carries data.
    `ask` puts a question on the terminal, None where there is none. `terminal`: there is one.
    `plan` writes the plan of a dry run.
    """

    write: Callable[[str], object]
    say: Callable[[str], object]
    ask: Ask
    terminal: bool
    plan: ShowPlan
