"""What a person is to do: words, and below them, each on a line of its own, commands to paste."""

from __future__ import annotations

import os
from collections.abc import Iterable


def to_paste(words: str, commands: Iterable[str], *, as_root: bool = True) -> str:
    """`words`, then the commands, indented; said to be root's where the reader is not root."""
    who = " (as root)" if as_root and os.geteuid() != 0 else ""
    return "\n".join((f"{words}{who}:", *(f"  {command}" for command in commands)))
