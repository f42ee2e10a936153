"""The program ends at once, and loses nothing of what it said."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def bpfdoctor(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ("-c", code) if code else ("-m", "bpfdoctor")
    return subprocess.run(
        [sys.executable, *start, *arguments], capture_output=True, text=True, check=False
    )


def test_all_that_is_written_to_a_pipe_arrives() -> None:
    run = bpfdoctor("list", "--json")
    assert run.returncode == 0
    assert json.loads(run.stdout)
    assert len(run.stdout) > 1 << 13  # more than Python keeps in a buffer


@pytest.mark.parametrize(
    ("arguments", "status"), [(("--version",), 0), (("nonsense",), 2), (("explain", "a.b"), 2)]
)
def test_the_exit_status_is_that_of_the_command(arguments: tuple[str, ...], status: int) -> None:
    run = bpfdoctor(*arguments)
    assert run.returncode == status
    assert bool(run.stdout) == (status == 0)
    assert bool(run.stderr) == (status != 0)


def test_what_a_library_left_in_a_buffer_is_written_and_python_takes_nothing_apart() -> None:
    code = """
import atexit, sys
import bpfdoctor.cli as cli
atexit.register(lambda: print("taken apart", file=sys.stderr))
stderr = sys.stderr = open(2, "w", buffering=1 << 16, closefd=False)
def main():
    stderr.write("said late")
    return 3
cli.main = main
cli.console()
"""
    run = bpfdoctor(code=code)
    assert (run.returncode, run.stderr) == (3, "said late")
