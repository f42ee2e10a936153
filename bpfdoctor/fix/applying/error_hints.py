"""What the last lines of a failed command mean, and whether another try may help."""

from __future__ import annotations

import re
from typing import NamedTuple

from bpfdoctor.fix.applying.output import last_drawn


class ErrorHint(NamedTuple):
    """What it means that a command printed something of this pattern, in a sentence.

    `retry`: another try may help.
    """

    pattern: str
    text: str
    retry: bool = False


NETWORK = ErrorHint(
    r"Could not resolve|Temporary failure (in name resolution|resolving)|Connection refused|"
    r"Connection timed out|Network is unreachable|Failed to connect|Connection reset|"
    r"transfer closed with|early EOF|unexpected disconnect|RPC failed|Operation too slow|"
    r"hung up unexpectedly|"
    r"Empty reply from server|Failed to fetch|Cannot download|Curl error",
    "the network failed: check the connection and the proxy settings, then run fix again",
    retry=True,
)
"""What is worth another try."""

HINTS = (
    ErrorHint(
        r"No space left on device|enough free space",
        "the disk is full: free some room, then run fix again",
    ),
    ErrorHint(
        r"Read-only file system", "the file system is mounted read-only; nothing can be installed"
    ),
    ErrorHint(
        r"dpkg was interrupted|you must manually run 'dpkg --configure -a'",
        "an earlier installation was cut off: sudo dpkg --configure -a",
    ),
    ErrorHint(
        r"Packages need to be removed but remove is disabled",
        "it would remove packages that are installed, and so was not begun: the same command "
        "without --no-remove shows them and asks",
    ),
    ErrorHint(
        r"Could not get lock|Unable to acquire the dpkg frontend lock|unable to lock database|"
        r"System management is locked",
        "another package manager is at work: wait for it, then run fix again",
    ),
    ErrorHint(
        r"not our ref|did not contain [0-9a-f]{7,}|Direct fetching of that commit failed|"
        r"unadvertised object",
        "the commit that the checkout pins is not at that address any more: update the checkout "
        "(git pull), or ask its authors",
    ),
    ErrorHint(
        r"could not read Username|Authentication failed|terminal prompts disabled|"
        r"Permission denied \(publickey",
        "the address asks for a login: it is private, or misspelt",
    ),
    ErrorHint(
        r"Repository not found|repository '[^']*' not found|does not appear to be a git repository",
        "there is no repository at that address",
    ),
    ErrorHint(
        r"transport '[^']*' not allowed",
        "git refuses that kind of address; its setting protocol.allow says which are allowed",
    ),
    ErrorHint(r"dubious ownership", "the checkout belongs to another user: run this as that user"),
    ErrorHint(
        r"404 +Not Found", "the package lists are out of date: refresh them, then run fix again"
    ),
    ErrorHint(
        r"Release file for \S+ is (expired|not valid yet)",
        "the mirror's lists are too old, or this machine's clock is wrong: see to it, then run fix "
        "again",
    ),
    NETWORK,
    ErrorHint(
        r"Unable to locate package|No match for argument|target not found|No provider of|"
        r"unable to select packages",
        "the repositories in use do not have that package",
    ),
    ErrorHint(
        r"conflict", "the packages asked for conflict with one another or with what is installed"
    ),
    ErrorHint(r"[Pp]ermission denied|Operation not permitted", "the privilege was not enough"),
)
"""Patterns of what managers, git and the kernel print, most telling first."""


def hint_of(output: str) -> ErrorHint | None:
    """The hint of the first pattern that the output holds; None where it holds none."""
    return next((hint for hint in HINTS if re.search(hint.pattern, output)), None)


def tells_more(hint: ErrorHint, other: ErrorHint) -> bool:
    """Whether a hint stands before another one, and so is the one that counts."""
    return HINTS.index(hint) < HINTS.index(other)


def last_lines(output: str, count: int = 8) -> str:
    """The end of what was printed, without the steps of a progress display."""
    lines = [last_drawn(line) for line in output.split("\n")]
    return "\n".join([line for line in lines if line][-count:])
