"""The directories that a run stands in, and the names of theirs that nobody else knows.

Of `/home/bob/clients/acme/lb` the home is written `~`, and `clients` and `acme` tell of its owner:
`~/$DIR1/$DIR2`. A directory that every Linux has (`/usr/src`) keeps its name.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from bpfdoctor.host.redact_allowlist import PUBLIC_PLACES, PUBLIC_TREES


class PrivatePlaces:
    """What is written for private directories and for those above them.

    `known` are the directories that have a token already. Below those of `open_below` names stay:
    a report is about what is in a checkout. `written` maps each other directory that was added to
    what is written for it.
    """

    def __init__(self, known: Mapping[str, str], open_below: Iterable[str] = ()) -> None:
        self._known = known
        self._open = tuple(f"{place}/" for place in open_below)
        self._names: dict[str, str] = {}
        self.written: dict[str, str] = {}

    def add(self, path: str) -> str:
        """Make the name of a directory private, and those of all above it; what is written now."""
        for place in reversed([*_upwards(path)]):
            if self._is_private(place):
                above, name = posixpath.split(place)
                token = self._names.setdefault(name, f"$DIR{len(self._names) + 1}")
                self.written[place] = f"{self._said(above).rstrip('/')}/{token}"
        return self._said(path)

    def _is_private(self, place: str) -> bool:
        known = place in self._known or place in self.written
        return not known and not is_public(place) and not place.startswith(self._open)

    def _said(self, place: str) -> str:
        return self._known.get(place) or self.written.get(place) or place


def _upwards(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        yield path
        path = posixpath.dirname(path)


def is_public(place: str) -> bool:
    """Whether a directory tells nothing of whoever uses it: systems have it of themselves."""
    return place in PUBLIC_PLACES or place.startswith(PUBLIC_TREES)
