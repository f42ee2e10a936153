"""What dnf, yum and zypper share: the database of installed packages is rpm's."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.fix.managers.base import ask
from bpfdoctor.host.question import Host

ROW = re.compile(r"^ (\S+)\s+([a-z0-9_]+)\s+\S+\s+\S+\s+[\d.]+ \w+$", re.MULTILINE)
"""A package in the table of a transaction: name, architecture, version, repository, size."""


VERSION = re.compile(r"\d+:[^\s-]+-[^\s-]+$", re.MULTILINE)
"""Epoch, version and release, as rpm is asked to print them."""


def installed(host: Host, names: Sequence[str]) -> dict[str, str]:
    """The version of what is installed and provides each name.

    By `--whatprovides`: on Fedora 40 zlib-devel is only a name that zlib-ng-compat-devel provides.
    """
    found: dict[str, str] = {}
    for name in names:
        shown = "%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n"
        answer = ask(host, "rpm", "-q", "--qf", shown, "--whatprovides", name)
        said = VERSION.match(answer.stdout) if answer is not None and answer.ok else None
        if said is not None:
            found[name] = said[0]
    return found


def everything(host: Host) -> frozenset[str] | None:
    """Every installed package as `name.arch`; None where rpm would not say."""
    answer = ask(host, "rpm", "-qa", "--qf", "%{NAME}.%{ARCH}\n")
    if answer is None or not answer.ok:
        return None
    names = (line for line in answer.stdout.split() if not line.startswith("gpg-pubkey"))
    return frozenset(names) or None


def transaction(text: str) -> frozenset[str] | None:
    """What the table that dnf and yum show before they ask would install; None without one."""
    sections = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    pairs = zip(sections[1::2], sections[2::2], strict=False)
    rows = [
        row for title, part in pairs if title.startswith("Installing") for row in ROW.findall(part)
    ]
    return frozenset(f"{name}.{arch}" for name, arch in rows) or None
