"""The settings of a repository that nobody vouches for: those that git would obey to our harm."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.git.plumbing import Refusal, ask_git, ask_git_again
from bpfdoctor.host.git.repository import repository_of
from bpfdoctor.host.reading import read_regular

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

NAMES_A_PROGRAM = re.compile(
    r"core\.(sshcommand|hookspath|gitproxy|askpass|alternaterefscommand)"
    r"|(credential|filter|diff|merge)\.(.*\.)?(helper|clean|smudge|process|command|textconv|driver)"
    r"|remote\..*\.(uploadpack|receivepack|vcs)|include\.path|includeif\..*"
)
"""Settings of a repository whose value git runs, or reads further settings from."""
NAMES_A_PROGRAM_BY_VALUE = re.compile(
    r"core\.fsmonitor\n(?!(true|false|yes|no|on|off|\d*)$)"
    r"|(submodule\..*\.update|alias\..*)\n!|(submodule|remote)\..*\.url\n[\w+.-]+::",
    re.DOTALL,
)
ELSEWHERE = "core.worktree"
"""The work tree that a repository writes to; in that of a submodule git itself has set it."""


def programs_named(machine: Machine, tree: str) -> tuple[str, ...] | Refusal:
    """The settings of a tree's own repository that name programs, by key; none is run.

    `core.worktree` is among them where it leads to another work tree: git would write there.
    """
    repository = repository_of(tree)
    if not repository:
        return Refusal("broken", f"{tree}/.git does not say where its repository is")
    settings = _settings(machine, tree, repository)
    if isinstance(settings, Refusal):
        return settings
    named = _named(settings)
    return _shown(named | {ELSEWHERE} if _elsewhere(machine, tree, repository, settings) else named)


def programs_in(
    machine: Machine, tree: str, repositories: tuple[str, ...]
) -> tuple[str, ...] | Refusal:
    """As `programs_named`, of repositories that are kept below the one of `tree`.

    Their `core.worktree` does not count: git sets it anew when it takes one of them up.
    """
    named: set[str] = set()
    for repository in repositories:
        settings = _settings(machine, tree, repository)
        if isinstance(settings, Refusal):
            return settings
        named |= _named(settings)
    return _shown(named)


def names_a_program(setting: str) -> bool:
    """Whether a setting, its key and value apart by a newline as `--list -z` has it, does so."""
    key = setting.partition("\n")[0]
    by_value = NAMES_A_PROGRAM_BY_VALUE.match(setting)
    return bool(by_value or NAMES_A_PROGRAM.fullmatch(key))


def _settings(machine: Machine, tree: str, repository: str) -> list[str] | Refusal:
    """What a repository's own files set, those of one work tree alone (`git sparse-checkout`) too.

    The files are named to git: a repository need not be whole, nor its work tree there, and nothing
    is included.
    """
    try:
        own = (f"{_common(repository)}/config", f"{repository}/config.worktree")
    except OSError as error:
        return Refusal("broken", str(error))
    settings: list[str] = []
    for path in own:
        if not os.path.lexists(path):
            continue
        listing = ask_git_again(machine, tree, [path], "config", "--file", path, "--list", "-z")
        if isinstance(listing, Refusal):
            return listing
        settings += decoded(listing).split("\0")
    return settings


def _common(repository: str) -> str:
    """Where the settings of a repository are: those of a linked work tree are with the main one."""
    path = f"{repository}/commondir"
    if not os.path.isfile(path):
        return repository
    return os.path.join(repository, os.fsdecode(read_regular(path, 4096)).rstrip("\n"))


def _elsewhere(machine: Machine, tree: str, repository: str, settings: list[str]) -> bool:
    """Whether git would write to another work tree than the one that it is asked about."""
    keys = (setting.partition("\n") for setting in settings)
    values = [os.path.join(repository, value) for key, _, value in keys if key == ELSEWHERE]
    own = os.path.realpath(tree)
    if all(os.path.realpath(value) == own for value in values):
        return False  # whichever of them git takes; else some may not count, which git knows
    top = ask_git(machine, tree, "rev-parse", "--show-toplevel")
    return isinstance(top, Refusal) or top.rstrip(b"\n") != os.fsencode(own)


def _named(settings: list[str]) -> set[str]:
    return {s.partition("\n")[0] for s in settings if names_a_program(s)}


def _shown(named: set[str]) -> tuple[str, ...]:
    return tuple(sorted(key if key.isprintable() else ascii(key)[1:-1] for key in named))
