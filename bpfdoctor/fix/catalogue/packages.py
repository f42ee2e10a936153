"""From capabilities to the packages of one distribution: pure, no machine is asked."""

from __future__ import annotations

import msgspec

from bpfdoctor.fix.catalogue.tables import (
    Deviation,
    Family,
    Manager,
    catalogue,
    covers,
    family_of,
    require_plain,
)
from bpfdoctor.host.system.facts import Distribution
from bpfdoctor.model import Install


class Capability(msgspec.Struct, frozen=True):
    """A capability that somebody asked for, and the lowest major version that will do (0: any)."""

    name: str
    minimum: int = 0


class Choice(msgspec.Struct, frozen=True):
    """The packages of one capability here.

    `versioned` is the pattern of packages of one version. One of `repositories` may be needed for
    it; `newer` is one that may have a newer version. `unverified`: nobody has confirmed the name.
    """

    capability: Capability
    packages: tuple[str, ...]
    versioned: str = ""
    repositories: tuple[str, ...] = ()
    newer: str = ""
    unverified: bool = False


class Local(msgspec.Struct, frozen=True):
    """What the catalogue knows about this distribution."""

    family: Family
    version: str | None
    manager_name: str
    manager: Manager
    release: str

    def choice(self, need: Capability) -> Choice | None:
        """The packages of a capability; None where none are known."""
        names, unverified = self._deviation(need.name) or self._common(need.name)
        if not names:
            return None
        return Choice(
            need,
            tuple(self._filled(name) for name in names),
            self.family.versioned.get(need.name, ""),
            self.family.repository.get(need.name, ()),
            self.family.newer if (self.version or "")[:1].isdigit() else "",
            unverified,
        )

    def _deviation(self, name: str) -> tuple[tuple[str, ...], bool] | None:
        for each in self.family.deviations if self.version is not None else ():
            if each.capability == name and self._holds(each):
                return each.packages, each.unverified
        return None

    def _holds(self, each: Deviation) -> bool:
        here = covers(self.version or "", each.since, each.until)
        return here and each.kernel in self.release

    def _common(self, name: str) -> tuple[tuple[str, ...], bool]:
        for family in catalogue().inherited(self.family):
            if name in family.packages:
                return family.packages[name], name in self.family.unverified
        return (), False

    def _filled(self, name: str) -> str:
        return require_plain(name.replace("$RELEASE", self.release))


def capability_of(capability: str) -> Capability:
    """Read `clang` or `clang>=11`; another name of the same becomes the one we use."""
    name, _, least = (each.strip() for each in capability.partition(">="))
    if least and not (name and least.isdecimal()):
        name, least = capability, ""
    return Capability(catalogue().aliases.get(name, name), int(least or 0))


def local(distribution: Distribution | None, release: str) -> Local | None:
    """What is known of this distribution; `release` is the running kernel's (`uname -r`)."""
    known = catalogue()
    found = family_of(distribution, known) if distribution else None
    if found is None:
        return None
    family, version = found
    return Local(family, version, family.manager, known.managers[family.manager], release)


def resolve(fix: Install, distribution: Distribution | None, release: str) -> Install:
    """Fill in the packages, the command and the text of an `Install` for one distribution.

    `release` is the running kernel's (`uname -r`). Where the distribution or a capability is not
    known, the command is left out for it and the text says what to install by hand.
    """
    here = local(distribution, release)
    if not fix.capabilities:
        return _again(fix, here)
    needs = [capability_of(name) for name in fix.capabilities]
    found = [here.choice(need) if here else None for need in needs]
    packages = tuple(dict.fromkeys(p for choice in found if choice for p in choice.packages))
    missing = [need for need, choice in zip(needs, found, strict=True) if choice is None]
    notes = [fix.text, _by_hand(missing, distribution), *(_note(c) for c in found if c)]
    return msgspec.structs.replace(
        fix,
        packages=packages,
        argv=(*here.manager.install, *packages) if here and packages else (),
        privileged=here.manager.privileged if here else fix.privileged,
        text="; ".join(dict.fromkeys(note for note in notes if note)),
    )


def _again(fix: Install, here: Local | None) -> Install:
    """The command that reinstalls packages."""
    packages = tuple(require_plain(name) for name in fix.packages)
    reinstall = here.manager.reinstall if here else ()
    return msgspec.structs.replace(fix, argv=(*reinstall, *packages) if reinstall else ())


def capability_text(need: Capability) -> str:
    """A capability in words: `clang with the BPF back end, version 11 or newer`."""
    words = catalogue().capabilities.get(need.name, need.name)
    return f"{words}, version {need.minimum} or newer" if need.minimum else words


def _by_hand(missing: list[Capability], distribution: Distribution | None) -> str:
    if not missing:
        return ""
    name = distribution.name if distribution and distribution.name else "this distribution"
    return f"install by hand ({name} is not known to bpfdoctor): " + ", ".join(
        capability_text(need) for need in missing
    )


def _note(choice: Choice) -> str:
    notes = []
    if choice.unverified:
        notes.append(unconfirmed(choice))
    if choice.repositories:
        known = catalogue().repositories
        titles = " or ".join(known[name].title for name in choice.repositories)
        notes.append(f"{choice.capability.name} may need {titles}")
    return "; ".join(notes)


def unconfirmed(choice: Choice) -> str:
    """That nobody has confirmed which package brings a capability on this distribution."""
    return f"the package name of {choice.capability.name} is unconfirmed here"
