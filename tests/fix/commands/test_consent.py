"""Nothing is consented to by default, nor by an answer that is not clear."""

from __future__ import annotations

import pytest

from bpfdoctor.fix.commands.consent import QUESTION, RISKY, consented
from bpfdoctor.fix.plan import Plan, Step


def step(name: str, *after: str, manual: bool = False) -> Step:
    return Step(
        id=name, kind="run", title=f"do {name}", argv=("true", name), after=after, manual=manual
    )


PLAN = Plan((step("a"), step("b", "a"), step("c"), step("d", "b")))


def answers(*given: str | None) -> list[str]:
    replies = iter(given)
    agreed = consented(PLAN, yes=False, ask=lambda question: next(replies))
    return [each.id for each in agreed.steps]


def test_the_default_answer_is_no() -> None:
    assert answers("") == [] == answers("n") == answers("what?")


def test_without_a_terminal_there_is_no_consent() -> None:
    assert answers(None) == []


def test_yes_means_all() -> None:
    assert answers("yes") == ["a", "b", "c", "d"]


def test_numbers_choose_and_a_refused_step_takes_its_dependents_along() -> None:
    assert answers("2, 3 4") == ["c"]
    assert answers("1 2") == ["a", "b"]


@pytest.mark.parametrize("answer", ["²", "٣", "0", "5", "-1", "1 5", "9" * 5000])
def test_what_is_no_number_of_a_step_is_no_consent(answer: str) -> None:
    assert answers(answer) == []


def test_yes_alone_does_not_consent_to_what_lowers_security() -> None:
    plan = Plan((step("a"), step("risky", manual=True)))
    assert [s.id for s in consented(plan, yes=True, ask=lambda q: None).steps] == ["a"]
    both = consented(plan, yes=True, ask=lambda q: "y")
    assert [s.id for s in both.steps] == ["a", "risky"]


def test_who_consents_is_told_to_what() -> None:
    """A step that lowers security is asked for by its number in the plan and its title."""
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return "y"

    plan = Plan((step("a"), step("b", manual=True), step("c", manual=True)))
    assert consented(plan, yes=False, ask=ask) == plan
    assert questions == [
        QUESTION,
        RISKY.format(number=2, title="do b"),
        RISKY.format(number=3, title="do c"),
    ]


def test_what_was_not_chosen_is_not_asked_for_again() -> None:
    replies = iter(["1"])
    plan = Plan((step("a"), step("risky", manual=True)))
    agreed = consented(plan, yes=False, ask=lambda question: next(replies))
    assert [each.id for each in agreed.steps] == ["a"]
