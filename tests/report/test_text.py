from __future__ import annotations

import io
from collections.abc import Callable

import msgspec
import pytest

from bpfdoctor.model import Evidence, HostFacts, Report, Run
from bpfdoctor.report.advice import commands
from bpfdoctor.report.paper import Paper
from bpfdoctor.report.text import first_paragraph, report_text
from bpfdoctor.visible import visible

WHY = {
    "libraries.libelf": "libbpf reads compiled BPF objects with libelf,\nand so does bpftool.\n\n"
    "This paragraph is for `explain` alone."
}
Golden = Callable[[str, str], None]


def plain(report: Report, width: int = 0, *, as_root: bool = False) -> str:
    return report_text(report, Paper(width), WHY, as_root=as_root)


def test_a_ready_machine_reads_as_it_did(ready: Report, golden: Golden) -> None:
    golden("ready.txt", plain(ready, as_root=True))


@pytest.mark.parametrize("width", [0, 40, 80, 160])
def test_a_broken_machine_reads_as_it_did(broken: Report, golden: Golden, width: int) -> None:
    golden(f"broken.{width}.txt", plain(broken, width))


def test_a_coloured_report_reads_as_it_did(broken: Report, golden: Golden) -> None:
    text = report_text(broken, Paper(100, colour=True), WHY, as_root=False)
    golden("broken.colour.txt", text)


def test_the_first_line_says_which_project_is_judged_and_where(ready: Report) -> None:
    first = plain(ready).splitlines()[0]
    assert first == "libbpf-bootstrap (examples/c), /home/ann/libbpf-bootstrap"


def test_the_last_line_is_the_verdict(broken: Report) -> None:
    assert plain(broken).splitlines()[-1] == broken.verdict.summary


def test_a_reader_who_is_root_is_not_told_to_use_sudo(broken: Report) -> None:
    assert "sudo" in plain(broken)
    assert "sudo" not in plain(broken, as_root=True)


def test_a_command_is_never_broken_into_lines(broken: Report) -> None:
    command = "cd /home/ann/libbpf-bootstrap && git submodule update --init --recursive -- bpftool"
    assert f"$ {command}\n" in plain(broken, 30)


def test_only_the_first_paragraph_of_a_docstring_says_why(broken: Report) -> None:
    text = plain(broken)
    assert "libbpf reads compiled BPF objects with libelf, and so does bpftool." in text
    assert "explain" not in text


def test_what_is_not_needed_is_told_apart_with_what_it_limits(broken: Report) -> None:
    assert "kernel.kprobes: limits kprobe, ksyscall\n" in plain(broken)
    assert "kernel.kprobes" not in plain(broken).partition("What to do")[2].partition("Limited")[0]


def test_an_answer_cannot_drive_the_terminal(broken: Report) -> None:
    assert "\x1b" not in plain(broken)
    assert "\\x1b[1mfatal error" in plain(broken)


def test_a_text_that_no_encoding_can_hold_is_shown_as_an_escape() -> None:
    assert visible("a\udcffb\x07") == "a\\udcffb\\x07"


def test_output_that_root_must_write_goes_through_tee() -> None:
    fix = Run(("bpftool", "btf"), privileged=True, output="/a b")
    assert commands(fix, as_root=False) == ["bpftool btf | sudo tee '/a b' > /dev/null"]
    assert commands(fix, as_root=True) == ["bpftool btf > '/a b'"]


def test_an_argument_with_a_space_is_quoted() -> None:
    assert commands(Run(("touch", "a b")), as_root=False) == ["touch 'a b'"]


def test_a_pipe_has_neither_width_nor_colour() -> None:
    assert Paper.for_stream(io.StringIO(), terminal=False) == Paper(0, colour=False)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colour_gets_none(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")
    assert Paper.for_stream(io.StringIO(), terminal=True) == Paper(70, colour=True)
    monkeypatch.setenv(variable, value)
    assert not Paper.for_stream(io.StringIO(), terminal=True).colour


def test_markup_in_an_answer_is_shown_as_it_is(ready: Report) -> None:
    named = HostFacts("[bold]6.1[/bold]", "x86_64", ":smile:", privileged=True)
    assert "Linux [bold]6.1[/bold] x86_64, :smile:" in plain(
        msgspec.structs.replace(ready, host=named)
    )


def test_a_short_answer_is_shown_whole(broken: Report) -> None:
    lines = "\n".join(f"row {number}" for number in range(17))
    first = msgspec.structs.replace(broken.findings[0], evidence=(Evidence("$ x", lines),))
    text = plain(msgspec.structs.replace(broken, findings=(first,)))
    assert all(f"    |   row {number}\n" in text for number in range(17))


def test_the_first_paragraph_is_one_line() -> None:
    assert first_paragraph("\n    One\n    two.\n\n    Three.\n") == "One two."
