"""The directories that a run stands in, and the names of theirs that nobody else knows.

Of `/home/bob/clients/acme/lb` the home is written `~`, and `clients` and `acme` tell of its owner:
`~/$DIR1/$DIR2`. A directory that every Linux has (`/usr/src`) keeps its name.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from bpfdoctor.host.redact_allowlist import PUBLIC_PLACES, PUBLIC_TREES


class PrivatePlaces:
    """What is written for private directories and for those above them.

    `known` are the directories that have a token already. `written` maps each other one that was
    added to what is written for it; below a directory nothing is lost but its name.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._names: dict[str, str] = {}
        self.written: dict[str, str] = {}

    def add(self, path: str) -> str:
        """Make the name of a directory private, and those of all above it; what is written now."""
        for place in reversed([*_upwards(path)]):
            if place not in self._known and place not in self.written and not is_public(place):
                above, name = posixpath.split(place)
                token = self._names.setdefault(name, f"$DIR{len(self._names) + 1}")
                self.written[place] = f"{self._said(above).rstrip('/')}/{token}"
        return self._said(path)

    def _said(self, place: str) -> str:
        return self._known.get(place) or self.written.get(place) or place


def _upwards(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        yield path
        path = posixpath.dirname(path)


def is_public(place: str) -> bool:
    """Whether a directory tells nothing of whoever uses it: systems have it of themselves."""
    return place in PUBLIC_PLACES or place.startswith(PUBLIC_TREES)
