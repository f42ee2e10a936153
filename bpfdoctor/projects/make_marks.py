"""What stands in a value for text that is not known, with the reason.

A mark is one character of a private area. So a rule that lists `$(wildcard *.h)` does not hide the
programs, and a variable that is made of it does not look like one that is known.
"""

from __future__ import annotations

import re

_FIRST, _MOST, _SHOWN = 0xF0000, 4096, 300
MARK = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _MOST)}]")

_STEADY = ("$(shell", "$(wildcard", "$(realpath")
"""What gives no more than words on one line."""


class Unknowns:
    """The marks of what is not known in one makefile."""

    def __init__(self) -> None:
        self._reasons: list[str] = []
        self._places: dict[str, int] = {}

    def mark(self, reason: str) -> str:
        """What stands for text that is not known."""
        reason = reason_shown(reason)
        place = self._places.setdefault(reason, len(self._reasons))
        if place == len(self._reasons) < _MOST:
            self._reasons.append(reason)
        return chr(_FIRST + min(place, len(self._reasons) - 1))

    def reason_in(self, text: str) -> str:
        """Why a text is not known; empty for one that is."""
        found = MARK.search(text)
        return self._reasons[ord(found[0]) - _FIRST] if found else ""

    def unsteady(self, text: str) -> bool:
        """What is not known in it may be more than words."""
        return any(not self.reason_in(mark).startswith(_STEADY) for mark in set(MARK.findall(text)))


def reason_shown(reason: str) -> str:
    """As much of a reason as is read, without marks."""
    return MARK.sub("…", reason)[:_SHOWN]


def first_mark(*texts: str) -> str:
    """The first mark in these texts; empty without one."""
    found = MARK.search("".join(texts))
    return found[0] if found else ""


def unmarked(text: str) -> str:
    """Text of somebody else's, without characters that would pass for marks."""
    return MARK.sub("\ufffd", text)
