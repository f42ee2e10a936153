"""How a person changes the kernel's command line on this distribution."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

from bpfdoctor.fix.catalogue.tables import catalogue, family_of
from bpfdoctor.fix.plan import commands_to_paste
from bpfdoctor.host.system.facts import Distribution
from bpfdoctor.model import ByHand
from bpfdoctor.typed import from_toml


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to change the command line; see the head of `boot.toml`."""

    where: str
    add: tuple[str, ...]
    remove: tuple[str, ...]
    families: tuple[str, ...] = ()
    kernel: str = ""
    unverified: bool = False


@cache
def ways() -> dict[str, Way]:
    """All of `boot.toml`."""
    text = files("bpfdoctor.fix.catalogue").joinpath("boot.toml").read_bytes()
    return from_toml(text, dict[str, dict[str, Way]])["ways"]


def with_boot_steps(fix: ByHand, distribution: Distribution | None, release: str) -> ByHand:
    """A fix with this distribution's steps for the change that it asks for, where they are known.

    `release` is the running kernel's (`uname -r`).
    """
    way = _way(distribution, release) if fix.boot_with or fix.boot_without else None
    if way is None:
        return fix
    unsure = " (unconfirmed here)" if way.unverified else ""
    lines, change = (way.add, fix.boot_with) if fix.boot_with else (way.remove, fix.boot_without)
    commands = [line.replace("{}", change) for line in lines]
    steps = commands_to_paste(f"{way.where}{unsure}", commands, as_root=False)
    return msgspec.structs.replace(fix, text=f"{fix.text}\n{steps}")


def _way(distribution: Distribution | None, release: str) -> Way | None:
    known = catalogue()
    found = family_of(distribution, known) if distribution else None
    names = [name for name, family in known.families.items() if found and family is found[0]]
    for way in ways().values():
        if way.kernel and way.kernel in release.lower():
            return way
        if set(names) & set(way.families):
            return way
    return None
