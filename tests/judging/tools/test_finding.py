"""What a tool that is not fit leads to: each state its own status and its own advice."""

from __future__ import annotations

import pytest

from bpfdoctor.judging.tools.choice import ToolChoice
from bpfdoctor.judging.tools.finding import LEAD_THERE, verdict_on_all
from bpfdoctor.judging.tools.tool_verdict import State, ToolVerdict
from bpfdoctor.model import ByHand, Finding, Fix, Install, Run, Status

BUILD = Run(("bpfdoctor", "check"), text="builds, and so runs it")
LOOK = ByHand("see what it does by hand: tool-0")
LOOK_AT_BOTH = ByHand("see what it does by hand: tool-0; tool-1")
INSTALL = Install(("clang",))


def verdict_of(*states: State) -> Finding:
    """The verdict on as many tools, each of one of these states."""
    judged = [
        ToolVerdict((f"tool-{n}",), state, "", f"{n} is so") for n, state in enumerate(states)
    ]
    chosen = [ToolChoice("TOOL", each, each) for each in judged]
    return verdict_on_all(chosen, "all work", "clang")


@pytest.mark.parametrize(
    ("states", "status", "fix"),
    [
        (("unproven",), Status.WARN, BUILD),
        (("unclear",), Status.UNKNOWN, LOOK),
        (("unclear", "unproven"), Status.UNKNOWN, LOOK_AT_BOTH),
        (("unclear", "unfit"), Status.FAIL, INSTALL),
        (("unproven", "missing"), Status.FAIL, INSTALL),
        (("off-path",), Status.FAIL, ByHand(LEAD_THERE)),
        (("off-path", "missing"), Status.FAIL, INSTALL),
        (("old",), Status.FAIL, INSTALL),
    ],
)
def test_what_is_not_known_of_a_tool_is_no_reason_to_install_one(
    states: tuple[State, ...], status: Status, fix: Fix
) -> None:
    found = verdict_of(*states)
    assert (found.status, found.fixes) == (status, (fix,))


def test_a_fit_tool_does_not_excuse_one_that_is_not() -> None:
    found = verdict_of("fit", "missing")
    assert (found.status, found.summary) == (Status.FAIL, "1 is so")
    assert verdict_of("fit", "fit").status is Status.PASS
