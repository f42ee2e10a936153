"""The fixes that go round a fault."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Instead


def with_words(*words: str) -> ByHand:
    """To give make these arguments."""
    return ByHand(f"build with `make {' '.join(words)}`", instead=Instead(arguments=words))
