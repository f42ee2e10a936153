"""Text without colour is written without rich's console, and is the same."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from bpfdoctor.report.paper import Paper

LINES = (
    Text(""),
    Text("  fail  kernel.btf: kernel BTF  ", "red"),
    Text("a:b [bold]c[/bold] :warning: "),
    Text("漢字 " * 60, "dim"),
    Text("two words ").append("é", "bold"),
)


def by_rich(line: Text) -> str:
    out = io.StringIO()
    console = Console(file=out, no_color=True, highlight=False, markup=False, emoji=False)
    console.print(line, soft_wrap=True)
    return out.getvalue()


@pytest.mark.parametrize("line", [*LINES, Text("a\t漢\tb"), Text("\t")], ids=repr)
@pytest.mark.parametrize("width", [0, 40])
def test_a_line_without_colour_is_as_rich_would_write_it(line: Text, width: int) -> None:
    assert Paper(width).printed([line]) == by_rich(line)


def test_lines_follow_each_other() -> None:
    assert Paper().printed(list(LINES)) == "".join(by_rich(line) for line in LINES)


@pytest.mark.parametrize("colour", [False, True])
def test_a_name_drives_no_terminal_and_begins_no_line(*, colour: bool) -> None:
    line = Text("  fail  kernel.targets[tp/\x1b[31mred\nReady: all]", "red")
    written = Paper(colour=colour).printed([line])
    assert written == "  fail  kernel.targets[tp/\\x1b[31mred\\nReady: all]\n"
