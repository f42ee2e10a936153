"""Which commands that root would run, others may change: the directories of root's PATH."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from bpfdoctor.host.credentials import owner_on_the_way


def changeable_by_others(environ: Mapping[str, str]) -> dict[str, str]:
    """The directories of root's PATH in which somebody else may put a command, and who that is.

    Empty for anybody but root: a user's commands are run as that user.
    """
    if os.geteuid() != 0:
        return {}
    places = dict.fromkeys(environ.get("PATH", os.defpath).split(os.pathsep))
    found = {place: _who(place) for place in places if place.startswith("/")}
    return {place: who for place, who in found.items() if who}


def _who(place: str) -> str:
    try:
        facts, owner = os.stat(place), owner_on_the_way(place)
    except (OSError, ValueError):  # absent, or no path at all
        return ""
    if owner is not None:
        return f"user {owner.uid}"
    return "anybody" if facts.st_mode & stat.S_IWOTH else ""
