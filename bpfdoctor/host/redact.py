"""Redaction: what names a person, a machine or a place is replaced, the same way everywhere.

A snapshot, JSON and every file go through it; text on a terminal does not. It is idempotent, and a
question that is made of redacted answers equals the redacted question: that is what makes replay
exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from bpfdoctor.host.private_places import PrivatePlaces
from bpfdoctor.host.redact_allowlist import COMMON
from bpfdoctor.host.redact_patterns import (
    ADDRESSES,
    NAME_BEGINS,
    NAME_ENDS,
    OTHERS_HOME,
    PATH_BEGINS,
    PATH_ENDS,
    QUOTED,
    TELLING,
    TOKEN,
    USER_SETTING,
)
from bpfdoctor.host.redact_tokens import Tokens
from bpfdoctor.host.redact_values import Replacing, printable
from bpfdoctor.host.secret_values import Secrets

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

Several = str | tuple[str, ...]


class Redactor(Replacing):
    """Replaces what is secret of one run. Without arguments it knows what looks like a secret.

    The paths are absolute; those given become `$CHECKOUT`, `~` and `$CACHE`. The names of the
    directories above the checkout, and of `places` and those above, become `$DIR1`, `$DIR2` …
    (`bpfdoctor.host.private_places`). `user` and `host_name` become `$USER` and `$HOST`, as words,
    unless they are `COMMON` or shorter than three letters. Of each there may be several spellings.
    A host in a URL becomes `$HOST1`, another user in a path `$USER2`, the same one the same for as
    long as the object lives. `ids` are words that identify the machine. `spelled` maps a relative
    path that the user typed to where it leads.
    """

    def __init__(  # noqa: PLR0913  (each is one thing to hide)
        self,
        checkout: Several = "",
        home: Several = "",
        cache: Several = "",
        user: Several = "",
        host_name: Several = "",
        *,
        places: Several = (),
        others: Several = (),
        ids: Several = (),
        spelled: Iterable[tuple[str, str]] = (),
        secrets: Secrets | None = None,
    ) -> None:
        self._secrets = secrets or Secrets()
        self._paths = _tokens_of_paths(
            _paths(checkout), _paths(cache), _paths(home), _paths(places)
        )
        self._hosts = [name.lower() for name in _names(host_name)]
        self._users = _names(user)
        self._ids = [each for each in _several(ids) if len(each) >= 8]
        self._tokens = Tokens(self._hosts, self._users)
        self._known_others = {name: self._tokens.user(name) for name in _names(others)}
        self._said = self._ways()
        known = (*self._paths, *self._hosts, *self._users, *self._ids, *self._known_others)
        self._telling = tuple(each.lower() for each in known)
        self._spelled = {each: self.once(printable(to)) for each, to in spelled}
        self._typed = _spelled_pattern(self._spelled)

    @classmethod
    def of(cls, machine: Machine, checkout: str = "", *arguments: str) -> Redactor:
        """The redactor of this user on this machine.

        `arguments` are the paths that the user gave: directories, objects, files to be written.
        """
        from bpfdoctor.host.redact_facts import facts_of

        return cls(**facts_of(machine, checkout, arguments))

    @property
    def secrets(self) -> Secrets:
        """Replaces what is secret in text too, where names and paths stay."""
        return self._secrets

    @cached_property  # what a person reads is not redacted, and compiling takes time
    def _pattern(self) -> re.Pattern[str]:
        named = self._alternatives()
        return re.compile("|".join((ADDRESSES, *named)))

    @cached_property
    def _names_alone(self) -> re.Pattern[str]:
        named = self._alternatives()
        return re.compile("|".join(named))

    def _alternatives(self) -> Iterable[str]:
        if self._paths:
            yield rf"{PATH_BEGINS}(?P<path>{_any_of(self._paths)}){PATH_ENDS}"
        yield OTHERS_HOME
        yield USER_SETTING
        for group, words in (
            ("id", _any_of(self._ids)),
            ("name", f"(?i:{_any_of(self._hosts)})" if self._hosts else ""),
            ("user", _any_of(self._users)),
            ("known_other", _any_of(self._known_others)),
        ):
            if words:
                yield rf"{NAME_BEGINS}(?P<{group}>{words}){NAME_ENDS}"

    def text(self, text: str) -> str:
        """`text` without secrets; what is no text at all (lone surrogates) is escaped."""
        if self._typed is not None:
            text = self._typed.sub(lambda found: self._spelled[found[0]], text)
        return super().text(text)

    def once(self, text: str) -> str:
        """As `Replacing.once`."""
        text = self._secrets.once(text)
        if not self._may_tell(text):
            return text
        return "\n".join(map(self._line, text.split("\n")))

    def _line(self, line: str) -> str:
        if not self._may_tell(line):
            return line
        return QUOTED.sub(_unquoted, self._pattern.sub(self._replacement, line))

    def _may_tell(self, text: str) -> bool:
        """Whether there can be anything to replace: most lines are seen at once to hold nothing."""
        lower = text.lower()
        telling = any(each in lower for each in self._telling)
        return telling or not text.isascii() or TELLING.search(text) is not None

    def _replacement(self, match: re.Match[str]) -> str:
        found = {name: each for name, each in match.groupdict().items() if each}
        for name, said in self._said.items():
            if name in found:
                return said(found)
        return next(token for name, token in TOKENS.items() if name in found)

    def _ways(self) -> dict[str, Callable[[dict[str, str]], str]]:
        """What is written for a match, by the group that tells its kind."""
        return {
            "scheme": self._url,
            "scp_host": self._remote_path,
            "git_host": lambda found: self._tokens.host(found["git_host"]),
            "other": lambda found: found["homes"] + self._tokens.user(found["other"]),
            "setting": lambda found: found["setting"] + self._tokens.user(found["setting_user"]),
            "ip": self._address,
            "path": lambda found: self._paths[found["path"]],
            "known_other": lambda found: self._tokens.user(found["known_other"]),
        }

    def _url(self, found: dict[str, str]) -> str:
        login = "$USER@" if "login" in found else ""
        return found["scheme"] + login + self._tokens.host(found["host"])

    def _address(self, found: dict[str, str]) -> str:
        """What is none after all may hold a name: that of `::ada` is one."""
        text = found["ip"]
        return self._tokens.address(text) or self._names_alone.sub(self._replacement, text)

    def _remote_path(self, found: dict[str, str]) -> str:
        login = "git@" if found["scp_login"] == "git@" else "$USER@"
        return login + self._tokens.host(found["scp_host"])


TOKENS = {
    "email": "$EMAIL",
    "mac": "$MAC",
    "uuid": "$UUID",
    "id": "$ID",
    "name": "$HOST",
    "user": "$USER",
}
"""What is written for what has no number."""


def _unquoted(match: re.Match[str]) -> str:
    return match[1] if re.search(TOKEN, match[1]) else match[0]


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _spelled_pattern(spelled: Iterable[str]) -> re.Pattern[str] | None:
    """Where paths stand as they were typed.

    A single name could be any word: it is looked for at a text's beginning, or behind a command.
    """
    words = [*spelled]
    if not words:
        return None
    before = "|".join((r"\A", *(rf"(?<=\A{word} )" for word in ("stat", "realpath", "ls", "df"))))
    paths = _any_of(word for word in words if "/" in word)
    anywhere = rf"(?<![^\s'\"=])(?:{paths})|" if paths else ""
    typed = rf"(?:{anywhere}(?:{before})(?:{_any_of(words)}))(?=/|\Z|[\s'\":])"
    return re.compile(typed)


def _several(words: Several) -> tuple[str, ...]:
    return (words,) if isinstance(words, str) else words


def _paths(paths: Several) -> list[str]:
    ends = (printable(path).rstrip("/") for path in _several(paths))
    return [path for path in ends if path.startswith("/")]


def _tokens_of_paths(
    checkout: list[str], cache: list[str], home: list[str], places: list[str]
) -> dict[str, str]:
    """What is written for each path; of one that is named twice, the first counts."""
    tokens: dict[str, str] = {}
    for paths, token in ((checkout, "$CHECKOUT"), (cache, "$CACHE"), (home, "~")):
        for path in paths:
            tokens.setdefault(path, token)
    private = PrivatePlaces(dict(tokens), (*checkout, *cache))
    for path in (*checkout, *places):
        private.add(path)
    return tokens | private.written


def _names(words: Several) -> list[str]:
    fit = re.compile(r"(?!(?i:host)\d*$)[^\W_][\w.-]+[^\W_]")
    return [w for w in _several(words) if w.lower() not in COMMON and fit.fullmatch(w)]
