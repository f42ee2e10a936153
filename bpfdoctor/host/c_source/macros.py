"""The words of a C source, with the macros that it defines itself put in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bpfdoctor.host.c_source.steps import StepLimit
from bpfdoctor.host.c_source.text import lines_of

_WORD = re.compile(
    r"""[A-Za-z_]\w*|\.?\d[\w.]*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?"""
    r"""|->|##|\.\.\.|[<>=!]=|<<|>>|&&|\|\||\S"""
)
_DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)(?:\(([^()]*)\))?(.*)")
DEEPEST = 12
"""Macros within macros that are put in."""
LONGEST = 4096
"""Characters of one word that a macro makes."""


class Macro(msgspec.Struct, frozen=True):
    """One macro; `parameters` is None for one that takes no parentheses."""

    parameters: tuple[str, ...] | None
    body: tuple[str, ...]


def words_of(lines: Iterable[str], steps: StepLimit) -> list[str]:
    """All words of a source, macros put in. A macro that is defined twice is both, side by side."""
    plain: list[str] = []
    macros: dict[str, Macro] = {}
    for line in lines:
        found = _DEFINE.match(line)
        if found is None:
            plain += _WORD.findall(line)
        else:
            _define(macros, found[1], found[2], found[3])
        steps.spend(1 + len(line) // 64)
    return _expanded(plain, macros, steps, frozenset())


def _define(macros: dict[str, Macro], name: str, within: str | None, text: str) -> None:
    named = None if within is None else [each.strip() for each in within.split(",")]
    parameters = None if named is None else tuple(each for each in named if each)
    body = tuple(_WORD.findall(text))
    former = macros.get(name)
    if former and former.parameters == parameters and former.body != body:
        body = (*former.body, *body)
    macros[name] = Macro(parameters, body)


def _expanded(
    words: Sequence[str], macros: Mapping[str, Macro], steps: StepLimit, active: frozenset[str]
) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        macro, end = macros.get(word), at + 1
        given: list[list[str]] = []
        if macro and macro.parameters is not None:
            if words[end : end + 1] == ["("]:
                given, end = _arguments(words, end)
                steps.spend(end - at)
            else:
                macro = None
        if macro is None or word in active or len(active) >= DEEPEST:
            out += words[at:end]
        else:
            body = _substituted(macro, given, steps)
            out += _expanded(body, macros, steps, active | {word})
        at = end
    return out


def _arguments(words: Sequence[str], start: int) -> tuple[list[list[str]], int]:
    """What stands in the parentheses that open at `start`, and where they are behind us."""
    given: list[list[str]] = [[]]
    depth = 0
    for at in range(start, len(words)):
        word = words[at]
        depth += (word in "([{") - (word in ")]}")
        if depth == 0:
            return given, at + 1
        if word == "," and depth == 1:
            given.append([])
        elif at > start:
            given[-1].append(word)
    return given, len(words)


def _substituted(macro: Macro, given: list[list[str]], steps: StepLimit) -> list[str]:
    """The macro's body with what was given to it; `#x` is a string, `a##b` one word."""
    named = _bound(macro.parameters or (), given)
    out: list[str] = []
    paste = string = False
    for word in macro.body:
        if word in ("##", "#") and macro.parameters is not None:
            paste, string = paste or word == "##", word == "#"
            continue
        piece = named.get(word, [word])
        steps.spend(1 + len(piece))
        if string:
            piece = [_short(f'"{"".join(piece)}"')]
        if paste and out and piece:
            out[-1] = _short(out[-1] + piece[0])
            piece = piece[1:]
        out += piece
        paste = string = False
    return out


def _short(word: str) -> str:
    """A word as it is; one longer than any name has no say."""
    return word if len(word) <= LONGEST else "?"


def _bound(parameters: Sequence[str], given: list[list[str]]) -> dict[str, list[str]]:
    """What each parameter stands for; the last of `...` takes all that is left."""
    named: dict[str, list[str]] = {}
    for number, name in enumerate(parameters):
        if not name.endswith("..."):
            named[name] = given[number] if number < len(given) else []
            continue
        rest = [word for each in given[number:] for word in (",", *each)]
        named[name[:-3].strip() or "__VA_ARGS__"] = rest[1:]
    return named


def words_in(text: str, steps: StepLimit, *, certain: bool = False) -> list[str]:
    """The words of a source, macros put in; `certain`: none of what stands below an `#if`."""
    return words_of(lines_of(text, certain=certain), steps)
