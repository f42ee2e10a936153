"""A directory of links to a checkout: a makefile works in it, and the checkout stays as it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import msgspec

ENTRIES = 200_000
"""Entries of a checkout that are compared; libbpf-bootstrap with its submodules has 3,000."""


class BuildLayout(msgspec.Struct, frozen=True):
    """What of a checkout a build writes, relative to the checkout.

    `directory` is that of the makefile; `made` are the paths that a build makes (`src/.output`,
    `src/minimal`): they are never linked, so that nothing is written through a link.
    """

    directory: str
    made: frozenset[str]

    @property
    def real(self) -> tuple[str, ...]:
        """The directories that are made anew, parents first; all else is a link."""
        inside = {self.directory, *(os.path.dirname(path) for path in self.made)}
        parts = {"/".join(p.split("/")[:n]) for p in inside for n in range(p.count("/") + 2)}
        return tuple(sorted(parts))


def link(checkout: Path, place: Path, layout: BuildLayout) -> None:
    """Make `place` a directory of links to `checkout`, keeping what was built in it.

    Raises OSError where a directory cannot be read or written.
    """
    for directory in layout.real:
        source = checkout / directory
        if directory == "" or source.is_dir():
            (place / directory).mkdir(mode=0o700, exist_ok=True)
            _link_entries(source, place / directory, set(_linked(source, directory, layout)))


def _linked(source: Path, directory: str, layout: BuildLayout) -> Iterator[str]:
    for entry in os.scandir(source):
        path = f"{directory}/{entry.name}".lstrip("/")
        if entry.name != ".git" and path not in layout.made and path not in layout.real:
            yield entry.name


def _link_entries(source: Path, place: Path, wanted: Collection[str]) -> None:
    for entry in os.scandir(place):
        if entry.is_symlink() and entry.name not in wanted:
            os.unlink(entry.path)
    for name in wanted:
        target, here = source / name, place / name
        if not here.is_symlink() or os.readlink(here) != str(target):
            here.unlink(missing_ok=True)
            here.symlink_to(target)


def fingerprint(checkout: Path, layout: BuildLayout) -> str:
    """A hash of what the checkout holds (path, size, mtime), but for the makefile's directory.

    Makefiles seldom say all that they read: when this differs, what was built before is no proof.
    """
    try:
        lines = sorted(islice(_states(str(checkout), layout), ENTRIES + 1))
    except OSError:  # not all of it can be read
        lines = []
    if not 0 < len(lines) <= ENTRIES:
        return os.urandom(8).hex()  # like no other
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _states(checkout: str, layout: BuildLayout) -> Iterator[str]:
    left = [""]
    while left:
        directory = left.pop()
        for entry in os.scandir(os.path.join(checkout, directory)):
            path = f"{directory}/{entry.name}".lstrip("/")
            if entry.name == ".git" or path in layout.made:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{path}/\n"
                left += [path] if path != layout.directory else []
                continue
            facts = entry.stat(follow_symlinks=False)
            yield f"{path} {facts.st_size} {facts.st_mtime_ns} {facts.st_mode}\n"
