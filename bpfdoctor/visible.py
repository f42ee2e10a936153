"""Text from outside, made safe to show: nothing in it drives a terminal, hides, or begins a line.

Whatever a person reads is written by `put`. Colours and cursor movements of our own are added to
text that was made safe before, and what is made of both is `Shown`.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from typing import TextIO

BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode counts as printable and that no terminal shows."""
GAP = re.compile(" {4,}")
ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Shown(str):
    """Text that a terminal may be given as it is: it was made visible, whatever was added since."""

    __slots__ = ()


def visible(text: str, *, newlines: bool = False) -> str:
    r"""`text` with all that is no printable character as an escape: `\x1b`, `\u202e`, `\n`.

    `newlines`: it may have several lines, and its tabs are spaces; what only returns to the
    beginning of a line does not begin a new one.
    """
    if text.isprintable() and not BLANK.search(text):
        return text
    if newlines:
        return "\n".join(visible(line) for line in text.expandtabs().split("\n"))
    return "".join(c if _printable(c) else escape(c) for c in text)


def field(text: str) -> str:
    """One line of text without long gaps: behind one, a terminal would begin a new row."""
    return GAP.sub(lambda gap: f" [{len(gap[0])} spaces] ", visible(text))


def escape(character: str) -> str:
    """A character as an escape that names it."""
    if character in ESCAPES:
        return ESCAPES[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _printable(character: str) -> bool:
    return character.isprintable() and not BLANK.match(character)


def page(lines: Iterable[str]) -> Shown:
    """Lines of text, each ended: a newline within one of them is shown as an escape."""
    return Shown("".join(f"{shown(line)}\n" for line in lines))


def shown(text: str) -> Shown:
    """One line, or what was made visible before."""
    return text if isinstance(text, Shown) else Shown(visible(text))


def put(stream: TextIO, text: str) -> None:
    """Write to a stream that a person reads; what was not made visible is, and is one line."""
    stream.write(shown(text))
    stream.flush()


def tell(stream: TextIO | None, text: str) -> None:
    """Write a line, or a page, for somebody who may have left."""
    if stream is None:
        return
    line = shown(text if isinstance(text, Shown) else text.removesuffix("\n"))
    with contextlib.suppress(OSError):
        put(stream, line if line.endswith("\n") else Shown(f"{line}\n"))


def fitting(text: str, columns: int) -> str:
    """The beginning of a line that takes at most so many columns, wide letters counted as two."""
    for place, character in enumerate(text):
        columns -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns < 0:
            return text[:place]
    return text
