"""What text is written on: how wide, with colour or not, and how lines are broken."""

from __future__ import annotations

import io
import os
import textwrap
from typing import TYPE_CHECKING, NamedTuple, TextIO

from bpfdoctor.shell import BAR, inert
from bpfdoctor.visible import Shown, visible

if TYPE_CHECKING:
    from rich.text import Text

PROSE = 100
"""Columns beyond which prose is tiring to read, however wide the terminal."""


class Paper(NamedTuple):
    """`width` 0: lines are never broken (a file or a pipe). `colour`: ANSI styles are written."""

    width: int = 0
    colour: bool = False

    @classmethod
    def for_stream(cls, stream: TextIO, *, terminal: bool) -> Paper:
        """As wide as the terminal, and coloured unless NO_COLOR or a dumb terminal forbids it."""
        if not terminal:
            return cls()
        from rich.console import Console

        console = Console(file=stream, force_terminal=True)
        dumb = console.is_dumb_terminal or bool(os.environ.get("NO_COLOR"))
        return cls(console.width, not dumb)

    def broken(self, text: str, indent: int, first: str | None = None) -> list[str]:
        """Prose in lines of this paper, indented; `first` is what the first line begins with."""
        text = visible(text)
        margin = " " * indent
        head = margin if first is None else first
        if not self.width:
            return [head + " ".join(text.split())]
        room = max(24, min(self.width, indent + PROSE))
        return textwrap.wrap(
            text,
            room,
            initial_indent=head,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [head.rstrip()]

    def printed(self, lines: list[Text]) -> Shown:
        """The lines as they are written, styled if the paper takes colour.

        No name in them, as that of an object's section, drives a terminal or begins a line.
        """
        lines = [_in_one(line) for line in lines]
        plain = [f"{line.plain}\n" for line in lines]
        if not self.colour and not any("\t" in line for line in plain):
            return Shown("".join(plain))  # what rich would write too, after all that it imports
        from rich.console import Console

        out = io.StringIO()
        console = Console(
            file=out,
            force_terminal=self.colour,
            color_system="standard" if self.colour else None,
            no_color=not self.colour,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
        )
        for line in lines:
            console.print(line, soft_wrap=True)
        return Shown(out.getvalue())


def _in_one(line: Text) -> Text:
    """A line without what would drive a terminal; its tabs become spaces when it is printed."""
    plain = "\t".join(map(visible, line.plain.split("\t")))
    if plain == line.plain:
        return line
    from rich.text import Text

    return Text(plain)


def prose(line: Text) -> Text:
    """A line that is no command, and that does nothing where it is pasted into a shell."""
    made = inert(line.plain)
    if made == line.plain:
        return line
    text = len(line.plain.lstrip(" "))
    return _behind(made[: len(made) - text], line, len(line.plain) - text)


def bordered(line: Text) -> Text:
    """A row of a table, with a bar in its margin."""
    return _behind(BAR, line, len(BAR))


def _behind(head: str, line: Text, start: int) -> Text:
    from rich.text import Text

    return Text(head).append_text(line[start:])
