"""Questions that run a command: what comes back when it works, and when it does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.commands import (
    AskEnvironment,
    AskWhichAreSet,
    Completed,
    RunCommand,
    SetVariables,
    Variables,
    signal_name,
)
from bpfdoctor.host.tools.search import FindExecutables, FindTool, FoundTools, ToolPath


def tool(directory: Path, name: str, lines: str, shell: str = "/bin/sh") -> Path:
    path = directory / name
    path.write_text(f"#!{shell}\n{lines}\n")
    path.chmod(0o755)
    return path


def machine(*places: Path) -> Machine:
    return Machine({"PATH": ":".join([*map(str, places), "/usr/bin", "/bin"])})


def test_a_command_is_found_on_the_users_path_and_runs(tmp_path: Path) -> None:
    path = tool(tmp_path, "a-tool", "echo version 14; echo warned >&2")
    done = RunCommand(("a-tool", "--version")).put(machine(tmp_path))
    assert done == Completed(0, "version 14\n", "warned\n")
    assert FindTool("a-tool").put(machine(tmp_path)) == ToolPath(str(path), str(path))


def test_how_a_command_ended_is_shown_when_it_matters() -> None:
    assert Completed(0, "out\n", "").shown() == "out"
    assert Completed(0, "", "").shown() == "(exit status 0)"
    assert Completed(2, "out\n", "err\n").shown() == "out\nerr\n(exit status 2)"
    assert Completed(None, "", "", "SIGSEGV").shown() == "(killed by SIGSEGV)"
    assert RunCommand(("make", "A=b c")).source() == "$ make 'A=b c'"


def test_a_hang_is_no_answer(tmp_path: Path) -> None:
    tool(tmp_path, "a-tool", "exec sleep 1000")
    answer = RunCommand(("a-tool",), timeout=0.3).put(machine(tmp_path))
    assert answer == NoAnswer("timed-out", "no end after 0.3 seconds")


def test_bytes_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    tool(tmp_path, "a-tool", r"printf '\377\n'")
    assert RunCommand(("a-tool",)).put(machine(tmp_path)) == Completed(0, "\\xff\n", "")


def test_an_exit_by_signal_is_named(tmp_path: Path) -> None:
    tool(tmp_path, "a-tool", "kill -ILL $$")
    answer = RunCommand(("a-tool",)).put(machine(tmp_path))
    assert answer == Completed(None, "", "", "SIGILL")
    assert signal_name(64) == "SIGRTMAX"
    assert signal_name(999) == "signal 999"


def test_only_a_tool_that_is_not_there_is_absent(tmp_path: Path) -> None:
    here = machine(tmp_path)
    absent = RunCommand(("a-tool",)).put(here)
    assert isinstance(absent, NoAnswer)
    assert absent.absent

    tool(tmp_path, "a-tool", "", shell="/no/such/interpreter")
    broken = RunCommand(("a-tool",)).put(here)
    assert broken == NoAnswer("broken", "the interpreter or loader of a-tool is not there")

    elsewhere = RunCommand(("true",), cwd=f"{tmp_path}/absent").put(here)
    assert isinstance(elsewhere, NoAnswer)
    assert elsewhere.reason == "refused"
    assert elsewhere.detail == f"cannot enter {tmp_path}/absent: No such file or directory"

    owner = RunCommand(("true",), owner_of=f"{tmp_path}/absent").put(here)
    assert isinstance(owner, NoAnswer)
    assert owner.reason == "refused"


@pytest.mark.parametrize("question", [RunCommand(("true", "a\0b")), RunCommand(())])
def test_what_is_no_command_is_refused(question: RunCommand) -> None:
    answer = question.put(machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


def test_a_file_that_may_not_be_run_is_not_found(tmp_path: Path) -> None:
    tool(tmp_path, "a-tool", "").chmod(0o644)
    found = FindTool("a-tool").put(machine(tmp_path))
    assert found == NoAnswer("ENOENT", "a-tool is not on PATH")


def test_without_a_path_the_systems_default_counts() -> None:
    assert isinstance(FindTool("sh").put(Machine({})), ToolPath)
    assert isinstance(RunCommand(("sh", "-c", "exit 0")).put(Machine({})), Completed)
    assert isinstance(FindTool("sh").put(Machine({"PATH": ""})), NoAnswer)
    assert isinstance(FindTool("s\0h").put(Machine({})), NoAnswer)


def test_a_link_is_resolved(tmp_path: Path) -> None:
    real = tool(tmp_path, "a-tool-14", "")
    (tmp_path / "a-tool").symlink_to(real)
    found = FindTool("a-tool").put(machine(tmp_path))
    assert found == ToolPath(f"{tmp_path}/a-tool", str(real))
    assert found.shown() == f"{tmp_path}/a-tool -> {real}"


def test_the_scratch_directory_has_one_name() -> None:
    here = machine()
    try:
        done = RunCommand(("echo", str(here.scratch))).put(here)
    finally:
        here.close()
    assert done == Completed(0, "$SCRATCH\n", "")


def test_variables_that_are_not_set_are_left_out() -> None:
    here = Machine({"CC": "gcc", "CPATH": os.fsdecode(b"/\xff"), "EMPTY": ""})
    answer = AskEnvironment(("CC", "CPATH", "CLANG", "EMPTY")).put(here)
    assert answer == Variables({"CC": "gcc", "CPATH": "/\\xff", "EMPTY": ""})
    assert answer.shown() == "CC=gcc\nCPATH=/\\xff\nEMPTY="


def test_the_value_of_a_secret_variable_is_not_even_answered() -> None:
    here = Machine({"GITHUB_TOKEN": "abc", "CC": "gcc"})
    assert AskEnvironment(("GITHUB_TOKEN", "CC")).put(here) == Variables(
        {"GITHUB_TOKEN": "$SECRET", "CC": "gcc"}
    )


def test_which_variables_are_set_is_answered_without_their_values() -> None:
    answer = AskWhichAreSet(("A", "B")).put(Machine({"A": "value"}))
    assert answer == SetVariables(("A",))
    assert answer.shown() == "set: A"


def test_root_acts_in_a_tree_as_its_owner(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    os.chown(tmp_path, 65534, 65534)
    answer = RunCommand(("id", "-u"), owner_of=str(tmp_path)).put(machine())
    assert answer == Completed(0, "65534\n", "")
    os.chown(tmp_path, 0, 0)
    assert RunCommand(("id", "-u"), owner_of=str(tmp_path)).put(machine()) == Completed(
        0, "0\n", ""
    )


def test_the_owner_is_put_into_a_tree_that_only_root_can_reach(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    inner = tmp_path / "inner"
    inner.mkdir()
    os.chown(inner, 65534, 65534)
    tmp_path.chmod(0o700)
    answer = RunCommand(("id", "-u"), cwd=str(inner), owner_of=str(inner)).put(machine())
    assert answer == Completed(0, "65534\n", "")


def test_digits_of_a_name_that_are_no_number_break_no_search(tmp_path: Path) -> None:
    for name in ("a-tool-9", "a-tool-17", "a-tool-²"):
        tool(tmp_path, name, "")
    found = FindExecutables(("a-tool-*",)).put(machine(tmp_path))
    assert isinstance(found, FoundTools)
    assert [Path(each).name for each in found.paths] == ["a-tool-17", "a-tool-9", "a-tool-²"]
