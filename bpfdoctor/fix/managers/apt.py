"""apt and dpkg: Debian, Ubuntu and what is made of them. Tried with apt 2.6.1 and 3.0."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from bpfdoctor.fix.managers.base import Package, PackageManager, ask, pattern_of
from bpfdoctor.host.question import Answer, Host, NoAnswer, Question
from bpfdoctor.host.system.files import ListDirectory, Names
from bpfdoctor.model import Fix, Run

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LISTS = "/var/lib/apt/lists"
TOUCHED = (LISTS, f"{LISTS}/partial")
"""Changed by every `apt-get update`: the lists by one that finds news, `partial` by each."""
SPOKEN = re.compile(r"^Inst (\S+?)(?::\w+)? (?:\[\S+\] )?\(.*\[(\w+)\]\)", re.MULTILINE)
"""What apt would install, with its architecture: `Inst make (4.3-4.1 Debian:12 [amd64])`."""
OLD = 2 * 86400.0
"""Seconds after which lists are refreshed: older ones name versions that mirrors have dropped."""


class Apt(PackageManager):
    """As `PackageManager`."""

    name = "apt"
    environment: ClassVar[dict[str, str]] = {"DEBIAN_FRONTEND": "noninteractive"}
    lock_files = (
        "/var/lib/dpkg/lock-frontend",
        "/var/lib/dpkg/lock",
        "/var/lib/apt/lists/lock",
        "/var/cache/apt/archives/lock",
    )

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        """Installed is dpkg's word, for apt calls a removed package's version installed too."""
        policy = ask(host, "apt-cache", "policy", *names)
        present = self._installed(host, names)
        candidates = _candidates(policy.stdout if policy else "")
        unsure = policy is None or not policy.ok
        return {name: self._package(host, name, present, candidates, unsure) for name in names}

    def _package(
        self,
        host: Host,
        name: str,
        present: dict[str, str],
        candidates: dict[str, str],
        unsure: bool,
    ) -> Package:
        candidate = candidates.get(name, "")
        virtual = name in candidates and not candidate
        providers = self._providers(host, name) if virtual else ()
        return Package(present.get(name, ""), candidate, providers, unsure)

    def _installed(self, host: Host, names: Sequence[str]) -> dict[str, str]:
        shown = "${Package} ${db:Status-Status} ${Version}\n"
        answer = ask(host, "dpkg-query", "-W", f"-f={shown}", *names)
        lines = (line.split() for line in (answer.stdout if answer else "").splitlines())
        return {line[0]: line[2] for line in lines if len(line) == 3 and line[1] == "installed"}

    def _providers(self, host: Host, name: str) -> tuple[str, ...]:
        """Packages that provide a virtual one (bpftool on Ubuntu up to 24.04)."""
        answer = ask(host, "apt-cache", "showpkg", name)
        text = answer.stdout if answer else ""
        lines = text.partition("Reverse Provides:")[2].splitlines()
        return tuple(dict.fromkeys(line.split()[0] for line in lines if line.split()))

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        answer = ask(host, "apt-cache", "search", "--names-only", pattern_of(pattern))
        lines = (answer.stdout if answer else "").splitlines()
        return tuple(line.split()[0] for line in lines if line.split())

    def empty(self, host: Host) -> str:
        answer = host.ask(ListDirectory(LISTS))
        names = answer.names if isinstance(answer, Names) else ()
        if not any(name.endswith(("_Packages", "_Packages.lz4", "_Packages.gz")) for name in names):
            return "the package lists are empty"
        return ""

    def stale(self, host: Host) -> str:
        answers = [host.ask(AskAge(path)) for path in TOUCHED]
        ages = [age.seconds for age in answers if not isinstance(age, NoAnswer)]
        if not self.empty(host) and ages and min(ages) > OLD:
            return f"the package lists are {min(ages) / 86400:.0f} days old"
        return self.empty(host)

    def broken(self, host: Host) -> Fix | None:
        """dpkg leaves its notes in `updates`, or packages half installed, when it is killed."""
        notes = host.ask(ListDirectory("/var/lib/dpkg/updates"))
        audit = ask(host, "dpkg", "--audit")
        if (isinstance(notes, Names) and notes.names) or (audit and audit.stdout.strip()):
            return Run(("dpkg", "--configure", "-a"), privileged=True)
        return None

    def everything(self, host: Host) -> frozenset[str] | None:
        """Also what is half installed; with its architecture where there may be several."""
        states = _states(host)
        gone = ("not-installed", "config-files")
        if states is None:
            return None
        return frozenset(name for name, state in states.items() if state not in gone) or None

    def leftovers(self, host: Host) -> frozenset[str]:
        states = _states(host) or {}
        return frozenset(name for name, state in states.items() if state == "config-files")

    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        """With and without the architecture, for dpkg names it only where there may be several."""
        answer = ask(host, argv[0], "-s", *argv[1:])
        if answer is None or not answer.ok:
            return None
        found = SPOKEN.findall(answer.stdout)
        named = frozenset(spelt for name, arch in found for spelt in (name, f"{name}:{arch}"))
        return named or None

    def against(self, host: Host, argv: Sequence[str], names: Sequence[str]) -> str:
        """dpkg notes the wish to remove even where it refuses: apt would act on it later.

        Most of what it then says is that the names need one another; the others are the reason.
        """
        answer = ask(host, argv[0], "--no-act", *argv[1:])
        if answer is None or answer.ok:
            return ""
        said = [line.strip() for line in answer.output.splitlines() if " depends on " in line]
        return "\n".join(each for each in said if each.split()[0] not in names) or answer.output

    def removals(
        self, command: Sequence[str], names: Sequence[str], kept: Sequence[str]
    ) -> tuple[tuple[str, ...], ...]:
        """All at once, for they may need one another; then the settings of those not kept."""
        rest = [name for name in names if name not in kept]
        if len(rest) == len(names):
            return ((*command, *names),)
        return ((command[0], "--remove", *names), *([(*command, *rest)] if rest else []))


MANAGER = Apt()


def _states(host: Host) -> dict[str, str] | None:
    """What dpkg says of each package it knows: `installed`, `config-files` …"""
    answer = ask(host, "dpkg-query", "-W", "-f=${binary:Package} ${db:Status-Status}\n")
    if answer is None or not answer.ok:
        return None
    lines = (line.split() for line in answer.stdout.splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def _candidates(policy: str) -> dict[str, str]:
    """The candidate version by name in the output of `apt-cache policy`; empty for `(none)`."""
    found: dict[str, str] = {}
    name = ""
    for line in policy.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.startswith("  Candidate:") and name:
            version = line.partition(":")[2].strip()
            found[name] = "" if version == "(none)" else version
    return found


class Age(Answer, frozen=True):
    """Seconds since the last change of a file or of a directory's entries."""

    seconds: float

    def shown(self) -> str:
        return f"changed {self.seconds:.0f} seconds ago"


class AskAge(Question[Age], frozen=True):
    """When `path` was last changed."""

    path: str

    def put(self, machine: Machine) -> Age | NoAnswer:
        try:
            return Age(max(0.0, time.time() - os.stat(self.path).st_mtime))
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"stat -c %Y {self.path}"
