"""How this very bpfdoctor is called again, whatever sudo or another shell has on its PATH."""

from __future__ import annotations

import os
import sys

NAME = "bpfdoctor"


def own_command() -> tuple[str, ...]:
    """The absolute path of the command; the interpreter and the module where there is none."""
    try:
        path = os.path.abspath(sys.argv[0])
    except OSError:  # the working directory is not there any more
        path = ""
    if os.path.basename(path) == NAME and os.access(path, os.X_OK):
        return (path,)
    return (sys.executable, "-I", "-m", NAME)
