"""dnf 4: Fedora, RHEL 8 and later and their like. Tried with dnf 4.14; yum of EL7 is `yum.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.fix.managers import rpm
from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Host


class Dnf(PackageManager):
    """As `PackageManager`. `-C` answers from the cache: a plan does not use the network."""

    name = "dnf"
    lock_files = (
        "/var/lib/rpm/.rpm.lock",
        "/usr/lib/sysimage/rpm/.rpm.lock",
        "/var/cache/dnf/metadata_lock.pid",
        "/var/lib/dnf/rpmdb_lock.pid",
    )

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        present = rpm.installed(host, names)
        return {name: self._package(host, name, present.get(name, "")) for name in names}

    def _package(self, host: Host, name: str, present: str) -> Package:
        shown = "%{name} %{epoch}:%{version}-%{release}"
        query = ("dnf", "-q", "-C", "repoquery", "--latest-limit=1", "--qf", shown)
        answer = ask(host, *query, "--whatprovides", name)
        rows = [line.split() for line in (answer.stdout if answer else "").splitlines()]
        rows = [row for row in rows if len(row) == 2]
        own = next((row for row in rows if row[0] == name), None)
        best = own or (rows[0] if rows else None)
        others = tuple(dict.fromkeys(row[0] for row in rows if row[0] != name))
        unsure = answer is None or not answer.ok
        return Package(present, best[1] if best else "", () if own else others, unsure)

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        wanted = pattern.replace("{}", "[0-9]*")
        answer = ask(host, "dnf", "-q", "-C", "repoquery", "--qf", "%{name}", wanted)
        names = dict.fromkeys((answer.stdout if answer else "").split())
        return tuple(name for name in names if re.match(pattern_of(pattern), name))

    def empty(self, host: Host) -> str:
        """Empty caches alone: an install fetches what is out of date by itself."""
        answer = ask(
            host, "dnf", "-q", "-C", "repoquery", "--latest-limit=1", "--qf", "%{name}", "*"
        )
        if answer is not None and answer.ok and answer.stdout.strip():
            return ""
        return "the repositories' lists are not in the cache"

    def everything(self, host: Host) -> frozenset[str] | None:
        return rpm.everything(host)

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        answer = ask(host, argv[0], "-C", "--assumeno", *argv[1:])
        return rpm.transaction(answer.stdout if answer else "")


MANAGER = Dnf()
