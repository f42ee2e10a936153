"""The types of `packages.toml`, and its reader."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.system.facts import Distribution
from bpfdoctor.typed import from_toml

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9@+._/-]*")
"""What may be given to a package manager as a package's name: never an option or a pattern."""


class Manager(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The commands of a package manager; `automatic` when bpfdoctor runs them itself.

    `upgrades`: to refresh its lists is to upgrade all that is installed.
    """

    install: tuple[str, ...]
    refresh: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    reinstall: tuple[str, ...] = ()
    automatic: bool = True
    privileged: bool = True
    upgrades: bool = False


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What some releases of a family call a capability's packages.

    `kernel` is a part of the running kernel's release where only such a kernel makes a difference.
    """

    capability: str
    packages: tuple[str, ...]
    since: str = ""
    until: str = ""
    kernel: str = ""
    unverified: bool = False


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Distributions that share package names; see the head of `packages.toml`.

    `versioned` is the pattern of a package of one version (`clang-{}`). `repository` names, by
    capability, those of which one may have to be switched on first; `newer` one that has newer
    versions of many.
    """

    ids: tuple[str, ...]
    manager: str
    packages: dict[str, tuple[str, ...]] = {}
    derivatives: tuple[str, ...] = ()
    inherits: str = ""
    since: str = ""
    until: str = ""
    unverified: tuple[str, ...] = ()
    versioned: dict[str, str] = {}
    repository: dict[str, tuple[str, ...]] = {}
    newer: str = ""
    deviations: tuple[Deviation, ...] = ()


class Repository(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repository that is not on by default; without `enable` a person has to add it.

    `listed` prints what the manager knows of repositories; the patterns `on` and `off` find in it
    that this one is on, or could be; the named groups of `off` fill in the commands. `tried` exits
    0 where `enable` can be run, which `package` brings. `take` are the lines by which a person
    installs from it.
    """

    title: str
    listed: tuple[str, ...] = ()
    on: str = ""
    off: str = ""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    package: str = ""
    take: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of `packages.toml`."""

    capabilities: dict[str, str]
    aliases: dict[str, str]
    checks: dict[str, tuple[str, ...]]
    managers: dict[str, Manager]
    families: dict[str, Family]
    repositories: dict[str, Repository]

    def inherited(self, family: Family) -> tuple[Family, ...]:
        """The family, then those whose packages it takes over, nearest first."""
        chain = [family]
        while chain[-1].inherits:
            chain.append(self.families[chain[-1].inherits])
        return tuple(chain)


@cache
def catalogue() -> Catalogue:
    """Read `packages.toml`. Raises BpfDoctorError where a name in it is not a plain one."""
    text = files("bpfdoctor.fix.catalogue").joinpath("packages.toml").read_bytes()
    found = from_toml(text, Catalogue)
    for family in found.families.values():
        lists = [*family.packages.values(), *(each.packages for each in family.deviations)]
        for name in (name for names in lists for name in names):
            require_plain(name.replace("$RELEASE", "0"))
    return found


def require_plain(name: str) -> str:
    """`name`, if it is a plain package name. Raises BpfDoctorError for an option or a pattern."""
    if not PLAIN_NAME.fullmatch(name):
        raise BpfDoctorError(f"{name!r} is not a plain package name", "nothing was installed")
    return name


def covers(version: str, since: str, until: str) -> bool:
    """Whether a release lies within bounds; one without a number is rolling: newer than all."""
    number = _numbers(version)
    if not number:
        return not until
    low, high = _numbers(since), _numbers(until)
    return number[: len(low)] >= low and (not until or number[: len(high)] <= high)


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


def family_of(distribution: Distribution, known: Catalogue) -> tuple[Family, str | None] | None:
    """The family of a distribution, and the release to judge deviations by.

    The release is None where the distribution counts its releases in its own way: a derivative,
    or one that is only known through ID_LIKE. Ids are lower case but for openEuler's.
    """
    for family in known.families.values():
        if _among(distribution.id, family.ids) and covers(
            distribution.version, family.since, family.until
        ):
            return family, distribution.version
    for name in (distribution.id, *distribution.like):
        for family in known.families.values():
            if _among(name, (*family.ids, *family.derivatives)) and not family.until:
                return family, None
    return None


def _among(name: str, names: tuple[str, ...]) -> bool:
    return name.lower() in (each.lower() for each in names)
