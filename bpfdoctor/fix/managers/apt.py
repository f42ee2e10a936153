"""apt and dpkg: Debian, Ubuntu and what is made of them. Tried with apt 2.6.1 and 3.0."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.fix.managers.age import AskAge
from bpfdoctor.fix.managers.base import Package, ask, pattern_of
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import ListDirectory, Names
from bpfdoctor.model import Fix, Run

LISTS = "/var/lib/apt/lists"
OLD = 2 * 86400.0
"""Seconds after which lists are refreshed: older ones name versions that mirrors have dropped."""


class Apt:
    """As `PackageManager`."""

    name = "apt"
    environment: dict[str, str] = {"DEBIAN_FRONTEND": "noninteractive"}  # noqa: RUF012  (read only)
    lock_files: tuple[str, ...] = (
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

    def stale(self, host: Host) -> str:
        answer = host.ask(ListDirectory(LISTS))
        names = answer.names if isinstance(answer, Names) else ()
        if not any(name.endswith(("_Packages", "_Packages.lz4", "_Packages.gz")) for name in names):
            return "the package lists are empty"
        age = host.ask(AskAge(LISTS))
        if not isinstance(age, NoAnswer) and age.seconds > OLD:
            return f"the package lists are {age.seconds / 86400:.0f} days old"
        return ""

    def broken(self, host: Host) -> Fix | None:
        """dpkg leaves its notes in `updates`, or packages half installed, when it is killed."""
        notes = host.ask(ListDirectory("/var/lib/dpkg/updates"))
        audit = ask(host, "dpkg", "--audit")
        if (isinstance(notes, Names) and notes.names) or (audit and audit.stdout.strip()):
            return Run(("dpkg", "--configure", "-a"), privileged=True)
        return None

    def everything(self, host: Host) -> frozenset[str] | None:
        """Every package that dpkg has files or settings of, with its architecture if foreign."""
        shown = "${binary:Package} ${db:Status-Status}\n"
        answer = ask(host, "dpkg-query", "-W", f"-f={shown}")
        if answer is None or not answer.ok:
            return None
        lines = (line.split() for line in answer.stdout.splitlines())
        return frozenset(line[0] for line in lines if len(line) == 2 and line[1] != "not-installed")


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
