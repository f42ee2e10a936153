"""Repositories that a plain installation leaves out: whether this machine has them, and on.

The manager's own list decides, not a table: what is on already is no help, and what the manager
does not know under one of its names cannot be switched on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from bpfdoctor.fix.catalogue.tables import Repository, catalogue
from bpfdoctor.fix.managers.base import ask
from bpfdoctor.fix.plan import commands_to_paste
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.shell import command_line

RepositoryState = Literal["on", "off", "unknown"]


class Known(msgspec.Struct, frozen=True):
    """A repository as this machine's manager knows it.

    `names` are what its list says of it (`name`, `mirror` …), for the commands. `able`: the command
    that switches it on can be run.
    """

    key: str
    repository: Repository
    state: RepositoryState
    names: dict[str, str] = {}
    able: bool = False

    def filled(self, words: Iterable[str], **more: str) -> tuple[str, ...]:
        """Words of a command with what is known in the place of `$name`."""
        return tuple(_filled(word, {**self.names, **more}) for word in words)


def look_at(key: str, host: Host) -> Known:
    """What the manager lists of a repository of the catalogue."""
    repository = catalogue().repositories[key]
    answer = ask(host, *repository.listed) if repository.listed else None
    if answer is None or not answer.ok:
        return Known(key, repository, "unknown")
    if re.search(repository.on, answer.stdout, re.MULTILINE):
        return Known(key, repository, "on")
    off = re.search(repository.off, answer.stdout, re.MULTILINE)
    if off is None:
        return Known(key, repository, "unknown")
    return Known(key, repository, "off", off.groupdict(""), _able(repository, host))


def best_of(keys: Iterable[str], host: Host) -> Known | None:
    """The first that can be switched on; else the first that is off, or is not known."""
    found = [look_at(key, host) for key in keys]
    order = sorted(found, key=lambda each: (each.state != "off", not each.able))
    return next((each for each in order if each.state != "on"), None)


def by_hand(known: Known, install: tuple[str, ...], packages: Iterable[str]) -> str:
    """How a person gets packages from it, in words and commands; they begin a new line."""
    repository, title = known.repository, known.repository.title
    if known.state == "off" and repository.take:
        commands = known.filled(repository.take, packages=" ".join(packages))
        return "\n" + commands_to_paste(f"newer ones may be in {title}, which is off", commands)
    if known.state == "off" and repository.package:
        tool = command_line((*install, repository.package))
        commands = (tool, command_line(known.filled(repository.enable)))
        missing = f"{repository.package} brings the command that switches it on"
        return "\n" + commands_to_paste(f"{title} may have it and is off; {missing}", commands)
    return f"; it may be in {title}, which has to be added"


def _able(repository: Repository, host: Host) -> bool:
    """Whether its enabling command is there: a program, or what one of its plug-ins adds."""
    if not repository.enable:
        return False
    if isinstance(host.ask(FindTool(repository.enable[0])), NoAnswer):
        return False
    tried = ask(host, *repository.tried) if repository.tried else None
    return not repository.tried or (tried is not None and tried.ok)


def _filled(word: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: names.get(found[1], found[0]), word)
