"""A format is one file more: here one that the tests drop beside the others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Doctor = Callable[..., "CompletedProcess[str]"]
CHECK = ("check", "--no-smoke", "--only", "kernel.release")
PLAN = ("fix", "--dry-run", "--no-smoke", "--for", "minimal:build")


SHOUT = '''"""Loud: the verdict and nothing else."""

def report(document, paper):
    return document.report.verdict.summary.upper() + "\\\\n"
'''


@pytest.fixture
def shouting(tmp_path: Path) -> Doctor:
    """The real command with one more file beside the formats, and nothing else touched."""
    beside = tmp_path / "formats"
    beside.mkdir()
    (beside / "shout.py").write_text(SHOUT.replace("\\\\", "\\"))
    script = (
        "import sys\nfrom bpfdoctor.report import formats\n"
        f"formats.__path__.append({str(beside)!r})\n"
        "from bpfdoctor.cli import main\nsys.exit(main())"
    )

    def run(*arguments: str, **environ: str) -> CompletedProcess[str]:
        argv = [sys.executable, "-c", script, *arguments]
        env = {**os.environ, **environ}
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=tmp_path, env=env
        )

    return run


def test_a_file_that_is_dropped_beside_the_formats_is_one(shouting: Doctor, tmp_path: Path) -> None:
    ended = shouting(*CHECK, "--format", "shout", "--format", "shout=it")
    assert ended.stdout.startswith("THE CHOSEN CHECK PASSES;")
    assert (tmp_path / "it").read_text() == ended.stdout


def test_a_new_format_is_listed_in_help_and_among_the_known(shouting: Doctor) -> None:
    assert "json, shout, text" in " ".join(shouting("check", "--help").stdout.split())
    assert "did you mean shout?" in shouting("check", "--format", "shot").stderr


def test_the_shell_completes_a_new_format_and_says_what_it_is(shouting: Doctor) -> None:
    words = "bpfdoctor check --format sh"
    asked = {"_C_COMPLETE": "zsh_complete", "COMP_WORDS": words, "COMP_CWORD": "3"}
    lines = shouting(**asked, _BPFDOCTOR_COMPLETE="zsh_complete").stdout.splitlines()
    assert lines == ["plain", "shout", "Loud: the verdict and nothing else."]


def test_a_document_that_a_format_has_no_function_for_is_refused_before_the_run(
    shouting: Doctor,
) -> None:
    ended = shouting("list", "--format", "shout=it")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "the format shout cannot write a list of checks and projects" in ended.stderr
    assert "these formats can: json, text" in ended.stderr
    assert "a plan" in shouting(*PLAN, "--format", "shout").stderr


def test_a_format_without_plans_does_for_a_fix_that_ends_in_a_report(shouting: Doctor) -> None:
    ended = shouting("fix", "kernel.bft", "--format", "shout")
    assert "there is no check called 'kernel.bft'" in ended.stderr
