"""What dnf, yum and zypper share: the database of installed packages is rpm's."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.fix.managers.base import ask
from bpfdoctor.host.question import Host


def installed(host: Host, names: Sequence[str]) -> dict[str, str]:
    """The version of what is installed and provides each name.

    By `--whatprovides`: on Fedora 40 zlib-devel is only a name that zlib-ng-compat-devel provides.
    """
    found: dict[str, str] = {}
    for name in names:
        shown = "%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n"
        answer = ask(host, "rpm", "-q", "--qf", shown, "--whatprovides", name)
        if answer is not None and answer.ok:
            found[name] = answer.stdout.split("\n")[0]
    return found


def everything(host: Host) -> frozenset[str] | None:
    """Every installed package as `name.arch`; None where rpm would not say."""
    answer = ask(host, "rpm", "-qa", "--qf", "%{NAME}.%{ARCH}\n")
    if answer is None or not answer.ok:
        return None
    return frozenset(line for line in answer.stdout.split() if not line.startswith("gpg-pubkey"))
