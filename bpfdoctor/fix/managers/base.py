"""What every package manager is asked, and how a plan uses it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

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
        return int(digits[:9]) if digits.isdecimal() else 0


class PackageManager(ABC):
    """A package manager: all its answers come through the host, from local data alone."""

    name: ClassVar[str]
    environment: ClassVar[dict[str, str]] = {}
    lock_files: ClassVar[tuple[str, ...]]

    @abstractmethod
    def look(self, host: Host, names: Sequence[str]) -> dict[str, Package]:
        """What is known of these packages."""

    @abstractmethod
    def matching(self, host: Host, pattern: str) -> tuple[str, ...]:
        """Names that it could install and that match `clang-{}`, `{}` being a number."""

    @abstractmethod
    def empty(self, host: Host) -> str:
        """Why its lists say nothing about what it could install; empty if they do."""

    def stale(self, host: Host) -> str:
        """Why its lists should be refreshed: they say nothing, or are old; empty if neither."""
        return self.empty(host)

    def broken(self, host: Host) -> Fix | None:
        """What an interrupted run left half done, as the command that finishes it."""
        return None

    @abstractmethod
    def everything(self, host: Host) -> frozenset[str] | None:
        """The names of all installed packages; None where it would not say, or names none."""

    def leftovers(self, host: Host) -> frozenset[str]:
        """Packages that were removed and whose settings are kept."""
        return frozenset()

    @abstractmethod
    def intended(self, host: Host, argv: Sequence[str]) -> frozenset[str] | None:
        """What this installing command would add, spelt as by `everything`; None where unknown, as
        where it names nothing.

        The answer may name more: what it would upgrade, or another spelling of a name.
        """

    def against(self, host: Host, argv: Sequence[str], names: Sequence[str]) -> str:
        """Why it would refuse this removal of `names`; empty where a refusal leaves no trace."""
        return ""

    def removals(
        self, command: Sequence[str], names: Sequence[str], kept: Sequence[str]
    ) -> tuple[tuple[str, ...], ...]:
        """The commands that remove `names`; of those in `kept`, the settings stay."""
        return ((*command, *names),)


def ask(host: Host, *argv: str) -> Completed | None:
    """What a command printed; None where it could not be run or did not end by itself."""
    answer = host.ask(RunCommand(argv, timeout=TIMEOUT))
    return answer if isinstance(answer, Completed) and answer.exit_code is not None else None


def pattern_of(versioned: str) -> str:
    """`clang-{}` as a regular expression of whole names."""
    import re

    return "^" + re.escape(versioned).replace(r"\{\}", "[0-9]+") + "$"
