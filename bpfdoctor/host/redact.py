"""Redaction: what names a person, a machine or a place is replaced, the same way everywhere.

A snapshot, JSON and every file go through it; text on a terminal does not. It is idempotent, and a
question that is made of redacted answers equals the redacted question: that is what makes replay
exact.
"""

from __future__ import annotations

import os
import pwd
import re
import threading
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from bpfdoctor.host.redact_allowlist import COMMON, PUBLIC_HOSTS

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TOKEN = r"(?:\$(?:CHECKOUT|CACHE|SCRATCH|USER|HOST)|~)"  # noqa: S105  (not a password)
"""How what was replaced begins; a host's number follows, as plain letters do."""

PLAIN = r"[\w@%+=:,./-]"
"""What shlex.quote leaves unquoted."""

# A word that the shell needed quotes for only because of its tokens, or of what they replaced. The
# digits of a host's token are PLAIN's alone: what can match in two ways is tried in all of them.
QUOTED = re.compile(rf"(?<![^\s(`\"])'({PLAIN}*(?:{TOKEN}{PLAIN}*)*)'(?![^\s)`\".,;:])", re.ASCII)

# A path is replaced where one begins (after an option's letter too: `-I/home/…`) and ends.
PATH_BEGINS = r"(?:(?<![\w.~)}\]*?%+-])|(?<=^-[A-Za-z])|(?<=[\s'\"=:,]-[A-Za-z])|(?<=-isystem))"
PATH_ENDS = r"(?![\w~$+-]|\.[\w~$])"
NAME_BEGINS = r"(?<![^\W_])"
NAME_ENDS = r"(?![^\W_])"
URL = (
    r"(?P<scheme>\b(?i:(?:git\+|svn\+)?(?:https?|ftps?|ssh|git|svn|hg|rsync|socks\w*|tcp|wss?))://)"
    r"(?P<login>[^\s/@'\"<>]*@)?"
    r"(?P<host>[\w%-]+(?:\.[\w%-]+)*|\[[0-9A-Fa-f:.]+\])"
)
SCP = (
    r"(?P<scp_login>(?<![\w.$~@-])[\w.-]+@)"
    r"(?P<scp_host>[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*)(?=:[\w./~])"
)

Several = str | tuple[str, ...]
T = TypeVar("T")


