"""Words for a person on standard error: whatever is in them, they drive nothing and run nothing."""

from __future__ import annotations

import sys

from bpfdoctor.shell import inert
from bpfdoctor.visible import Shown, field, put, tell


def say(text: str) -> None:
    """One line, or a page; nobody may be there to read it."""
    tell(sys.stderr, text if isinstance(text, Shown) else Shown(inert(field(text))))


def answer_to(question: str) -> str:
    """Put a question on the terminal, and wait for the line that is typed."""
    put(sys.stderr, field(question))
    return sys.stdin.readline()
