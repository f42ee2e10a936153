"""What the last lines of a failed command mean, in a sentence."""

from __future__ import annotations

import re

MEANINGS = (
    (
        r"No space left on device|enough free space",
        "the disk is full: free some room, then run fix again",
    ),
    (r"Read-only file system", "the file system is mounted read-only; nothing can be installed"),
    (
        r"dpkg was interrupted|you must manually run 'dpkg --configure -a'",
        "an earlier installation was cut off: sudo dpkg --configure -a",
    ),
    (
        r"Packages need to be removed but remove is disabled",
        "it would remove packages that are installed, and so was not begun: the same command "
        "without --no-remove shows them and asks",
    ),
    (
        r"Could not get lock|Unable to acquire the dpkg frontend lock|unable to lock database|"
        r"System management is locked",
        "another package manager is at work: wait for it, then run fix again",
    ),
    (
        r"not our ref|did not contain [0-9a-f]{7,}|Direct fetching of that commit failed|"
        r"unadvertised object",
        "the commit that the checkout pins is not at that address any more: update the checkout "
        "(git pull), or ask its authors",
    ),
    (
        r"could not read Username|Authentication failed|terminal prompts disabled|"
        r"Permission denied \(publickey",
        "the address asks for a login: it is private, or misspelt",
    ),
    (
        r"Repository not found|repository '[^']*' not found|does not appear to be a git repository",
        "there is no repository at that address",
    ),
    (
        r"transport '[^']*' not allowed",
        "git refuses that kind of address; its setting protocol.allow says which are allowed",
    ),
    (r"dubious ownership", "the checkout belongs to another user: run this as that user"),
    (r"404 +Not Found", "the package lists are out of date: refresh them, then run fix again"),
    (
        r"Release file for \S+ is (expired|not valid yet)",
        "the mirror's lists are too old, or this machine's clock is wrong: see to it, then run fix "
        "again",
    ),
    (
        r"Could not resolve|Temporary failure (in name resolution|resolving)|Connection refused|"
        r"Connection timed out|Network is unreachable|Failed to connect|Connection reset|"
        r"transfer closed with|early EOF|unexpected disconnect|RPC failed|Operation too slow|"
        r"hung up unexpectedly|"
        r"Empty reply from server|Failed to fetch|Cannot download|Curl error",
        "the network failed: check the connection and the proxy settings, then run fix again",
    ),
    (
        r"Unable to locate package|No match for argument|target not found|No provider of|"
        r"unable to select packages",
        "the repositories in use do not have that package",
    ),
    (r"conflict", "the packages asked for conflict with one another or with what is installed"),
    (r"[Pp]ermission denied|Operation not permitted", "the privilege was not enough"),
)
"""Patterns of what managers, git and the kernel print, most telling first."""

NETWORK = "the network failed"


def meaning(output: str) -> str:
    """The sentence for the first pattern that the output holds; empty where none does."""
    return next((text for pattern, text in MEANINGS if re.search(pattern, output)), "")


def worth_retrying(output: str) -> bool:
    """Whether another try may help: only where the network failed."""
    return meaning(output).startswith(NETWORK)


def last_lines(output: str, count: int = 8) -> str:
    """The end of what was printed, without the steps of a progress display."""
    lines = [line.split("\r")[-1].rstrip() for line in output.splitlines()]
    return "\n".join([line for line in lines if line][-count:])
