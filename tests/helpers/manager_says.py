"""A machine whose package manager says what a test lets it say."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from bpfdoctor.fix.managers.apt import Age, AskAge
from bpfdoctor.fix.managers.locks import AskLock, Holder
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system.facts import AskDistribution, AskKernel, Distribution, Kernel
from bpfdoctor.host.system.files import ListDirectory, Names
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.search import FindTool, ToolPath

ABSENT = NoAnswer("ENOENT", "it is not there")
RELEASE = "6.1.0-50-amd64"

Said = str | tuple[int | None, str]
"""What a command printed; with its exit status where that is not 0."""


class ManagerHost:
    """Answers a command line with what was said; with nothing otherwise.

    `names` are the entries of directories, `ages` those of files in seconds; `absent` the tools
    that are not installed. `holders` are
    those of the lock, one after another; then it is free. `ran` keeps the command lines,
    `locks` the files that were asked for.
    """

    def __init__(
        self,
        says: Mapping[str, Said] = {},
        *,
        distribution: tuple[str, str] = ("debian", "12"),
        names: Mapping[str, tuple[str, ...]] = {},
        ages: Mapping[str, float] = {},
        absent: tuple[str, ...] = (),
    ) -> None:
        self.says, self.names, self.ages, self.absent = dict(says), names, ages, absent
        self.distribution = Distribution(distribution[0], (), distribution[1], "", "")
        self.holders: list[Holder] = []
        self.locks: tuple[str, ...] = ()
        self.ran: list[str] = []

    def ask(self, question: Question[Any]) -> Any:
        """As `Host.ask`."""
        if isinstance(question, RunCommand):
            return self._ran(shlex.join(question.argv))
        if isinstance(question, AskLock):
            self.locks = question.paths
            return self.holders.pop(0) if self.holders else Holder()
        if isinstance(question, FindTool):
            found = question.name in self.absent
            return ABSENT if found else ToolPath(f"/usr/bin/{question.name}", "")
        if isinstance(question, ListDirectory):
            names = self.names.get(question.path)
            return ABSENT if names is None else Names(names)
        if isinstance(question, AskAge):
            age = self.ages.get(question.path)
            return ABSENT if age is None else Age(age)
        assert isinstance(question, (AskDistribution, AskKernel)), question
        kernel = isinstance(question, AskKernel)
        return Kernel(RELEASE, "", "x86_64") if kernel else self.distribution

    def _ran(self, line: str) -> Completed | NoAnswer:
        self.ran.append(line)
        said = self.says.get(line)
        if said is None:
            return ABSENT
        status, text = (0, said) if isinstance(said, str) else said
        return Completed(status, text, "")


STATES = shlex.join(("dpkg-query", "-W", "-f=${binary:Package} ${db:Status-Status}\n"))
"""What dpkg is asked for the state of each package."""


def installed(*names: str, settings: tuple[str, ...] = ()) -> dict[str, Said]:
    """What dpkg says where these packages are installed, and of others the settings are left."""
    lines = [f"{name} installed\n" for name in names]
    return {STATES: "".join((*lines, *(f"{name} config-files\n" for name in settings)))}
