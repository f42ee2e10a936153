"""The command line: one module a command; nothing but arguments and calls."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bpfdoctor`; the exit status."""
    from bpfdoctor.cli.boundary import guarded

    return guarded(list(sys.argv[1:] if arguments is None else arguments))