class Redactor:
    """Replaces what is secret of one run. Without arguments it knows only hosts in URLs.

    The paths are absolute; those given become `$CHECKOUT`, `~` and `$CACHE`. `user` and
    `host_name` become `$USER` and `$HOST`, as words, unless they are `COMMON` or shorter than
    three letters. Of each there may be several spellings. A host in a URL becomes `$HOST1`,
    `$HOST2` …, the same one the same for as long as the object lives.
    """

    def __init__(
        self,
        checkout: Several = "",
        home: Several = "",
        cache: Several = "",
        user: Several = "",
        host_name: Several = "",
    ) -> None:
        self._paths: dict[str, str] = {}
        for paths, token in ((checkout, "$CHECKOUT"), (cache, "$CACHE"), (home, "~")):
            for path in _paths(paths):
                self._paths.setdefault(path, token)
        self._hosts = [name.lower() for name in _names(host_name)]
        self._users = _names(user)
        self._remote: dict[str, str] = {}
        self._lock = threading.Lock()
        self._pattern = re.compile("|".join(self._alternatives()))
        known = (*self._paths, *self._hosts, *self._users)
        self._telling = ("://", "@", "'", *(each.lower() for each in known))

    @classmethod
    def of(cls, machine: Machine, checkout: str = "") -> Redactor:
        """The redactor of this user on this machine."""
        return cls(
            checkout=_with_target(checkout),
            home=(
                *_with_target(machine.environ.get("HOME") or _account("pw_dir")),
                *machine.other_homes,
            ),
            cache=_with_target(str(machine.cache or "")),
            user=(_account("pw_name"), machine.environ.get("SUDO_USER", "")),
            host_name=(node := os.uname().nodename, node.partition(".")[0]),
        )

    def _alternatives(self) -> Iterable[str]:
        yield URL
        yield SCP
        if self._paths:
            yield rf"{PATH_BEGINS}(?P<path>{_any_of(self._paths)}){PATH_ENDS}"
        if self._hosts:
            yield rf"{NAME_BEGINS}(?P<name>(?i:{_any_of(self._hosts)})){NAME_ENDS}"
        if self._users:
            yield rf"{NAME_BEGINS}(?P<user>{_any_of(self._users)}){NAME_ENDS}"

    def text(self, text: str) -> str:
        """`text` without secrets; what is no text at all (lone surrogates) is escaped."""
        if not self._may_tell(text):
            return text
        return QUOTED.sub(_unquoted, self._pattern.sub(self._replacement, printable(text)))

    def _may_tell(self, text: str) -> bool:
        """Whether there can be anything to replace: most lines are seen at once to hold nothing."""
        lower = text.lower()
        return not text.isascii() or any(each in lower for each in self._telling)

    def value(self, value: T) -> T:
        """The same structure with every string in it redacted: Structs, lists, dictionaries.

        Names of fields, numbers and fields that may only hold one of a few words stay.
        """
        return self._value(value)  # type: ignore[no-any-return]

    def _value(self, value: Any) -> Any:
        if type(value) is str:  # an Enum of strings stays
            return self.text(value)
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in free_fields(type(value))}
            changed = {name: self._value(each) for name, each in fields.items()}
            return msgspec.structs.replace(value, **changed)
        if isinstance(value, dict):
            return {self._value(key): self._value(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self._value(each) for each in value)
        return value

    def _replacement(self, match: re.Match[str]) -> str:
        found = match.groupdict()
        if found["scheme"]:
            login = "$USER@" if found["login"] else ""
            return found["scheme"] + login + self._host_token(found["host"])
        if found["scp_host"]:
            login = "git@" if found["scp_login"] == "git@" else "$USER@"
            return login + self._host_token(found["scp_host"])
        if found.get("path"):
            return self._paths[found["path"]]
        return "$HOST" if found.get("name") else "$USER"

    def _host_token(self, host: str) -> str:
        host = host.lower()
        if any(host == public or host.endswith(f".{public}") for public in PUBLIC_HOSTS):
            return host
        if host in self._hosts:
            return "$HOST"
        with self._lock:
            return self._remote.setdefault(host, f"$HOST{len(self._remote) + 1}")


def printable(text: str) -> str:
    """`text` that UTF-8 can hold: bytes that were no text are written as escapes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
        except UnicodeEncodeError:
            return text.encode(errors="backslashreplace").decode()
    return text


def _unquoted(match: re.Match[str]) -> str:
    return match[1] if re.search(TOKEN, match[1]) else match[0]


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _several(words: Several) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


def _paths(paths: Several) -> list[str]:
    ends = (printable(path).rstrip("/") for path in _several(paths))
    return [path for path in ends if path.startswith("/")]


def _names(words: Several) -> list[str]:
    fit = re.compile(r"(?!(?i:host)\d*$)[^\W_][\w.-]+[^\W_]")
    return [w for w in _several(words) if w.lower() not in COMMON and fit.fullmatch(w)]


def _with_target(path: str) -> tuple[str, ...]:
    return (path, os.path.realpath(path)) if path else ()


def _account(field: str) -> str:
    try:
        return str(getattr(pwd.getpwuid(os.getuid()), field))
    except KeyError:
        return ""


@cache
def free_fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields that may hold any text; not those of a few words (`Literal`)."""
    fields = msgspec.structs.fields(kind)
    return tuple(field.name for field in fields if not _few_words(field.type))


def _few_words(kind: Any) -> bool:
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return True
    return bool(parts) and all(_few_words(part) for part in parts)
