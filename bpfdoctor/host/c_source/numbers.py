"""The value of an expression of numbers: `512UL << 20`, `64 * 1024`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})[uUlL]{0,3}")
DEEPEST = 16


def value_of(words: Sequence[str]) -> int | None:
    """What these words come to; None where they hold anything but numbers, `+`, `*` and `<<`."""
    if len(words) > 100:
        return None
    reading = _Reading(words)
    try:
        value = reading.shifted(0)
    except ValueError:
        return None
    return value if reading.at == len(words) else None


class _Reading:
    """One expression, read from left to right. Raises ValueError for what it does not know."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.at = words, 0

    def shifted(self, depth: int) -> int:
        value = self._sum(depth)
        while self._takes("<<"):
            by = self._sum(depth)
            if by > 63:
                raise ValueError
            value = value << by & (1 << 64) - 1
        return value

    def _sum(self, depth: int) -> int:
        value = self._product(depth)
        while self._takes("+"):
            value += self._product(depth)
        return value

    def _product(self, depth: int) -> int:
        value = self._one(depth)
        while self._takes("*"):
            value *= self._one(depth)
        return value

    def _one(self, depth: int) -> int:
        if self._takes("(") and depth < DEEPEST:
            value = self.shifted(depth + 1)
            if not self._takes(")"):
                raise ValueError
            return value
        found = _NUMBER.fullmatch(self.words[self.at]) if self.at < len(self.words) else None
        if found is None:
            raise ValueError
        self.at += 1
        digits = found[1]
        octal = digits[0] == "0" and digits.isdigit()
        return int(digits, 8 if octal else 0)

    def _takes(self, word: str) -> bool:
        taken = self.at < len(self.words) and self.words[self.at] == word
        self.at += taken
        return taken
