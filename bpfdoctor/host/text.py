"""What a machine says in bytes, as text; and a command as it can be pasted."""

from __future__ import annotations

import re
import shlex

PLAIN = re.compile(r"[\w@%+=:,./$-]+")
"""Words that a shell takes as they are."""


def decoded(data: bytes) -> str:
    """Bytes as text in which every byte survives, in ASCII escapes if need be."""
    return data.decode(errors="backslashreplace")


def to_paste(*words: str) -> str:
    """A command to paste; the path of a recorded checkout, `$CHECKOUT`, stays as it is."""
    return " ".join(word if PLAIN.fullmatch(word) else shlex.quote(word) for word in words)
