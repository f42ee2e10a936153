"""What `fix`, `undo` and `init` share: how they speak, and how they check again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from bpfdoctor.cli.destinations import Destinations
from bpfdoctor.cli.examine import Examined, examined
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.terminal import answer_to, say
from bpfdoctor.report.documents import PlanDocument

if TYPE_CHECKING:
    from bpfdoctor.fix.commands.fix import CheckRequest
    from bpfdoctor.fix.commands.options import Voice
    from bpfdoctor.fix.plan import Plan
    from bpfdoctor.host.redact import Redactor
    from bpfdoctor.model import Report


def voice(destinations: Destinations) -> Voice:
    """Plans to their destinations; progress and questions on the terminal."""
    from bpfdoctor.fix.commands.options import Voice

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(question: str) -> str | None:
        return answer_to(question) if terminal else None

    def plan(plan: Plan, words: str, redactor: Redactor, *, said: bool = False) -> None:
        destinations.write(PlanDocument(plan, words), redactor, said=said)

    return Voice(destinations.words, say, ask, terminal, plan)


class Checks(NamedTuple):
    """Examines the same thing again and again, each time anew; keeps the last for showing."""

    given: Given
    runs: list[Examined]

    def again(self, wanted: CheckRequest) -> Report:
        """One examination, without the cache: what was proven before a change proves nothing."""
        given = self.given._replace(smoke=wanted.smoke, sudo=wanted.elevated, cache=False)
        self.runs.append(examined(given))
        return self.runs[-1].report
