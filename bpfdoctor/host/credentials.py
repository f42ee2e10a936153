"""Whose a path is, and as whom what lies below it is opened and run."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from functools import cache
from itertools import islice

import msgspec

from bpfdoctor.host.path_walk import LINKS, components

NO_GROUP = 65534
"""The group of a user whom the password database does not know: that of nobody."""


class Credentials(msgspec.Struct, frozen=True):
    """The numeric user and group that something is done as, and the supplementary groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def credentials_of(uid: int) -> Credentials:
    """A user as after a login: the primary group, and the supplementary ones."""
    try:
        known = pwd.getpwuid(uid)
    except KeyError:
        return Credentials(uid, NO_GROUP)
    return Credentials(uid, known.pw_gid, _groups(known.pw_name, known.pw_gid))


@cache
def _groups(name: str, gid: int) -> tuple[int, ...]:
    return tuple(sorted(set(os.getgrouplist(name, gid))))


def owner_to_become(path: str) -> Credentials | None:
    """The user that must act on a tree: its owner, when we are root and the owner is not.

    A checkout is untrusted; what root would run there (make, git filters) runs as its owner. Behind
    a link of another's that is the link's owner: he may change at any moment where it leads.
    Raises OSError where `path` cannot be looked at.
    """
    if os.geteuid() != 0:
        return None
    uid = os.stat(path).st_uid
    way = _Way(_absolute(path))
    way.walked()
    if way.met - {uid}:
        uid = _owner_held(_absolute(path))
    return credentials_of(uid) if uid != 0 else None


def _owner_held(path: str) -> int:
    """The owner of a path, or of the first link of another's that leads there.

    Each directory is held open on the way: no other can be put in its place while we look.
    """
    uid = 0
    for each in components(path):
        uid = each.facts.st_uid
        if stat.S_ISLNK(each.facts.st_mode) and _another(uid):
            break
    return uid


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"{os.getcwd()}/{path}"


def owner_on_the_way(path: str) -> Credentials | None:
    """The user as whom a path is opened: whoever else than root may change where it leads.

    Only root asks so; for anybody else, and where all on the way is root's, it is None. Of
    directories of several users the innermost counts; a link of another's ends the search, for
    what is behind it is his choice. Raises FileNotFoundError where the path does not exist and
    anybody may make it, as what he likes.
    """
    if os.geteuid() != 0:
        return None
    uid = _Way(_absolute(path)).walked()
    return credentials_of(uid) if uid else None


class _Way:
    """The way to an absolute path, component by component; links of root's are followed.

    Unlike `path_walk`, it opens nothing: what it passes may be another's, and we are root still.
    """

    def __init__(self, path: str) -> None:
        self.place, self.left, self.links = "", path.split("/")[::-1], 0
        self.owner = 0
        self.met: set[int] = set()
        """Who else than root has a directory or a link on the way."""

    def walked(self) -> int:
        """The owner who counts; 0 where all on the way is root's."""
        while self.left:
            name = self.left.pop()
            if name == "..":
                self.place = os.path.dirname(self.place)
            elif name not in ("", ".") and not self._goes_on(f"{self.place}/{name}"):
                break
        return self.owner

    def _goes_on(self, path: str) -> bool:
        """Whether what counts may lie deeper than `path`."""
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            self._refuse_open_to_all()
            return False
        except OSError:
            return False
        link, directory = stat.S_ISLNK(facts.st_mode), stat.S_ISDIR(facts.st_mode)
        if _another(facts.st_uid):
            self.met |= {facts.st_uid} if link or directory else set()
            self._meet(facts.st_uid, directory=directory, chosen=link or self._open_to_all())
        elif link and not self.owner:
            return self._follow(path)
        self.place = path
        return directory

    def _meet(self, uid: int, *, directory: bool, chosen: bool) -> None:
        """A file of another's in a directory of root's is what root has put there."""
        if directory or (chosen and not self.owner):
            self.owner = uid

    def _follow(self, link: str) -> bool:
        self.links += 1
        target = os.readlink(link)
        self.place = "" if target.startswith("/") else self.place
        self.left += target.split("/")[::-1]
        return self.links <= LINKS

    def _open_to_all(self) -> bool:
        return bool(os.stat(self.place or "/").st_mode & stat.S_IWOTH)

    def _refuse_open_to_all(self) -> None:
        """What does not exist yet in /tmp may be anybody's link by the time that it is opened."""
        if not self.owner and self._open_to_all():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.place)


def _another(uid: int) -> bool:
    """Whether it is a user other than root whom the kernel knows here.

    In a user namespace, what is nobody's here (root's outside, for one) has the overflow uid, over
    which root within has no power anyway (user_namespaces(7)).
    """
    return uid != 0 and _mapped(uid)


@cache
def _mapped(uid: int) -> bool:
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            rows = [tuple(map(int, line.split())) for line in islice(file, 400)]
    except (OSError, ValueError):
        return True
    return any(first <= uid < first + count for first, _, count in rows)
