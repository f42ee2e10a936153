"""Ask git about an untrusted tree: plumbing that runs none of the programs its settings can name.

`git status` and `git diff` run `filter.*.clean` of the tree's own configuration, hooks off or not;
`git submodule` runs `submodule.*.update=!COMMAND`. Only `rev-parse`, `ls-files`, `cat-file blob`
and `config --list` are used here, which run neither. What remains is closed by what is set for
them: no fsmonitor, no hooks, no pager, and no transport, for a partial clone fetches what is
missing (by `core.sshCommand` or a remote helper) unless the protocol is forbidden.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.cache import keep_named, recall_named
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.reading import is_elf, read_regular

if TYPE_CHECKING:
    from bpfdoctor.host.credentials import Credentials
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.process import ProcessResult

Trouble = Literal[
    "absent", "not-a-repository", "refuses-owner", "cannot-become-owner", "timed-out", "broken"
]
"""Why git did not answer: it is not installed; there is no repository; the tree is another user's
and git will not look; we are root and cannot become the tree's owner; too slow; anything else."""

PLUMBING = (
    "git",
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    *("-c", "core.fsmonitor="),  # empty is "none" both as a truth value and as a hook's path
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.alternateRefsCommand="),
)
TIME_LIMIT = 10
"""Seconds for one answer; the slowest plumbing on a large tree is far below it."""
NO_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_SSH_COMMAND": "false"}
"""GIT_ALLOW_PROTOCOL outranks every `protocol.*.allow`; `none` is no protocol's name."""


class Refusal(msgspec.Struct, frozen=True):
    """Why git did not answer, and its own words."""

    trouble: Trouble
    detail: str


MOST_KEPT = 2 << 20
"""Bytes of what git says that are remembered at most."""


def ask_git_again(
    machine: Machine, tree: str, files: Sequence[str], *arguments: str
) -> bytes | Refusal:
    """As `ask_git`, of what these files and the user's settings alone decide: remembered while they
    are as they were, and git itself is.

    What it refuses is asked each time, and all where no file is named.
    """
    git = shutil.which("git", path=machine.environ.get("PATH", os.defpath))
    settings = _settings_of(machine)
    if not files or git is None or not _is_git_itself(git) or any(map(_includes, settings)):
        return ask_git(machine, tree, *arguments)
    steering = sorted(each for each in machine.environ.items() if each[0].startswith("GIT_"))
    key = "git", repr((os.geteuid(), tree, arguments, steering)).encode(errors="surrogateescape")
    known = recall_named(machine, key, bytes, git)
    if known is not None:
        return known
    since = time.time_ns()
    said = ask_git(machine, tree, *arguments)
    if isinstance(said, bytes) and len(said) <= MOST_KEPT:
        rests_on = [os.path.realpath(git), *files, *settings]
        keep_named(machine, key, said, tool=git, rests_on=rests_on, since=since)
    return said


def _settings_of(machine: Machine) -> list[str]:
    """The files of settings that git reads whatever repository it is asked about, there or not."""
    home, given = machine.environ.get("HOME", ""), machine.environ.get("GIT_CONFIG_GLOBAL", "")
    known = machine.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [f"{home}/.gitconfig", f"{known}/git/config", "/etc/gitconfig", *([given] * bool(given))]


def _includes(settings: str) -> bool:
    """Whether a file of settings may name others, which then decide as well."""
    try:
        return b"include" in read_regular(settings, MOST_KEPT).lower()
    except OSError:
        return False


def _is_git_itself(path: str) -> bool:
    """Whether it is a program, and no script that calls another."""
    try:
        return os.path.isabs(path) and is_elf(path)
    except OSError:
        return False


def ask_git(machine: Machine, tree: str, *arguments: str) -> bytes | Refusal:
    """What git says of the repository whose work tree is `tree`, and of no other around it."""
    try:
        identity = owner_to_become(tree)
    except OSError as error:
        return Refusal("broken", str(error))
    extra = {**NO_TRANSPORT, "GIT_CEILING_DIRECTORIES": os.path.dirname(tree)}
    argv = (*PLUMBING, "-C", tree, *arguments)
    try:
        ended = machine.run(argv, cwd="/", identity=identity, extra=extra, timeout=TIME_LIMIT)
    except FileNotFoundError:
        return Refusal("absent", "git is not on PATH")
    except (OSError, subprocess.SubprocessError) as error:
        return _not_started(identity, error)
    return _answer(ended)


def _not_started(identity: Credentials | None, error: Exception) -> Refusal:
    if identity is None:
        return Refusal("broken", str(error))
    why = f"cannot become user {identity.uid}, who owns it ({error}); git is not run as root on it"
    return Refusal("cannot-become-owner", why)


def _answer(ended: ProcessResult) -> bytes | Refusal:
    if ended.exit_code == 0:
        return ended.stdout
    if ended.timed_out:
        return Refusal("timed-out", "git did not answer in time")
    said = decoded(ended.stderr).strip()
    # "unsafe repository" in 2.35.2, which brought the refusal; "dubious ownership" since 2.36.1
    if "dubious ownership" in said or "unsafe repository" in said:
        return Refusal("refuses-owner", said.splitlines()[0])
    if "not a git repository" in said:
        return Refusal("not-a-repository", said.splitlines()[0])
    return Refusal("broken", said or f"git ended with {ended.exit_code or ended.signal}")
