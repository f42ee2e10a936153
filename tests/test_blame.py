"""No check puts down what it could not judge to another that did not fail.

On recorded machines, one answer at a time is taken away: what is then skipped names a finding that
does not pass.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.api import Answer, Context, NoAnswer, Question, Selection, Status, Target
from bpfdoctor.engine.load import load_checks
from bpfdoctor.engine.schedule import Nobody, run_checks, settle_skips
from bpfdoctor.host.question import A
from bpfdoctor.host.record import NEUTRAL, read_snapshot
from bpfdoctor.testing import project_named

HOSTS = Path(__file__).parent / "hosts"
CHECKS = load_checks().checks
SELECTION = Selection((Target("minimal"), Target("bootstrap")))


class Without:
    """A recorded machine that gives no answer to one question, for this reason."""

    def __init__(
        self, answers: dict[Question[Answer], Answer], gone: Question[Answer], reason: str
    ) -> None:
        self.answers, self.gone, self.reason = answers, gone, reason

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `RecordedHost.ask`."""
        neutral = NEUTRAL.value(question)
        if neutral == self.gone:
            return NoAnswer(self.reason)
        return self.answers.get(neutral) or NoAnswer("not-recorded")  # type: ignore[return-value]


def accused(host: Without) -> list[str]:
    """The checks that blame what did not fail, by `settle_skips`."""
    context = Context(host, project_named(), SELECTION)
    settled = settle_skips(run_checks(CHECKS, context, Nobody()))
    return [f"{each.key}: {each.summary}" for each in settled if each.status is Status.ERROR]


@pytest.mark.parametrize("reason", ["EACCES", "ENOENT", "broken"])
@pytest.mark.parametrize("name", ["debian-6.1-base", "debian-6.1-user"])
def test_what_a_check_blames_did_not_pass(name: str, reason: str) -> None:
    answers = {each.question: each.answer for each in read_snapshot(HOSTS / f"{name}.json").answers}
    wrong = {
        f"without {question.source()}: {line}"
        for question in answers
        for line in accused(Without(answers, question, reason))
    }
    assert wrong == set()
