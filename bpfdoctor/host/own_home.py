"""HOME and XDG_*_HOME of another user: with `sudo -E` or `su -p`, ours are used in their place.

Programs take orders from what lies in HOME (git runs what its configuration names), and what root
writes there would be root's in another's home.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import NamedTuple

from bpfdoctor.host.limited import within
from bpfdoctor.host.own_directory import owner_name, walked
from bpfdoctor.host.path_walk import Component

BESIDE_HOME = ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
"""Variables that put a part of the home elsewhere (XDG Base Directory Specification)."""

OF_RUST = ("CARGO_HOME", "RUSTUP_HOME")
"""As these do; rustup writes there whatever it is asked, through links too. A user who is not root
may share another's toolchains, and may not write to them."""


class OwnHome(NamedTuple):
    """An environment in which every home is ours.

    `others` are the homes that were named and are another's; `sentence` says whose they are.
    """

    environ: dict[str, str]
    others: tuple[str, ...] = ()
    sentence: str = ""


def own_home(environ: Mapping[str, str]) -> OwnHome:
    """The environment with our own home where HOME is another's, and without such an XDG_*_HOME.

    As root also without another's CARGO_HOME and RUSTUP_HOME.
    """
    found = within(None, lambda: _found(environ))  # a home may lie where a file system hangs
    others = {name: each for name, each in found.items() if each}
    if not others:
        return OwnHome(dict(environ))
    kept = {name: value for name, value in environ.items() if name not in others}
    if "HOME" in others:
        kept["HOME"] = _home()
    told = "; ".join(_told(name, environ[name], each) for name, each in others.items())
    mine = f"{owner_name(os.geteuid())}'s own {kept.get('HOME', '')}".rstrip()
    paths = tuple(environ[name] for name in others)
    return OwnHome(kept, paths, f"{told}; {mine} is used")


def _found(environ: Mapping[str, str]) -> dict[str, Component | None]:
    names = ("HOME", *BESIDE_HOME, *(OF_RUST if os.geteuid() == 0 else ()))
    return {name: _others(name, environ.get(name, "")) for name in names}


def _others(name: str, path: str) -> Component | None:
    """What on the way to such a place is another's; None where it may be used.

    The home that the password database names may be: the administrator vouches for that.
    """
    home = _home()
    if not path.startswith("/") or (name == "HOME" and (not home or _same(path, home))):
        return None
    last = None
    try:
        for last, anothers in walked(path, os.geteuid()):
            if anothers:
                return last
    except (OSError, ValueError):
        return None  # what does not exist is nobody's
    return last if name == "HOME" and _is_roots_alone(last, home) else None


def _is_roots_alone(place: Component | None, home: str) -> bool:
    """Whether it is root's, we are not, and we have a home of our own (`su -p` from root)."""
    us = os.geteuid()
    if place is None or place.facts.st_uid == us:
        return False
    try:
        return os.stat(home).st_uid == us
    except OSError:
        return False


def _home() -> str:
    """Our home by the password database; empty where it knows none."""
    us = os.geteuid()
    try:
        return pwd.getpwuid(us).pw_dir
    except KeyError:
        return "/root" if us == 0 else ""


def _same(path: str, other: str) -> bool:
    return os.path.normpath(path) == os.path.normpath(other)


def _told(name: str, path: str, found: Component) -> str:
    owner = owner_name(found.facts.st_uid)
    if _same(path, found.path):
        return f"{name} is {path}, which belongs to {owner}"
    return f"{name} is {path}, and {found.path} belongs to {owner}"
