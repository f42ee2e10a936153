"""What a compiler said of a tree's own files, without any line of theirs or of others."""

from __future__ import annotations

import re

_LINE = re.compile(r"^(/[^:\0\n]+):(\d+):(\d+): (fatal error|error|warning): (.*)$", re.MULTILINE)

MOST_LINES, LONGEST = 40, 400


def own_lines(said: str, trees: tuple[str, ...], renamed: tuple[str, str]) -> str:
    """The diagnostics of files below one of `trees`; `renamed` is what a path begins with, and with
    what it is shown."""
    lines = []
    for path, line, column, kind, text in _LINE.findall(said):
        shown = path.replace(*renamed) if path.startswith(renamed[0]) else path
        if shown.startswith(
            tuple(f"{tree.rstrip('/')}/" for tree in trees)
        ) and ".." not in shown.split("/"):
            lines.append(f"{shown}:{line}:{column}: {kind}: {text.replace(*renamed)}"[:LONGEST])
    return "\n".join(lines[:MOST_LINES])
