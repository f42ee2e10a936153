"""What the user asked of `fix`, `undo` and `init`, and how these commands speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from bpfdoctor.fix.commands.consent import Ask

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
    json: bool = False
    smoke: bool = True
    proof: str = ""


class Voice(NamedTuple):
    """How a command speaks: `write` is standard output, `say` standard error, line by line.

    `ask` puts a question on the terminal, None where there is none. `terminal`: there is one.
    """

    write: Callable[[str], object]
    say: Callable[[str], object]
    ask: Ask
    terminal: bool
