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


class _Branch:
    """One `#if` that is open: what is known of it, and whether the part being read is left out."""

    def __init__(self, word: str, condition: str) -> None:
        known = word == "if" and condition.strip() in _FALSE | _TRUE
        self.sure = known
        self.left_out = known and condition.strip() in _FALSE

    def turn(self, word: str) -> None:
        """`#else` of a condition that is known is the other half; `#elif` leaves it open."""
        if word == "else" and self.sure:
            self.left_out = not self.left_out
        elif word != "else":
            self.sure = self.left_out = False


def lines_of(text: str, *, certain: bool) -> Iterator[str]:
    """The lines that may be compiled, `#define` among them; no other directive.

    Both halves of an `#if` may be, but for `#if 0` and `#if 1`. With `certain`, only lines that
    lie below no other `#if`.
    """
    open_ones: list[_Branch] = []
    for line in text.split("\n"):
        directive = _DIRECTIVE.match(line)
        word = directive[1] if directive else ""
        if directive and word in ("if", "ifdef", "ifndef"):
            open_ones.append(_Branch(word, directive[2]))
        elif word in ("else", "elif", "elifdef", "elifndef") and open_ones:
            open_ones[-1].turn(word)
        elif word == "endif" and open_ones:
            open_ones.pop()
        elif any(each.left_out or (certain and not each.sure) for each in open_ones):
            continue
        elif not word or word == "define":
            yield line
