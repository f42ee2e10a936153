"""How this very bpfdoctor is called again, whatever sudo or another shell has on its PATH."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

NAME = "bpfdoctor"
"""The command's plain name, as checks write it in their fixes."""


def own_command() -> tuple[str, ...]:
    """The absolute path of the command; the interpreter and the module where there is none."""
    path = os.path.abspath(sys.argv[0])
    if os.path.basename(path) == NAME and os.access(path, os.X_OK):
        return (path,)
    return (sys.executable, "-I", "-m", NAME)


def absolute(argv: Sequence[str]) -> tuple[str, ...]:
    """A command as it can be pasted anywhere: bpfdoctor itself by its absolute path."""
    return (*own_command(), *argv[1:]) if argv[:1] == (NAME,) else tuple(argv)
