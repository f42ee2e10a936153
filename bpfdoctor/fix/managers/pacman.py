"""pacman: Arch Linux and what is made of it. Tried with pacman 6.0."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Host
from bpfdoctor.host.system.files import ListDirectory, Names

SYNC = "/var/lib/pacman/sync"


class Pacman(PackageManager):
    """As `PackageManager`."""

    name = "pacman"
    lock_files = ("/var/lib/pacman/db.lck",)

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        answer = ask(host, "pacman", "-Si", *names)
        found = candidates(answer.stdout if answer else "")
        silent = answer is None or answer.ok  # it fails where it does not know one of them
        return {
            name: Package(
                self._installed(host, name),
                found.get(name, ""),
                unsure=silent and name not in found,
            )
            for name in names
        }

    def _installed(self, host: Host, name: str) -> str:
        """The version, also of a package that only provides the name (`pacman -Q` knows both)."""
        answer = ask(host, "pacman", "-Q", name)
        words = answer.stdout.split() if answer is not None and answer.ok else []
        return words[1] if len(words) == 2 else ""

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        answer = ask(host, "pacman", "-Ssq", pattern_of(pattern))
        names = (answer.stdout if answer else "").split()
        return tuple(name for name in names if re.match(pattern_of(pattern), name))

    def empty(self, host: Host) -> str:
        answer = host.ask(ListDirectory(SYNC))
        if isinstance(answer, Names) and any(name.endswith(".db") for name in answer.names):
            return ""
        return "no repository has been synchronised"

    def everything(self, host: Host) -> frozenset[str] | None:
        answer = ask(host, "pacman", "-Qq")
        found = frozenset(answer.stdout.split()) if answer is not None and answer.ok else None
        return found or None

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        answer = ask(host, *argv, "--print", "--print-format", "%n")
        found = frozenset(answer.stdout.split()) if answer is not None and answer.ok else None
        return found or None


MANAGER = Pacman()


def candidates(text: str) -> dict[str, str]:
    """The version by name in `pacman -Si`: blocks of `Name : x` and `Version : y`."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "Name":
            name = value.strip()
        elif key.strip() == "Version" and name:
            found.setdefault(name, value.strip())
    return found
