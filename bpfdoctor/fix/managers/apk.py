"""apk: Alpine Linux and what is made of it. Tried with apk-tools 2.14."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.commands import Completed


class Apk(PackageManager):
    """As `PackageManager`."""

    name = "apk"
    lock_files = ("/lib/apk/db/lock", "/usr/lib/apk/db/lock")

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        found = policies(a.stdout if (a := self._ask(host, "policy", *names)) else "")
        present = {name for name in names if self._present(host, name)}
        return {
            name: Package(
                "installed" if name in present else "",
                found.get(name, ""),
            )
            for name in names
        }

    def _ask(self, host: Host, *arguments: str) -> Completed | None:
        return ask(host, "apk", "--no-network", *arguments)

    def _present(self, host: Host, name: str) -> bool:
        answer = self._ask(host, "info", "-e", name)
        return answer is not None and answer.ok and bool(answer.stdout.strip())

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        answer = self._ask(host, "search", "-x", "-q", pattern.replace("{}", "[0-9]*"))
        names = (answer.stdout if answer else "").split()
        return tuple(name for name in names if re.match(pattern_of(pattern), name))

    def empty(self, host: Host) -> str:
        """`musl` is in every Alpine repository: an index that does not know it is not there."""
        answer = self._ask(host, "search", "-x", "-q", "musl")
        return "" if answer is not None and answer.stdout.strip() else "no repository index is here"

    def everything(self, host: Host) -> frozenset[str] | None:
        answer = self._ask(host, "info", "-q")
        found = frozenset(answer.stdout.split()) if answer is not None and answer.ok else None
        return found or None

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        """`(1/3) Installing zlib-dev (1.3.1-r2)`; asked of root alone, who may open its lock."""
        answer = ask(host, argv[0], "--no-network", "--simulate", *argv[1:])
        names = re.findall(r"^\(\d+/\d+\) Installing (\S+)", answer.stdout if answer else "", re.M)
        return frozenset(names) or None if answer is not None and answer.ok else None


MANAGER = Apk()


def policies(text: str) -> dict[str, str]:
    """The version by name in `apk policy`: the first line below `name policy:`."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.endswith(" policy:"):
            name = line.removesuffix(" policy:")
        elif re.match(r"  \S+:$", line) and name:
            found.setdefault(name, line.strip().rstrip(":"))
    return found
