"""yum 3: EL7 and Amazon Linux 2. Nothing here was tried on one: the options are its manual's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.fix.managers import rpm
from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Host


class Yum(PackageManager):
    """As `PackageManager`. `-C` answers from the cache: a plan does not use the network."""

    name = "yum"
    lock_files = ("/var/run/yum.pid", "/var/lib/rpm/.rpm.lock")

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        present = rpm.installed(host, names)
        answer = ask(host, "yum", "-q", "-C", "list", "all", *names)
        found = versions(answer.stdout if answer else "")
        return {name: Package(present.get(name, ""), found.get(name, "")) for name in names}

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        answer = ask(host, "yum", "-q", "-C", "list", "all", pattern.replace("{}", "[0-9]*"))
        names = versions(answer.stdout if answer else "")
        return tuple(name for name in names if re.match(pattern_of(pattern), name))

    def empty(self, host: Host) -> str:
        answer = ask(host, "yum", "-q", "-C", "repolist")
        return "" if answer is not None and answer.ok else "the repositories' lists are not cached"

    def everything(self, host: Host) -> frozenset[str] | None:
        return rpm.everything(host)

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        answer = ask(host, argv[0], "-C", "--assumeno", *argv[1:])
        return rpm.transaction(answer.stdout if answer else "")


MANAGER = Yum()


def versions(listing: str) -> dict[str, str]:
    """The version by name in `yum list`: lines of `name.arch  version  repository`."""
    rows = [line.split() for line in listing.splitlines()]
    return {row[0].rpartition(".")[0]: row[1] for row in rows if len(row) == 3 and "." in row[0]}
