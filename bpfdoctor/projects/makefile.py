"""Read a variable of a makefile as text; nothing of the makefile is run.

Enough of make's language for a list of programs: assignments, continuation lines, references,
`ifeq` and `ifdef`, and `$(shell which TOOL)`, the way that makefiles ask whether a tool is there.
What this cannot work out is left out; of a condition of that sort, both branches count.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 1 << 16
"""Characters that a value may expand to; a makefile may ask for more than there is memory."""

_ASSIGNMENT = re.compile(r"^(?:(?:override|export) +)*([\w.-]+)\s*(\?=|\+=|:{0,3}=)\s*(.*)$")
_CONDITION = re.compile(r"^(?:(else)\s+)?(ifeq|ifneq|ifdef|ifndef)\b\s*(.*)$")
_INNERMOST = re.compile(r"\$(?:\(([^$(){}]*)\)|\{([^$(){}]*)\})")
_WHICH = re.compile(r"shell\s+(?:which|command\s+-v)\s+([\w./+-]+)(?:\s+2>\s*/dev/null)?\s*$")

Which = Callable[[str], str]
"""The path of a tool, or an empty string."""
Environment = Callable[[str], str | None]
"""The value of an environment variable, or None when it is not set."""


def words_of(text: str, variable: str, which: Which, environment: Environment) -> tuple[str, ...]:
    """The words of a variable, each once, in order; none where it has no value to be read."""
    reading = _Reading(which, environment)
    for line in logical_lines(text):
        reading.line(line)
    value = reading.expanded(f"$({variable})")
    return tuple(dict.fromkeys(value.split())) if value else ()


def logical_lines(text: str) -> list[str]:
    """Lines outside recipes and `define`, continuations joined and comments dropped."""
    joined = re.sub(r"[ \t]*\\\r?\n[ \t]*", " ", text)
    lines: list[str] = []
    defining = False
    for line in joined.splitlines():
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        defining = word == "define" or (defining and word != "endef")
        if word and not defining and not line.startswith("\t"):
            lines.append(re.sub(r"(?<!\\)#.*", "", line).strip())
    return lines


class _Reading:
    """What is known at a line: the variables, and which branches of conditions are in force."""

    def __init__(self, which: Which, environment: Environment) -> None:
        self.which, self.environment = which, environment
        self.values: dict[str, str] = {}
        self.branches: list[list[bool | None]] = []
        """Per open condition, the truth of each branch so far; None where it cannot be told."""

    def line(self, line: str) -> None:
        if condition := _CONDITION.match(line):
            self._open(*condition.groups())
        elif line == "else" and self.branches:
            self._alternative(True)
        elif line == "endif" and self.branches:
            self.branches.pop()
        elif assignment := _ASSIGNMENT.match(line):
            self._assign(*assignment.groups())

    def _open(self, otherwise: str | None, word: str, text: str) -> None:
        truth = self._truth(word, text)
        if otherwise and self.branches:
            self._alternative(truth)
        else:
            self.branches.append([truth])

    def _alternative(self, truth: bool | None) -> None:
        """The next branch of a condition is in force where none before it was."""
        before = self.branches[-1]
        if True in before:
            truth = False
        elif None in before and truth:
            truth = None
        before.append(truth)

    def _truth(self, word: str, text: str) -> bool | None:
        if word in ("ifdef", "ifndef"):
            return bool(self._value(text.strip())) == (word == "ifdef")
        sides = _sides(text)
        if sides is None:
            return None
        left, right = (self.expanded(side) for side in sides)
        if left is None or right is None:
            return None
        return (left.strip() == right.strip()) == (word == "ifeq")

    def _assign(self, name: str, operator: str, text: str) -> None:
        state = [branches[-1] for branches in self.branches]
        if False in state:
            return
        known = self._value(name)
        if operator == "?=" and known is not None:
            return
        if operator == "+=" or (None in state and known):
            text = f"{known or ''} {text}"
        elif operator in (":=", "::=", ":::="):
            text = self.expanded(text) or ""
        self.values[name] = text[:LONGEST]

    def _value(self, name: str) -> str | None:
        found = self.values.get(name)
        return self.environment(name) if found is None else found

    def expanded(self, text: str, depth: int = 0) -> str | None:
        """`text` with its references replaced; None where it asks for more than is read here."""
        while match := _INNERMOST.search(text):
            value = self._reference(match.group(1) or match.group(2) or "", depth)
            if value is None or len(text) + len(value) > LONGEST:
                return None
            text = text[: match.start()] + value + text[match.end() :]
        return None if "$" in text else text

    def _reference(self, inside: str, depth: int) -> str | None:
        if depth > 16:  # a variable that names itself
            return None
        if tool := _WHICH.match(inside):
            return self.which(tool.group(1))
        if inside.startswith("strip "):
            return " ".join(inside.split()[1:])
        if re.fullmatch(r"[\w.-]+", inside):
            return self.expanded(self._value(inside) or "", depth + 1)
        return None


def _sides(text: str) -> tuple[str, str] | None:
    """The two sides of `(left,right)`, at the comma outside brackets, or of `"left" "right"`."""
    if quoted := re.fullmatch(r"""(["'])(.*?)\1\s+(["'])(.*?)\3""", text):
        return quoted.group(2), quoted.group(4)
    if not (text.startswith("(") and text.rstrip().endswith(")")):
        return None
    inside, depth = text.rstrip()[1:-1], 0
    for place, character in enumerate(inside):
        depth += (character in "({") - (character in ")}")
        if character == "," and depth == 0:
            return inside[:place], inside[place + 1 :]
    return None
