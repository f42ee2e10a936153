"""Lines of makefiles that are nothing but a comment: make does not read them, nor does a replay."""

from __future__ import annotations

import posixpath
import re

_COMMENT = re.compile(r"^ *#(?:[^\\\n]|\\[\s\S])*", re.MULTILINE)
_NAMES = frozenset(("GNUmakefile", "makefile", "Makefile"))


def is_makefile(path: str) -> bool:
    """Whether a file is one that make reads, by its name."""
    name = posixpath.basename(path)
    return name in _NAMES or name.endswith((".mk", ".mak"))


def without_comments(text: str) -> str:
    """A makefile's text with its comments empty; the lines that a backslash adds are theirs."""
    return _COMMENT.sub("#", text)
