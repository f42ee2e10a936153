"""zypper: openSUSE and SUSE Linux Enterprise. Tried with zypper 1.14."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from bpfdoctor.fix.managers import rpm
from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Host
from bpfdoctor.host.system.files import ListDirectory, Names

NONE_FOUND = 104
"""The exit status of a search without a result."""
CACHE = "/var/cache/zypp/solv"
SEARCH = ("zypper", "--non-interactive", "--no-refresh", "--xmlout", "search", "-s")


class Zypper(PackageManager):
    """As `PackageManager`. Its XML is read by pattern: one `solvable` a line, attributes quoted."""

    name = "zypper"
    environment: ClassVar[dict[str, str]] = {"ZYPP_LOCK_TIMEOUT": "0"}
    lock_files = ("/run/zypp.pid", "/var/run/zypp.pid", "/var/lib/rpm/.rpm.lock")

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        present = rpm.installed(host, names)
        if self.empty(host):  # a search would fetch the lists, --no-refresh or not
            return {name: Package(present.get(name, "")) for name in names}
        found: dict[str, Package] = {}
        for name in names:
            answer = ask(host, *SEARCH, "--match-exact", "--provides", name)
            rows = solvables(answer.stdout if answer else "")
            others = tuple(dict.fromkeys(row[0] for row in rows if row[0] != name))
            own = next((row for row in rows if row[0] == name), None)
            best = own or (rows[0] if rows else ("", ""))
            unsure = answer is None or answer.exit_code not in (0, NONE_FOUND)
            found[name] = Package(present.get(name, ""), best[1], () if own else others, unsure)
        return found

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        answer = ask(host, *SEARCH, pattern.replace("{}", "*"))
        names = dict.fromkeys(row[0] for row in solvables(answer.stdout if answer else ""))
        return tuple(name for name in names if re.match(pattern_of(pattern), name))

    def empty(self, host: Host) -> str:
        """What zypper knows of a repository is in a directory of its name; `@System` is rpm's."""
        answer = host.ask(ListDirectory(CACHE))
        if isinstance(answer, Names) and set(answer.names) - {"@System"}:
            return ""
        return "the repositories' lists are not in the cache"

    def everything(self, host: Host) -> frozenset[str] | None:
        return rpm.everything(host)

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        """From its summary; asked of root alone."""
        place = argv.index("install") + 1
        options = ("--xmlout", "--no-refresh", *argv[1:place], "--dry-run", *argv[place:])
        answer = ask(host, argv[0], *options)
        if answer is None or not answer.ok:
            return None
        found = _packages(answer.stdout.partition("<to-install>")[2].partition("</to-install>")[0])
        return (
            frozenset(f"{each['name']}.{each['arch']}" for each in found if "arch" in each) or None
        )


MANAGER = Zypper()


def solvables(xml: str) -> list[tuple[str, str]]:
    """Name and version of each package in the XML of a search."""
    return [(each["name"], each.get("edition", "")) for each in _packages(xml)]


def _packages(xml: str) -> list[dict[str, str]]:
    """The attributes of each package; its kind is `type` in the summary of an installation."""
    found = [
        dict(re.findall(r'(?<![\w-])([\w-]+)="([^"]*)"', element))
        for element in re.findall(r"<solvable\b[^<>]*>", xml)
    ]
    return [
        each
        for each in found
        if "package" in (each.get("kind"), each.get("type")) and "name" in each
    ]
