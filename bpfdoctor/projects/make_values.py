"""What make knows of a variable, what it has of its own, and what is asked of the machine."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class NotFollowed(Exception):  # noqa: N818  (no error of ours)
    """The makefile cannot be followed any further, or not in time: why."""


class Outside(msgspec.Struct, frozen=True):
    """What a makefile takes from elsewhere.

    `environment`: the value of a variable, None where it is not set. `shell`: what a command
    prints, None where that is not known without running it. `directory`: where make runs.
    `withheld`: the environment has the variable, and the makefile does not learn its value.
    """

    environment: Callable[[str], str | None]
    shell: Callable[[str], str | None]
    directory: str = ""
    withheld: Callable[[str], bool] = lambda name: False


class Variable(msgspec.Struct, frozen=True):
    """A variable: its text, expanded at once or whenever it is used, and whose it is.

    `set` is False for one that the makefile has undefined.
    """

    text: str
    simple: bool = False
    origin: str = "file"
    set: bool = True


BUILT_IN = {
    "AR": "ar",
    "ARFLAGS": "rv",
    "AS": "as",
    "CC": "cc",
    "CPP": "$(CC) -E",
    "CXX": "g++",
    "FC": "f77",
    "LD": "ld",
    "LEX": "lex",
    "OBJC": "cc",
    "RM": "rm -f",
    "YACC": "yacc",
}
"""Values that make has where neither a makefile nor the environment gives one."""

OWN = {"MAKELEVEL": "0", "SHELL": "/bin/sh", "SUFFIXES": ""}
"""Values that the environment does not change."""

_CALLED = ("", "_COMMAND", "_HOST", "_VERSION", "_RESTARTS", "_TERMOUT", "_TERMERR")
_KEPT = ("VARIABLES", "FEATURES", "INCLUDE_DIRS", "LOADED", "DEFAULT_GOAL", "LIBPATTERNS")
NOT_TOLD = frozenset(
    {
        *(f"MAKE{end}" for end in _CALLED),
        *(f".{name}" for name in _KEPT),
        *("MAKECMDGOALS", "MAKEFILE_LIST", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "GNUMAKEFLAGS"),
        *(".SHELLFLAGS", "-*-command-variables-*-"),
    }
)
"""What depends on make's version, or on how it was called."""

AUTOMATIC = frozenset("@%<?^+*|") | {f"{sign}{half}" for sign in "@%<?^+*" for half in "DF"}
"""Empty outside recipes."""
