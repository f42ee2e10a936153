"""Questions that run a command or look for one."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bpfdoctor.host.credentials import Credentials, owner_on_the_way, owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.limits import shortage, shortage_behind, shortage_said
from bpfdoctor.host.question import Answer, Host, NoAnswer, Question
from bpfdoctor.host.secret_names import SECRET, is_secret_name, steers_builds
from bpfdoctor.host.tools.search import FindTool

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class Completed(Answer, frozen=True):
    """A command that ran. `exit_code` is None when a signal ended it."""

    exit_code: int | None
    stdout: str
    stderr: str
    signal: str = ""
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """It exited 0."""
        return self.exit_code == 0

    @property
    def output(self) -> str:
        """stdout, then stderr."""
        return self.stdout + self.stderr

    def shown(self) -> str:
        how = f"killed by {self.signal}" if self.signal else f"exit status {self.exit_code}"
        text = self.output.rstrip("\n")
        return text if self.ok and text else f"{text}\n({how})".lstrip("\n")

    def cut(self) -> bool:
        return self.truncated


class RunCommand(Question[Completed], frozen=True):
    """Run `argv` and return what it printed.

    `cwd` empty: the current directory. `owner_of`: when we are root and the owner of that path
    is not, the command runs as that owner; so it does where a word of it is a path that another
    may change. `timeout` is in seconds.
    """

    argv: tuple[str, ...]
    cwd: str = ""
    stdin: str = ""
    timeout: float = 20
    owner_of: str = ""
    asks = "machine"

    def put(self, machine: Machine) -> Completed | NoAnswer:
        try:
            owner = owner_to_become(self.owner_of) if self.owner_of else None
            identity = owner or owner_of_words(self.argv, machine.environ)
            ended = machine.run(
                self.argv,
                cwd=self.cwd or None,
                stdin=self.stdin.encode(),
                timeout=self.timeout,
                identity=identity,
            )
        except OSError as error:
            return self._not_started(error, machine)
        except ValueError as error:  # an argument with a NUL byte
            return NoAnswer("refused", str(error))
        if ended.timed_out:
            return NoAnswer("timed-out", f"no end after {self.timeout:g} seconds")
        said = shortage_said(ended.stderr) if ended.exit_code else ""
        if reason := said or shortage_behind(ended.signal):
            return NoAnswer.for_want(shortage(reason))
        return Completed(
            exit_code=ended.exit_code,
            stdout=machine.hidden(decoded(ended.stdout)),
            stderr=machine.hidden(decoded(ended.stderr)),
            signal=signal_name(ended.signal),
            truncated=ended.truncated,
        )

    def _not_started(self, error: OSError, machine: Machine) -> NoAnswer:
        """Why; `ENOENT` is only said of a tool that is not there."""
        reason = NoAnswer.from_error(error)
        for place in {self.cwd, self.owner_of} - {""}:
            if str(error.filename) == place:
                return NoAnswer("refused", f"cannot enter {place}: {reason.detail}")
        if reason.absent and not isinstance(FindTool(self.argv[0]).put(machine), NoAnswer):
            return NoAnswer("broken", f"the interpreter or loader of {self.argv[0]} is not there")
        return reason

    def command(self) -> str:
        return shlex.join(self.argv)


_TRIED = ("", os.sep)
"""A word may hold a path from the root, or one from where it is run, which for root is `/`."""


def owner_of_words(words: Sequence[str], environ: Mapping[str, str]) -> Credentials | None:
    """Who may change what a command is to run or read, by the paths in its words; None: only root.

    A makefile chooses the compiler, and its options name plugins and files. What root's own
    environment names (`CLANG=/opt/…`) is root's choice, as PATH is, unless it belongs to whoever
    has the current directory: that is the tree. Raises OSError.
    """
    steering = (value for name, value in environ.items() if steers_builds(name))
    chosen = {word for value in steering for word in value.split()}
    here = owner_on_the_way(".") if chosen else None
    for word in (each for each in words if "/" in each):
        owner = _owner_of_word(word)
        if owner is not None and (word not in chosen or owner == here):
            return owner
    return None


def _owner_of_word(word: str) -> Credentials | None:
    paths = (f"{start}{part}" for part in _paths(word) for start in _TRIED)
    for path in dict.fromkeys(each for each in paths if each.startswith("/")):
        try:
            if owner := owner_on_the_way(path):
                return owner
        except FileNotFoundError as error:  # says nothing about the tool
            raise OSError(errno.ENOTSUP, "anybody may yet make it", path) from error
    return None


def _paths(word: str) -> tuple[str, ...]:
    """What may be a path in a word: all of it, and what is behind an option's name or a sign."""
    ends = (word, word[word.index("/") :], *re.split(r"[=,:@]|^-[A-Za-z]", word))
    return tuple(each for each in ends if "/" in each and "\0" not in each)


def signal_name(number: int | None) -> str:
    """`SIGKILL` for 9; empty for None."""
    if number is None:
        return ""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Variables(Answer, frozen=True):
    """The variables that are set, by name."""

    values: dict[str, str]

    def shown(self) -> str:
        return "\n".join(f"{name}={value}" for name, value in self.values.items()) or "(none set)"


class AskEnvironment(Question[Variables], frozen=True):
    """The values of environment variables; those that are not set are left out.

    One whose name is that of a secret is answered as `$SECRET`.
    """

    names: tuple[str, ...]
    asks = "machine"

    def put(self, machine: Machine) -> Variables | NoAnswer:
        environ = machine.environ
        asked = {name: is_secret_name(name) for name in self.names if name in environ}
        found = {name: SECRET if secret else environ[name] for name, secret in asked.items()}
        return Variables({name: decoded(os.fsencode(value)) for name, value in found.items()})

    def source(self) -> str:
        return "environment: " + " ".join(self.names)


class SetVariables(Answer, frozen=True):
    """The names of those that are set."""

    names: tuple[str, ...]

    def shown(self) -> str:
        return "set: " + (" ".join(self.names) or "(none)")


class AskWhichAreSet(Question[SetVariables], frozen=True):
    """Which environment variables are set, and not to what: an untrusted makefile named them."""

    names: tuple[str, ...]
    asks = "machine"

    def put(self, machine: Machine) -> SetVariables | NoAnswer:
        return SetVariables(tuple(name for name in self.names if name in machine.environ))

    def source(self) -> str:
        return "names in the environment: " + " ".join(self.names)


def is_set(host: Host, name: str) -> bool:
    """Whether an environment variable is known to be set; its value is not asked for."""
    answer = host.ask(AskWhichAreSet((name,)))
    return isinstance(answer, SetVariables) and bool(answer.names)


def environment_variable(host: Host, name: str) -> str | None:
    """The value of one environment variable; None where it is not set, or that is not known."""
    answer = host.ask(AskEnvironment((name,)))
    return answer.values.get(name) if isinstance(answer, Variables) else None
