"""The line of a log that says what went wrong: a compiler's, a linker's, a shell's or make's."""

from __future__ import annotations

import re

_SAYS_WHY = re.compile(
    r"\berrors?\b|cannot |unrecognized|undefined reference|not found|No such file|No rule to make"
    r"|Permission denied|No space left",
    re.IGNORECASE,
)

_OF_MAKE = "***"
"""What make's own line has, which names a target and an exit status (`Error 2`)."""

LONGEST = 200
"""Characters of a line that are shown."""


def first_error(log: str) -> str:
    """The first line in which a tool says what is wrong; the first line where none does."""
    return error_line(log) or next(iter(_lines(log)), "")[:LONGEST]


def error_line(log: str) -> str:
    """The first line in which a tool says what is wrong, else make's own; empty for neither."""
    lines = _lines(log)
    said = (line for line in lines if _SAYS_WHY.search(line) and _OF_MAKE not in line)
    make = (line for line in lines if _OF_MAKE in line)
    return next(iter([*said, *make]), "")[:LONGEST]


def _lines(log: str) -> list[str]:
    return [line.strip() for line in log.splitlines() if line.strip()]
