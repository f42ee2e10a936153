"""The status line never mixes with what stays."""

from __future__ import annotations

import io

import pytest
from fix_world import no_dry_run

from bpfdoctor.fix.applying.attempts import Patience
from bpfdoctor.fix.commands.options import Voice
from bpfdoctor.fix.commands.progress import CLEAR, StatusLine, applier_of
from bpfdoctor.host.machine import Machine


def test_the_line_is_cleared_before_something_is_said() -> None:
    stream = io.StringIO()
    said: list[str] = []
    status = StatusLine(stream, said.append)
    status.detail("Get:1 bookworm\x1b[31m\r10 %")
    status.say("done")
    status.say("again")
    assert stream.getvalue() == f"{CLEAR}| 10 %{CLEAR}"
    assert said == ["done", "again"]


def test_a_control_character_of_a_command_does_not_reach_the_terminal() -> None:
    stream = io.StringIO()
    StatusLine(stream, lambda text: None).detail("a\x1b]0;title\x07b")
    assert stream.getvalue() == f"{CLEAR}| a\\x1b]0;title\\x07b"


def test_what_a_step_prints_is_shown_while_somebody_watches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said: list[str] = []
    voice = Voice(print, said.append, lambda question: None, True, no_dry_run)
    applier = applier_of(Machine({}), voice, Patience())
    applier.machine.progress("Get:1 bookworm")
    applier.say("done")
    assert capsys.readouterr().err == f"{CLEAR}| Get:1 bookworm{CLEAR}"
    assert said == ["done"]
