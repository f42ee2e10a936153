"""The command line: one module a command; nothing but arguments and calls."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

GARBAGE = 50_000
"""Objects made before Python looks for circles of them: a run is short, and imports make none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bpfdoctor`; the exit status."""
    gc.set_threshold(GARBAGE)
    from bpfdoctor.cli.boundary import guarded

    return guarded(list(sys.argv[1:] if arguments is None else arguments))


def console() -> NoReturn:
    """Run `bpfdoctor` as a program, and end at once with its exit status.

    What it made is removed by then and what it says is written: there is nothing left that Python
    would have to take apart, object by object, for 25 ms.
    """
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    leash = sys.modules.get("bpfdoctor.host.leash")  # not loaded: nothing was started
    if leash is not None:
        leash.close()
    os._exit(status)
