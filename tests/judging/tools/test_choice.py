"""Which tool a makefile would run, and which one is used where that is unfit."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.judging.tools.choice import choose, tool_words
from bpfdoctor.judging.tools.finding import LEAD_THERE, verdict_on
from bpfdoctor.judging.tools.make import chosen_make
from bpfdoctor.judging.tools.tool_verdict import Argv, State, ToolVerdict, absent
from bpfdoctor.model import ByHand, Status


def host(**environment: str) -> LiveHost:
    return LiveHost(Machine(environment))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ("cc",)),
        ({"CROSS_COMPILE": "foo-"}, ("foo-cc",)),
        ({"CROSS_COMPILE": ""}, ("cc",)),
        ({"CROSS_COMPILE": "foo-", "CC": "ccache gcc"}, ("ccache", "gcc")),
        ({"CC": ""}, ()),
    ],
)
def test_a_prefix_of_the_environment_counts_where_the_variable_is_not_set(
    environment: dict[str, str], words: Argv
) -> None:
    assert tool_words(host(**environment), "CC", "$(CROSS_COMPILE)cc") == words


def test_a_prefix_without_a_compiler_behind_it_leaves_another_one(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    machine = host(PATH=str(tmp_path), CROSS_COMPILE="foo-")

    def judge(argv: Argv) -> ToolVerdict:
        return absent(machine, argv) or ToolVerdict(argv, "fit")

    chosen = choose(machine, "CC", "$(CROSS_COMPILE)cc", judge, (("gcc",),))
    assert chosen.default.trouble == "foo-cc is not on PATH"
    assert chosen.override == "CC=gcc"


@pytest.mark.parametrize(
    ("state", "used"),
    [("unproven", "ours"), ("fit", "ours"), ("unclear", "other"), ("unfit", "other")],
)
def test_what_a_build_has_yet_to_prove_is_not_passed_over_for_another(
    tmp_path: Path, state: State, used: str
) -> None:
    """A checkout's own tool is not run before a build: `make` will take it all the same."""
    (tmp_path / "other").symlink_to("/bin/true")

    def judge(argv: Argv) -> ToolVerdict:
        return ToolVerdict(argv, state if argv == ("ours",) else "fit")

    chosen = choose(host(PATH=str(tmp_path)), "TOOL", "ours", judge, (("other",),))
    assert (chosen.argv, chosen.default.argv) == ((used,), ("ours",))


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_a_tool_that_path_does_not_lead_to_is_not_to_be_installed(path: str) -> None:
    finding = verdict_on(chosen_make(host(PATH=path), "3.81"), "", "make")
    assert finding.status is Status.FAIL
    assert finding.summary == "make is not on PATH, which does not lead to /usr/bin/make"
    assert finding.fixes == (ByHand(LEAD_THERE),)
