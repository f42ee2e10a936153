"""The line of a trace, or of a program's output, that proves its event."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 1024
"""Characters of a line that a pattern of somebody else's is searched in; the kernel's trace has
fewer."""


def proof_in(lines: Iterable[str], pattern: re.Pattern[str]) -> str:
    """The first line that has the pattern in what is looked at of it; empty without one."""
    return next((line.strip() for line in lines if pattern.search(line, 0, LONGEST)), "")
