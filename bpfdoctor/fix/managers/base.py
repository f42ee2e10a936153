"""What every package manager is asked, and how a plan uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.model import Fix

TIMEOUT = 60.0
"""Seconds that a manager may take to answer; asking its database reads a lot on a slow disk."""


class Package(msgspec.Struct, frozen=True):
    """What a manager says of a name: the version that is installed, and the one it could install.

    Empty: not installed, or not to be had. `provided_by` are packages that stand in for the name.
    `unsure`: the manager did not answer, so that nothing follows from what is empty.
    """

    installed: str = ""
    candidate: str = ""
    provided_by: tuple[str, ...] = ()
    unsure: bool = False

    @property
    def major(self) -> int:
        """The first number of the candidate's version, without the epoch; 0 if there is none."""
        digits = self.candidate.rpartition(":")[2].split(".")[0].split("-")[0]
        return int(digits) if digits.isdigit() else 0


class PackageManager(Protocol):
    """A package manager: all its answers come through the host."""

    name: str
    environment: dict[str, str]
    lock_files: tuple[str, ...]

    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        """What is known of these packages, from local data alone: no network."""

    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        """Names that it could install and that match `clang-{}`, `{}` being a number."""

    def stale(self, host: Host) -> str:
        """Why its lists must be refreshed before they say anything; empty if they need not."""

    def broken(self, host: Host) -> Fix | None:
        """What an interrupted run left half done, as the command that finishes it."""

    def everything(self, host: Host) -> frozenset[str] | None:
        """The names of all installed packages; None where it would not say."""


def ask(host: Host, *argv: str) -> Completed | None:
    """What a command printed; None where it could not be run or did not end by itself."""
    answer = host.ask(RunCommand(argv, timeout=TIMEOUT))
    return answer if isinstance(answer, Completed) and answer.exit_code is not None else None


def pattern_of(versioned: str) -> str:
    """`clang-{}` as a regular expression of whole names."""
    import re

    return "^" + re.escape(versioned).replace(r"\{\}", "[0-9]+") + "$"
