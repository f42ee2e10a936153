"""What there is to hide on this machine, for this user and for what he named."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpfdoctor.host.secret_values import Secrets

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

_ID_FILES = (
    "/etc/machine-id",
    "/var/lib/dbus/machine-id",
    "/proc/sys/kernel/random/boot_id",
    *(f"/sys/class/dmi/id/{name}_serial" for name in ("product", "board", "chassis")),
    "/sys/class/dmi/id/product_uuid",
)
"""Files that hold what identifies this machine; each one that this user may read is read."""

_USERS = ("SUDO_USER", "USER", "LOGNAME", "DOAS_USER")
_PLACES = ("TMPDIR", "TEMP", "TMP", "OLDPWD", "XDG_CACHE_HOME", "XDG_STATE_HOME", "CARGO_HOME")


def facts_of(machine: Machine, checkout: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The arguments of `Redactor` for this user on this machine.

    `arguments` are paths that the user gave.
    """
    environ = machine.environ
    node = os.uname().nodename
    host, _, domain = node.partition(".")
    return {
        "checkout": _with_target(checkout),
        "home": (
            *_with_target(environ.get("HOME") or _account(os.getuid(), "pw_dir")),
            *machine.other_homes,
        ),
        "cache": tuple(each for own in machine.own_places for each in _with_target(own)),
        "user": (_account(os.getuid(), "pw_name"), *(environ.get(name, "") for name in _USERS)),
        "host_name": (node, host, domain if "." in domain else ""),
        "places": tuple(_places(environ.get(name, "") for name in _PLACES)) + _standing(arguments),
        "others": tuple(_owners((checkout, *arguments))),
        "ids": tuple(_ids()),
        "spelled": tuple(_spelled(arguments)),
        "secrets": Secrets.of(environ),
    }


def _with_target(path: str) -> tuple[str, ...]:
    return (path, os.path.realpath(path)) if path else ()


def _account(uid: int, field: str) -> str:
    try:
        return str(getattr(pwd.getpwuid(uid), field))
    except KeyError:
        return ""


def _places(paths: Iterator[str]) -> Iterator[str]:
    for path in paths:
        if path.startswith("/"):
            yield from _with_target(path)


def _standing(arguments: Sequence[str]) -> tuple[str, ...]:
    """The working directory and those that were named, or that named files lie in."""
    try:
        here = [os.getcwd(), os.environ.get("PWD", "")]
    except OSError:  # it is not there any more
        here = []
    named = (each if os.path.isdir(each) else os.path.dirname(each) for each in arguments)
    paths = (os.path.abspath(each) for each in named if here or each.startswith("/"))
    return tuple(_places(iter((*here, *paths))))


def _owners(paths: Sequence[str]) -> Iterator[str]:
    """The users, other than this one, whose trees are looked at."""
    for path in paths:
        try:
            owner = os.stat(path).st_uid
        except (OSError, ValueError):
            continue
        if owner not in (0, os.getuid()):
            yield _account(owner, "pw_name")


def _ids() -> Iterator[str]:
    for name in _ID_FILES:
        try:
            found = Path(name).read_text(errors="replace").strip()
        except OSError:
            continue
        if len(set(found)) > 2 and " " not in found:  # not 00000000, Not Specified
            yield found


def _spelled(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Relative paths as they were typed, with the paths that they mean."""
    for each in arguments:
        if each.startswith("/") or not {*each.split("/")} - {"", ".", ".."}:
            continue
        try:
            meant = os.path.abspath(each)
        except OSError:  # the working directory is not there any more
            continue
        if "/" in each.strip("/") or os.path.isdir(each):
            yield from ((typed, meant) for typed in {each.rstrip("/"), os.path.normpath(each)})
