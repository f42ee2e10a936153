"""The C sources that lie beside a loader: functions that it calls may be written there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.c_source.file_text import file_text
from bpfdoctor.host.question import NoAnswer

MOST = 400
"""Sources beside a loader that are looked at; bcc's libbpf-tools has some 70."""

MOST_BYTES = 8 << 20
"""Bytes of these that are read; bcc's have 1 MB."""


def sources_beside(path: str) -> tuple[str, ...]:
    """The other C sources of its directory, that directory last; none where there are too many."""
    place = os.path.dirname(path) or "."
    try:
        with as_owner_of(place):
            names = sorted(name for name in os.listdir(place) if name.endswith(".c"))
    except OSError:
        return ()
    own = os.path.basename(path)
    others = [os.path.join(place, name) for name in names if name != own]
    return (*others, place) if len(others) <= MOST else ()


def texts_with(sources: Sequence[str], words: Sequence[str], largest: int) -> Iterator[str]:
    """The texts of those sources that hold all of some words."""
    left = MOST_BYTES
    for path in sources:
        if left < 0:
            return
        text = file_text(path, largest) if path.endswith(".c") else ""
        if isinstance(text, NoAnswer):
            continue
        left -= len(text)
        if all(word in text for word in words):
            yield text
