"""What `fix`, `undo` and `init` share: how they speak, and how they check again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from bpfdoctor.cli.examine import Examined, examined
from bpfdoctor.cli.output import Output
from bpfdoctor.cli.parameters import Given

if TYPE_CHECKING:
    from bpfdoctor.fix.commands.fix import CheckRequest
    from bpfdoctor.fix.commands.options import Voice
    from bpfdoctor.model import Report


def voice(output: Output) -> Voice:
    """Reports and plans on standard output; progress and questions on the terminal."""
    from bpfdoctor.fix.commands.options import Voice

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def say(text: str) -> None:
        click.echo(text, err=True)

    def ask(question: str) -> str | None:
        if not terminal:
            return None
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline()

    return Voice(output.write, say, ask, terminal)


class Checks(NamedTuple):
    """Examines the same thing again and again, each time anew; keeps the last for showing."""

    given: Given
    runs: list[Examined]

    def again(self, wanted: CheckRequest) -> Report:
        """One examination, without the cache: what was proven before a change proves nothing."""
        given = self.given._replace(smoke=wanted.smoke, sudo=wanted.elevated, cache=False)
        self.runs.append(examined(given))
        return self.runs[-1].report
