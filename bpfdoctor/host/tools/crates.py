"""The question whether cargo has the crates that a Cargo.lock names, or would fetch them.

Nothing of a checkout runs for it: not even `cargo metadata`, which starts whatever the tree's
`.cargo/config.toml` names as rustc's wrapper.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.environment import home_of
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import read_regular
from bpfdoctor.typed import from_toml

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


LARGEST = 4 << 20
"""Bytes of a Cargo.lock that are read; a hundred crates take 30,000."""


class Crates(Answer, frozen=True):
    """How many crates a lock file names that come from elsewhere, and those that are not here."""

    named: int
    absent: tuple[str, ...] = ()

    def shown(self) -> str:
        here = f"{self.named - len(self.absent)} of {self.named} crates are in cargo's cache"
        return "\n".join((here, *(f"not there: {each}" for each in self.absent)))


class _Package(msgspec.Struct):
    name: str
    version: str
    source: str = ""


class _Lock(msgspec.Struct):
    package: tuple[_Package, ...] = ()


_PLAIN = re.compile(
    rb'(?:(?:#[^\n]*|version = \d+|\[\[package\]\]|[a-z]+ = "[^"\\\n]*"|dependencies = \['
    rb'| "[^"\\\n]*",|\])?\n)*'
)
"""A lock as cargo writes it, line by line."""

_PACKAGE = re.compile(
    rb'\[\[package\]\]\nname = "([^"\n]*)"\nversion = "([^"\n]*)"(?:\nsource = "([^"\n]*)")?\n'
)


def _lock(data: bytes) -> _Lock:
    """What a lock says. Raises ValueError where it is none.

    Python takes 12 ms to read the TOML of one; what cargo wrote is seen at once.
    """
    found = _PACKAGE.findall(data)
    sources = sum(bool(source) for _, _, source in found)
    whole = (len(found), sources) == (data.count(b"[[package]]"), data.count(b"\nsource = "))
    if whole and data.isascii() and _PLAIN.fullmatch(data):
        return _Lock(tuple(_Package(*(part.decode() for part in each)) for each in found))
    return from_toml(data, _Lock)


class AskCrates(Question[Crates], frozen=True):
    """Which crates of a Cargo.lock are in the cache of the user who would build there."""

    lock: str
    asks = "tree"

    def put(self, machine: Machine) -> Crates | NoAnswer:
        try:
            lock = _lock(read_regular(self.lock, LARGEST))
            kept = _kept(_cargo_home(machine, self.lock))
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # not such a file, or a path with a NUL byte
            return NoAnswer("broken", str(error))
        except RecursionError:
            return NoAnswer("broken", "its values are nested too deep")
        foreign = [each for each in lock.package if each.source]
        absent = [f"{p.name} {p.version}" for p in foreign if not _is_kept(p, kept)]
        return Crates(len(foreign), tuple(absent))

    def source(self) -> str:
        return self.lock


def _cargo_home(machine: Machine, tree: str) -> Path:
    identity = owner_to_become(tree)
    if identity is not None:
        return Path(home_of(identity.uid), ".cargo")
    home = machine.environ.get("HOME", "/nonexistent")
    return Path(machine.environ.get("CARGO_HOME") or f"{home}/.cargo")


def _kept(home: Path) -> frozenset[str]:
    """The names of what cargo has fetched: `NAME-VERSION.crate`, and short git revisions."""
    patterns = ("registry/cache/*/*.crate", "git/checkouts/*/*")
    with as_owner_of(str(home)):
        return frozenset(path.name for pattern in patterns for path in home.glob(pattern))


def _is_kept(package: _Package, kept: frozenset[str]) -> bool:
    if package.source.startswith("git+"):
        revision = package.source.rpartition("#")[2]
        return any(revision[:length] in kept for length in range(7, len(revision) + 1))
    return f"{package.name}-{package.version}.crate" in kept
