"""Nothing in a text from outside drives a terminal, hides, or begins a line; the rest stays."""

from __future__ import annotations

import ast
import io
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfdoctor.visible import Shown, field, fitting, page, put, tell, visible

PACKAGE = Path(__file__).parents[1] / "bpfdoctor"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        *[("\x00", "\\x00"), ("\x07", "\\x07"), ("\x1b", "\\x1b"), ("\x7f", "\\x7f")],
        *[("\r", "\\r"), ("\n", "\\n"), ("\t", "\\t"), ("\x0b", "\\x0b"), ("\x0c", "\\x0c")],
        *[("\x85", "\\x85"), ("\x9b", "\\x9b"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")],
        *[
            (chr(code), f"\\u{code:04x}")
            for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
        ],
        *[("\u200e", "\\u200e"), ("\u200f", "\\u200f"), ("\u061c", "\\u061c")],
        *[
            ("\u200b", "\\u200b"),
            ("\u200d", "\\u200d"),
            ("\u2060", "\\u2060"),
            ("\ufeff", "\\ufeff"),
        ],
        *[("\u00ad", "\\xad"), ("\u3164", "\\u3164"), ("\ufe0f", "\\ufe0f"), ("\u034f", "\\u034f")],
        *[("\U000e0041", "\\U000e0041"), ("\U000e0002", "\\U000e0002"), ("\udcff", "\\udcff")],
    ],
    ids=ascii,
)
def test_a_character_that_shows_nothing_is_named(character: str, shown: str) -> None:
    assert visible(f"a{character}b") == f"a{shown}b"


def test_every_control_and_format_character_there_is_becomes_printable() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = visible(every)
    kinds = {unicodedata.category(c) for c in set(shown)}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(
    "text", ["", "a b", "漢字 é ß", "[red]x[/red] :smile:", "a\\nb", "\U0001f600"]
)
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_lines_are_kept_where_there_may_be_some_and_tabs_are_spaces_there() -> None:
    assert visible("a\tb\r\nc\x1bd\u2028e", newlines=True) == "a       b\\r\nc\\x1bd\\u2028e"


def test_a_line_of_a_page_cannot_begin_another_one() -> None:
    assert page(["1. this", "2. that\n3. another"]) == "1. this\n2. that\\n3. another\n"


def test_a_gap_in_a_name_is_counted_for_it_would_end_a_row() -> None:
    assert field("a   b") == "a   b"
    assert field(f"a{' ' * 90}9. forged") == "a [90 spaces] 9. forged"


def test_only_what_was_made_visible_is_written_as_it_is() -> None:
    stream = io.StringIO()
    put(stream, "\x1b[31mred\n")
    put(stream, Shown("\x1b[31mred\n"))
    assert stream.getvalue() == "\\x1b[31mred\\n\x1b[31mred\n"


def test_what_is_added_to_a_page_is_not_trusted_with_it() -> None:
    stream = io.StringIO()
    put(stream, page(["a"]) + "\x1b[2J")
    assert "\x1b" not in stream.getvalue()


def test_a_line_that_is_told_ends() -> None:
    stream = io.StringIO()
    for text in ("one", "two\n", page(["three", "four"]), Shown("five")):
        tell(stream, text)
    assert stream.getvalue() == "one\ntwo\nthree\nfour\nfive\n"


def test_nobody_there_is_no_error() -> None:
    tell(None, "a")


@pytest.mark.parametrize(
    ("columns", "fits"), [(0, ""), (1, "a"), (2, "a"), (3, "a漢"), (9, "a漢b")]
)
def test_wide_letters_take_two_columns(columns: int, fits: str) -> None:
    assert fitting("a漢b", columns) == fits


WRITERS = {
    "visible.py": {"put"},  # the one place
    "cli/stdout.py": {"Stdout.write", "_write_all"},  # bytes for programs
    "report/paper.py": {"Paper.printed", "Paper.for_stream"},  # into a string
    "cli/progress.py": {"watching"},  # draws what Watcher made visible
    "cli/__init__.py": {"console"},  # flushes
}
"""Where something is written to a stream of ours, or made that could."""
STREAMS = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}


def written(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The functions of a module in which a stream is written to, and how."""
    for owner, function in functions(tree):
        for node in ast.walk(function):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if writes(called, ast.unparse(node)):
                yield f"{owner}{function.name}", called


def writes(called: str, call: str) -> bool:
    """Whether a call writes for a person, or makes what does."""
    owner, _, how = called.rpartition(".")
    return (
        how in {"print", "Console", "print_exc", "print_exception"}
        or (owner == "click" and how in {"echo", "secho", "prompt", "confirm", "pause"})
        or (owner in STREAMS and how in {"write", "writelines", "flush"})
        or call.startswith(("os.write(1,", "os.write(2,"))
        or called.endswith("stream.write")
    )


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", node
        if isinstance(node, ast.ClassDef):
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            yield from ((f"{node.name}.", each) for each in inner)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.name))
def test_nothing_is_written_for_a_person_but_in_the_one_place(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    allowed = WRITERS.get(name, set())
    found = [each for each in written(ast.parse(path.read_text())) if each[0] not in allowed]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "print(a)",
        "click.echo(a, err=True)",
        "sys.stderr.write(a)",
        "console.print(a)",
        "stream.write(a)",
    ],
)
def test_a_stray_line_would_be_found(line: str) -> None:
    assert [*written(ast.parse(f"class C:\n    def f(self):\n        {line}"))]
