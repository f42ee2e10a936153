"""The command line: one module a command; nothing but arguments and calls."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

GARBAGE = 50_000
"""Objects made before Python looks for circles of them: a run is short, and imports make none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bpfdoctor`; the exit status."""
    gc.set_threshold(GARBAGE)
    from bpfdoctor.cli.boundary import guarded

    return guarded(list(sys.argv[1:] if arguments is None else arguments))
