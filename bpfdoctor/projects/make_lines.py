"""The lines of a makefile, and what make sees in one: an assignment, a condition, a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.projects.make_values import NotFollowed

CONDITION = re.compile(r"(else\s+)?(ifeq|ifneq|ifdef|ifndef|else|endif)(?!\S)\s*(.*)", re.DOTALL)
"""A line of a condition: `else ` before it, its word, and the rest."""

_OPERATOR = re.compile(r"[ \t]*(=|:{1,3}=|\+=|\?=|!=)")
_BREAK = re.compile(r"(?<![ \t])[ \t]*\\\n[ \t]*")
_COMMENT = re.compile(r"(?<!\\)(\\*)#")
BRACKETS = {"(": ")", "{": "}"}
_BRACKET = {"(": re.compile(r"[()]"), "{": re.compile(r"[{}]")}
_SPLIT = {"(": re.compile(r"[(),]"), "{": re.compile(r"[{},]")}
_MODIFIERS = 8
"""Words before a variable's name that are read; make knows three."""


def logical_lines(text: str) -> Iterator[str]:
    """Each line with those that continue it, as they stand."""
    waiting: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        waiting.append(line)
        if (len(line) - len(line.rstrip("\\"))) % 2 == 0:
            yield "\n".join(waiting)
            waiting = []
    if waiting:
        yield "\n".join(waiting)


def plain_lines(text: str) -> list[str]:
    """Lines outside recipes and `define`, continuations joined and comments dropped."""
    lines: list[str] = []
    defining = False
    for raw in logical_lines(text):
        word = (raw.split(maxsplit=1) or [""])[0]
        defining = word == "define" or (defining and word != "endef")
        if word and not defining and not raw.startswith("\t"):
            lines.append(uncommented(collapsed(raw)).strip())
    return lines


def collapsed(line: str) -> str:
    """A line with its continuations made one."""
    return _BREAK.sub(" ", line) if "\n" in line else line


def uncommented(line: str) -> str:
    """A line without its comment; `\\#` is a number sign. One inside a reference is kept."""
    if "#" not in line:
        return line
    pieces: list[str] = []
    at, spans = 0, [*references(line), (len(line), len(line))][::-1]
    for found in _COMMENT.finditer(line):
        while spans[-1][1] <= found.start():
            spans.pop()
        if spans[-1][0] < found.start():
            continue
        slashes = found[1]
        pieces.append(line[at : found.start()] + slashes[: len(slashes) // 2])
        at = found.end()
        if len(slashes) % 2 == 0:
            return "".join(pieces)
        pieces.append("#")
    return "".join(pieces) + line[at:]


def references(text: str) -> Iterator[tuple[int, int]]:
    """Where each outermost `$(…)` or `${…}` begins and ends; one that is open goes to the last."""
    at = text.find("$")
    while at >= 0:
        end = at + 2
        if text[at + 1 : at + 2] in ("(", "{"):
            end = closing(text, at + 1)
            end = len(text) if end < 0 else end + 1
            yield at, end
        at = text.find("$", end)


def closing(text: str, at: int) -> int:
    """The place of the bracket that closes the one at `at`; -1 without one."""
    opening, depth = text[at], 0
    for found in _BRACKET[opening].finditer(text, at):
        depth += 1 if found[0] == opening else -1
        if depth == 0:
            return found.start()
    return -1


def arguments_of(text: str, opening: str, most: int) -> list[str]:
    """The arguments of a function: at commas outside brackets of its own kind, `most` of them."""
    depth = start = 0
    parts: list[str] = []
    for found in _SPLIT[opening].finditer(text):
        depth += (found[0] == opening) - (found[0] == BRACKETS[opening])
        if found[0] != "," or depth > 0:
            continue
        if len(parts) == most - 1:
            break
        parts.append(text[start : found.start()])
        start = found.end()
    return [*parts, text[start:]]


def outside_references(text: str) -> str:
    """The text without its references."""
    pieces: list[str] = []
    at = 0
    for start, end in references(text):
        pieces.append(text[at:start])
        at = end
    return "".join(pieces) + text[at:]


def rule_takes_recipe(line: str) -> bool | None:
    """Whether lines may follow that are a rule's; not so behind `target: VARIABLE = …`."""
    at = 0
    for start, end in [*references(line), (len(line), len(line))]:
        colon = line.find(":", at, start)
        if colon >= 0:
            rest = line[colon + 1 :].lstrip(":").strip()
            if assignment(rest) is not None:
                return False
            return None if "=" in outside_references(rest) else True
        at = end
    return None


def assignment(line: str) -> tuple[list[str], str, str, str] | None:
    """The modifiers, name, operator and value of an assignment; None for any other line."""
    modifiers: list[str] = []
    for _ in range(_MODIFIERS):
        found = _definition(line)
        if found is not None:
            return modifiers, *found
        word, rest = _first_word(line)
        if word in ("define", "undefine"):
            name, operator = _defined(rest)
            return [*modifiers, word], name, operator, ""
        if word not in ("export", "override", "private") or not rest:
            return None
        modifiers.append(word)
        line = rest
    raise NotFollowed(line)


def _first_word(line: str) -> tuple[str, str]:
    parts = line.split(None, 1)
    return (parts[0] if parts else ""), (parts[1] if len(parts) > 1 else "")


def _defined(rest: str) -> tuple[str, str]:
    """The name that is defined, and how: `X`, `X =`, `X :=`."""
    found = _definition(rest)
    return (found[0], found[1]) if found is not None else (rest.strip(), "=")


def _definition(line: str) -> tuple[str, str, str] | None:
    """Name, operator and value; None where something else comes before the operator."""
    at = 0
    while at < len(line):
        character = line[at]
        if character == "$":
            at = _behind(line, at)
            continue
        operator = _OPERATOR.match(line, at)
        if operator is not None:
            name = line[:at]
            return (name, operator[1], line[operator.end() :].lstrip()) if name else None
        if character in " \t#:":
            return None
        at += 1
    return None


def _behind(line: str, at: int) -> int:
    if line[at + 1 : at + 2] not in ("(", "{"):
        return at + 2
    end = closing(line, at + 1)
    return len(line) if end < 0 else end + 1


def comparison(text: str) -> tuple[str, str] | None:
    """The two sides of `(left,right)`, at the comma outside brackets, or of `"left" "right"`."""
    if text[:1] in ("'", '"'):
        left, rest = _quoted(text)
        right = _quoted(rest.lstrip(" \t"))[0]
        return None if left is None or right is None else (left, right)
    if text[:1] != "(":
        return None
    comma, depth = -1, 0
    for place, character in enumerate(text[1:], 1):
        if character == "," and depth <= 0 and comma < 0:
            comma, depth = place, 0
        elif character == ")" and depth <= 0 and comma >= 0:
            return text[1:comma].rstrip(" \t"), text[comma + 1 : place].lstrip(" \t")
        else:
            depth += (character == "(") - (character == ")")
    return None


def _quoted(text: str) -> tuple[str | None, str]:
    """What stands between quotes at the beginning, and the rest."""
    end = text.find(text[0], 1) if text[:1] in ("'", '"') and text else -1
    return (text[1:end], text[end + 1 :]) if end > 0 else (None, "")
