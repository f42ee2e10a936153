"""The text of a C source: comments taken out, lines joined, what `#if` leaves out left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT_OR_TEXT = re.compile(
    r"""/\*(?:[^*]|\*+[^*/])*(?:\*+/)?|//[^\n]*"""
    r"""|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?"""
)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)[ \t]*(.*)")
_FALSE, _TRUE = frozenset(("0", "false", "(0)")), frozenset(("1", "true", "(1)"))


def uncommented(text: str) -> str:
    """C without comments: each is a space. Lines that a backslash joins are one line."""
    joined = text.replace("\r\n", "\n").replace("\\\n", "")
    return _COMMENT_OR_TEXT.sub(lambda found: " " if found[0][0] == "/" else found[0], joined)


class _Conditionals:
    """The `#if` that are open, and how many of them hide what is being read."""

    def __init__(self, *, certain: bool) -> None:
        self.certain, self.hiding = certain, 0
        self._open: list[tuple[bool, bool]] = []

    def push(self, known: bool, left_out: bool) -> None:
        """One more: whether its condition is known, and this part of it left out."""
        self._open.append((known, left_out))
        self.hiding += left_out or (self.certain and not known)

    def pop(self) -> tuple[bool, bool]:
        """The innermost is over; what was said of it."""
        if not self._open:
            return True, False
        known, left_out = self._open.pop()
        self.hiding -= left_out or (self.certain and not known)
        return known, left_out

    def turn(self, word: str) -> None:
        """`#else` of a condition that is known is the other half; `#elif` leaves it open."""
        if self._open:
            known, left_out = self.pop()
            self.push(known and word == "else", known and word == "else" and not left_out)


def lines_of(text: str, *, certain: bool) -> Iterator[str]:
    """The lines that may be compiled, `#define` among them; no other directive.

    Both halves of an `#if` may be, but for `#if 0` and `#if 1`. With `certain`, only lines that
    lie below no other `#if`.
    """
    branches = _Conditionals(certain=certain)
    for line in text.split("\n"):
        directive = _DIRECTIVE.match(line)
        word = directive[1] if directive else ""
        if directive and word in ("if", "ifdef", "ifndef"):
            condition = directive[2].strip() if word == "if" else ""
            branches.push(condition in _FALSE | _TRUE, condition in _FALSE)
        elif word in ("else", "elif", "elifdef", "elifndef"):
            branches.turn(word)
        elif word == "endif":
            branches.pop()
        elif not branches.hiding and word in ("", "define"):
            yield line
