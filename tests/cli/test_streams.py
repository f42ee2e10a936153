"""Standard output and standard error, terminals, and what a run costs before it begins."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, Any

import pytest

COMMAND = (sys.executable, "-m", "bpfdoctor")
Doctor = Callable[..., "CompletedProcess[str]"]
KERNEL = ("check", "--no-smoke", "--only", "kernel.release")


def python(script: str, **options: Any) -> CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, **options
    )


def on_terminal(arguments: tuple[str, ...], stream: str, cwd: Path) -> str:
    """What a terminal gets that is the standard `stream` of a run."""
    ours, theirs = pty.openpty()
    streams: dict[str, int | IO[bytes]] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    streams[stream] = theirs
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "90"}
    run = subprocess.Popen([*COMMAND, *arguments], cwd=cwd, env=environ, **streams)  # type: ignore[call-overload]
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        seen += data
    os.close(ours)
    assert run.wait(60) in (0, 1, 3)
    return seen.decode()


@pytest.mark.parametrize("command", ["", "check", "list"])
def test_help_costs_no_import_of_what_only_a_run_needs(command: str) -> None:
    script = (
        "import sys\nfrom bpfdoctor.cli import main\n"
        f"main([*{command!r}.split(), '--help'])\n"
        "heavy = {'psutil', 'rich', 'elftools', 'msgspec', 'distro', 'packaging', 'difflib'}\n"
        "heavy |= {f'bpfdoctor.report.formats.{name}' for name in ('json', 'text')}\n"
        "sys.exit(str(heavy & set(sys.modules) or '') or 0)"
    )
    run = python(script)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_format_that_is_not_asked_for_is_not_imported(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom bpfdoctor.cli import main\n"
        f"main([*{KERNEL!r}, '--json'])\n"
        "sys.exit(str({'rich', 'bpfdoctor.report.formats.text'} & set(sys.modules) or '') or 0)"
    )
    run = python(script, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_stray_print_cannot_corrupt_the_report(tmp_path: Path) -> None:
    script = (
        "import os, sys\nimport bpfdoctor.cli.examine as cli\nfrom bpfdoctor.cli import main\n"
        "real = cli.examine\n"
        "def noisy(*given):\n"
        "    print('stray'); os.write(1, b'stray bytes'); os.system('echo stray child')\n"
        "    return real(*given)\n"
        "cli.examine = noisy\n"
        f"sys.exit(main([*{KERNEL!r}, '--json']))"
    )
    run = python(script, cwd=tmp_path)
    assert json.loads(run.stdout)["verdict"]["exit"] == run.returncode
    for stray in ("stray\n", "stray bytes", "stray child"):
        assert stray in run.stderr


def test_an_error_of_our_own_is_a_report_to_paste_and_exit_status_5(tmp_path: Path) -> None:
    script = (
        "import sys\nimport bpfdoctor.cli.examine as cli\nfrom bpfdoctor.cli import main\n"
        "def broken(*given): raise LookupError('no such moon')\n"
        "cli.examine = broken\n"
        f"sys.exit(main([*{KERNEL!r}, '--json']))"
    )
    run = python(script, cwd=tmp_path)
    assert run.returncode == 5
    assert json.loads(run.stdout)["error"]["kind"] == "internal"
    for part in ("please report", "bpfdoctor check --no-smoke", "LookupError: no such moon"):
        assert part.lower() in run.stderr.lower()


@pytest.mark.parametrize("arguments", [("list",), (*KERNEL, "--json"), KERNEL, ("--help",)])
def test_a_reader_that_leaves_early_changes_nothing(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run(
        [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False, cwd=tmp_path
    )
    os.close(writing)
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_descriptors_that_are_closed_from_the_start_change_nothing(
    closed: str, tmp_path: Path
) -> None:
    line = f'exec "$@" {closed}'
    run = subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, *KERNEL], capture_output=True, check=False, cwd=tmp_path
    )
    assert (run.returncode, run.stderr) == (0, b"")


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [*COMMAND, *KERNEL, "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            cwd=tmp_path,
        )
    assert run.returncode == 2
    assert b"cannot write to standard output: No space left on device" in run.stderr


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_mistake_is_a_usage_error_where_there_is_no_room_to_say_so(
    tmp_path: Path, stream: str
) -> None:
    with open("/dev/full", "wb") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: full}
        argv = [*COMMAND, "check", "--json", "--nonesuch"]
        run = subprocess.run(argv, check=False, cwd=tmp_path, **streams)  # type: ignore[call-overload]
    assert run.returncode == 2
    assert b"Traceback" not in (run.stderr or b"")


def test_progress_is_shown_on_a_terminal(tmp_path: Path) -> None:
    seen = on_terminal(("check", "--no-smoke", "--no-cache"), "stderr", tmp_path)
    assert "checking " in seen
    assert "\x1b[?25h" in seen, "the cursor is shown again"


def test_a_terminal_gets_colour(tmp_path: Path) -> None:
    assert "\x1b[32mpass" in on_terminal(KERNEL, "stdout", tmp_path)


def test_a_file_gets_no_colour_and_no_broken_lines_beside_a_terminal(tmp_path: Path) -> None:
    arguments = (*KERNEL, "--format", "text=it")
    assert "\x1b[32mpass" in on_terminal(arguments, "stdout", tmp_path)
    piped = subprocess.run([*COMMAND, *KERNEL], capture_output=True, check=False, cwd=tmp_path)
    assert (tmp_path / "it").read_bytes() == piped.stdout


def test_a_terminal_gets_none_with_no_color(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    seen = on_terminal(KERNEL, "stdout", tmp_path)
    assert "pass" in seen
    assert "\x1b" not in seen


def test_an_encoding_without_our_letters_is_no_error(doctor: Doctor) -> None:
    run = doctor(*KERNEL, environ={"PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0
