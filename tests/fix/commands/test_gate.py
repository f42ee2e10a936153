"""Nothing passes the gate unseen, unasked, or in part where it is all or nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_world import no_dry_run
from own_sudo import Sudo

import bpfdoctor.fix
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.commands.gate import authorize, authorize_proof
from bpfdoctor.fix.commands.options import FixOptions, Voice
from bpfdoctor.fix.plan import Plan, Step

YES = FixOptions(yes=True)
ASK = FixOptions()
ROOTS = Step("r", "install", "as root", ("/bin/echo", "r"), privileged=True)
OURS = Step("o", "run", "as ourselves", ("/bin/echo", "o"))
RISKY = Step("m", "run", "risky", ("/bin/echo", "m"), manual=True)


class Terminal:
    """Answers questions; keeps what was said, asked and written, in order."""

    def __init__(self, *answers: str) -> None:
        self.answers = iter(answers)
        self.heard: list[tuple[str, str]] = []

    def authorized(self, *steps: Step, given: FixOptions = ASK, whole: bool = False) -> Plan | None:
        elevation = Elevation({}, terminal=False)
        return authorize(Plan(steps), given, elevation, self.voice(), whole=whole)

    def voice(self) -> Voice:
        return Voice(self.note("written"), self.note("said"), self.ask, False, no_dry_run)

    def ask(self, question: str) -> str | None:
        self.heard.append(("asked", question))
        return next(self.answers, None)

    def note(self, kind: str) -> Callable[[str], None]:
        return lambda text: self.heard.append((kind, text))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.heard]


def test_the_plan_is_shown_before_it_is_consented_to() -> None:
    terminal = Terminal("y")
    elevation = Elevation({}, terminal=False)
    plan, voice = Plan((OURS,)), terminal.voice()
    assert authorize(plan, ASK, elevation, voice, heading="Above.", note="Below.") == plan
    assert terminal.kinds() == ["said", "asked"]
    lines = terminal.heard[0][1].splitlines()
    assert (lines[0], lines[-1]) == ("Above.", "Below.")
    assert any("/bin/echo o" in line for line in lines)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize("answer", ["", "n", "no", "Yes please", "3", "1 x"])
def test_nothing_passes_without_consent_and_sudo_is_not_asked(sudo: Sudo, answer: str) -> None:
    sudo.installed(quietly=0)
    terminal = Terminal(answer)
    assert terminal.authorized(ROOTS, OURS) is None
    assert terminal.heard[-1] == ("said", "Nothing was done.")
    assert sudo.heard == []


@pytest.mark.usefixtures("user")
def test_what_is_consented_to_passes_once_root_is_to_be_had(sudo: Sudo) -> None:
    sudo.installed(quietly=0)
    assert Terminal("y").authorized(ROOTS, OURS) == Plan((ROOTS, OURS))
    assert sudo.heard == ["-n true"]


@pytest.mark.usefixtures("user")
def test_sudo_is_not_asked_for_a_part_that_needs_no_root(sudo: Sudo) -> None:
    sudo.installed(quietly=0)
    assert Terminal("2").authorized(ROOTS, OURS) == Plan((OURS,))
    assert sudo.heard == []


@pytest.mark.usefixtures("user")
def test_without_root_nothing_passes_and_the_commands_can_be_pasted(sudo: Sudo) -> None:
    sudo.installed(quietly=1)
    terminal = Terminal()
    assert terminal.authorized(ROOTS, given=YES) is None
    kind, text = terminal.heard[-1]
    assert (kind, text.strip()) == ("written", "$ sudo /bin/echo r")
    assert "there is no terminal" in terminal.heard[-2][1]


def test_a_part_passes_alone_but_not_where_it_is_all_or_nothing() -> None:
    other = Step("x", "run", "other", ("/bin/echo", "x"))
    assert Terminal("1").authorized(OURS, other) == Plan((OURS,))
    assert Terminal("1").authorized(OURS, other, whole=True) is None
    assert Terminal("1, 2").authorized(OURS, other, whole=True) == Plan((OURS, other))


def test_yes_alone_does_not_let_through_what_lowers_security() -> None:
    assert Terminal().authorized(OURS, RISKY, given=YES) == Plan((OURS,))
    assert Terminal("n").authorized(RISKY, given=YES) is None
    assert Terminal("y").authorized(RISKY, given=YES) == Plan((RISKY,))


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("yes", "agreed", "answers", "questions", "proven"),
    [
        (True, False, (), 0, True),
        (False, True, (), 0, True),
        (False, False, ("y",), 1, True),
        (False, False, ("",), 1, False),
        (False, False, (), 1, False),
    ],
)
def test_root_proves_nothing_that_was_not_agreed_to(  # noqa: PLR0917
    sudo: Sudo, yes: bool, agreed: bool, answers: tuple[str, ...], questions: int, proven: bool
) -> None:
    sudo.installed(quietly=0)
    terminal = Terminal(*answers)
    options = FixOptions(yes=yes, proof="the very command")
    elevation = Elevation({}, terminal=False)
    assert authorize_proof(options, elevation, terminal.voice(), agreed=agreed) == proven
    assert terminal.kinds() == ["asked"] * questions
    assert all("the very command" in text for _, text in terminal.heard)
    assert len(sudo.heard) == proven


@pytest.mark.usefixtures("user", "sudo")
def test_what_was_agreed_to_is_not_proven_without_root() -> None:
    elevation = Elevation({}, terminal=False)
    assert not authorize_proof(YES, elevation, Terminal().voice(), agreed=True)


def test_nobody_else_asks_for_consent_or_whether_root_is_to_be_had() -> None:
    room = Path(bpfdoctor.fix.__file__).parent / "commands"
    for path in room.glob("*.py"):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Attribute, ast.Name))
        }
        reserved = names & {"consented", "is_yes", "prefix", "leave_to_root"}
        assert not reserved or path.stem in {"gate", "consent"}, path
