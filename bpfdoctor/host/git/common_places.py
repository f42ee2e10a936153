"""Directories that hold what is of no one tree: homes, those of the system, those open to all."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from bpfdoctor.host.environment import home_of

_TOP = "bin boot dev etc home lib lib32 lib64 media mnt opt proc root run sbin srv sys tmp usr var"
_USR = "bin games include lib lib32 lib64 libexec local sbin share src tmp"
_LOCAL = "bin etc games include lib lib64 libexec sbin share src"
_VAR = "backups cache lib local lock log mail opt run spool tmp"
_SYSTEM = frozenset(
    f"{above}/{name}"
    for above, names in (("", _TOP), ("/usr", _USR), ("/usr/local", _LOCAL), ("/var", _VAR))
    for name in names.split()
) | {"/"}
_OPEN_TO_ALL = stat.S_ISVTX | stat.S_IWOTH


class CommonPlaces:
    """Tells directories that are everybody's, or all of somebody's, from those that are one tree.

    A home is that of `HOME`, of the user who asks, or of the directory's owner.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._homes: dict[int, str] = {}
        self._home = _real(environ.get("HOME", ""))

    def has(self, place: str) -> bool:
        """Whether the directory `place`, an absolute path without links, is such a one."""
        if place in _SYSTEM or place == self._home or place == self._home_of(os.geteuid()):
            return True
        try:
            facts = os.stat(place)
        except OSError:
            return False
        open_to_all = facts.st_mode & _OPEN_TO_ALL == _OPEN_TO_ALL
        return open_to_all or place == self._home_of(facts.st_uid)

    def _home_of(self, uid: int) -> str:
        if uid not in self._homes:
            self._homes[uid] = _real(home_of(uid))
        return self._homes[uid]


def _real(home: str) -> str:
    """A home as a path without links; empty for one that is none."""
    return os.path.realpath(home) if home.startswith("/") and "\0" not in home else ""
