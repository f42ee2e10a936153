"""Includes that lead to a FIFO or a device, at which a compiler would wait for ever."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator, Sequence

from bpfdoctor.host.reading import read_regular
from bpfdoctor.host.tools.source_words import refused

_INCLUDE = re.compile(
    rb"^[ \t]*#[ \t]*(?:include|import|include_next|embed|define[ \t]+\w+)[ \t]*[<\"]([^>\"\n]+)",
    re.MULTILINE,
)

LARGEST = 1 << 20
"""Bytes of a file that is looked through; a larger one is a vmlinux.h, which includes nothing."""

MOST = 500
"""Files that are looked through."""


def refuse_odd_includes(
    file: str, trees: tuple[str, ...], searched: Sequence[str], libbpf: str
) -> None:
    """Raise NotMadeError where a source includes what is neither a file nor a directory.

    `searched` are the directories of `<…>`, `libbpf` is that of `<bpf/…>`. Below others than the
    `trees` nothing is looked through. A macro that is a name in quotes counts as one that is
    included. To be called with the rights of whoever compiles.
    """
    left, seen, below = [file], {file}, tuple(f"{tree}/" for tree in trees)
    while left and len(seen) < MOST:
        path = left.pop()
        for found in _included(path, searched, libbpf):
            mode = _mode(found)
            if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise refused(f"{path} includes {found}, which is not a regular file")
            if mode and found not in seen and found.startswith(below):
                seen.add(found)
                left.append(found)


def _included(path: str, searched: Sequence[str], libbpf: str) -> Iterator[str]:
    for name in _names(path):
        if libbpf and name.startswith("bpf/"):
            yield f"{libbpf}/{name[4:]}"
        for place in (os.path.dirname(path), *searched):
            yield os.path.join(place, name)


def _names(path: str) -> Iterator[str]:
    with contextlib.suppress(OSError):
        data = read_regular(path, LARGEST + 1)
        if len(data) <= LARGEST:
            yield from map(os.fsdecode, dict.fromkeys(_INCLUDE.findall(data)))


def _mode(path: str) -> int:
    """0 where there is nothing."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):
        return 0
