"""Write a command as it can be pasted into a shell."""

from __future__ import annotations

import re

from bpfdoctor.shell import quoted

PLAIN = re.compile(r"[\w@%+=:,./$-]+")
"""Words that a shell takes as they are."""


def to_paste(*words: str) -> str:
    """A command to paste; the path of a recorded checkout, `$CHECKOUT`, stays as it is."""
    return " ".join(word if PLAIN.fullmatch(word) else quoted(word) for word in words)
