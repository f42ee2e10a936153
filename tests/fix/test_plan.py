"""A step comes after what it depends on; leaving one out takes its dependents along."""

from __future__ import annotations

import pytest

from bpfdoctor.fix.consent import consented
from bpfdoctor.fix.plan import Plan, Step, ordered, without_login
from bpfdoctor.fix.show import commands_of, commands_text, plan_text


def step(name: str, *after: str, manual: bool = False) -> Step:
    return Step(
        id=name, kind="run", title=f"do {name}", argv=("true", name), after=after, manual=manual
    )


PLAN = Plan((step("a"), step("b", "a"), step("c"), step("d", "b")))


def test_a_step_comes_after_what_it_depends_on() -> None:
    names = [each.id for each in ordered([step("b", "a"), step("c"), step("a")])]
    assert names == ["c", "a", "b"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="wait for one another"):
        ordered([step("a", "b"), step("b", "a")])


def test_a_prerequisite_that_is_not_planned_is_met() -> None:
    assert ordered([step("a", "elsewhere")])[0].id == "a"


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


def test_the_plan_shows_reason_command_and_undo() -> None:
    mount = Step(
        id="m",
        kind="run",
        title="mount tracefs",
        argv=("mount", "-t", "tracefs", "tracefs", "/a b"),
        why=("runtime.tracefs",),
        privileged=True,
        undo=("umount", "/a b"),
    )
    assert mount.command() == "sudo mount -t tracefs tracefs '/a b'"
    assert mount.command(sudo=False) == "mount -t tracefs tracefs '/a b'"
    text = plan_text(Plan((mount,)))
    assert "mount -t tracefs tracefs '/a b'" in text
    assert "why:  runtime.tracefs" in text
    assert "undo: umount '/a b'" in text


def test_the_commands_can_be_pasted() -> None:
    written = Step(
        id="w",
        kind="run",
        title="write",
        argv=("bpftool", "btf"),
        cwd="/src/it",
        output="/src/it/vmlinux h",
        environment={"A": "b c"},
    )
    line = commands_text(Plan((written,)))
    assert line == "  cd /src/it && A='b c' bpftool btf > '/src/it/vmlinux h'\n"


def test_without_sudo_each_command_stands_under_who_runs_it() -> None:
    install = Step("p", "install", "", ("apt-get", "install"), privileged=True)
    plan = Plan((install, step("a"), step("b"), install))
    as_user = [*commands_of(plan, sudo=False, root=False)]
    assert as_user == [
        *("# as root", "apt-get install"),
        *("# as yourself", "true a", "true b"),
        *("# as root", "apt-get install"),
    ]
    with_sudo = [*commands_of(plan, sudo=True, root=False)]
    assert with_sudo == ["sudo apt-get install", "true a", "true b", "sudo apt-get install"]
    assert "sudo" not in "".join(commands_of(plan, sudo=False, root=True))


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("clone https://me:secret@example.org/x", "clone https://example.org/x"),
        ("fetch a@b from ssh://git@example.org/x", "fetch a@b from ssh://example.org/x"),
        ("fetch it from ../x@y", "fetch it from ../x@y"),
    ],
)
def test_a_title_holds_no_login(title: str, shown: str) -> None:
    assert without_login(title) == shown
