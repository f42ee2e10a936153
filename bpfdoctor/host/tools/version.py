"""The version of a tool: asked for, remembered, read and compared."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.question import Host, NoAnswer, Question, evidence
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.inputs import parts_of
from bpfdoctor.host.tools.judged import Argv, Judged, absent, misbehaving
from bpfdoctor.model import Evidence

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

_VERSION_LIMIT = 4096


class AskVersion(Question[Completed], frozen=True):
    """Run a tool that only says what it is (`clang --version`); from `/`, so that no setting of a
    working directory counts. Remembered while the tool and its libraries are unchanged.

    `owner_of`: when we are root and the owner of that path is not, it runs as that owner.
    """

    argv: Argv
    owner_of: str = ""
    timeout: float = 20

    def put(self, machine: Machine) -> Completed | NoAnswer:
        tool = tool_of(machine, self.argv[0]) if len(self.argv) == 2 else None
        known = recall(machine, self, Completed, tool)
        if known is not None:
            return known
        since = time.time_ns()
        run = RunCommand(self.argv, cwd="/", timeout=self.timeout, owner_of=self.owner_of)
        answer = run.put(machine)
        if isinstance(answer, Completed):
            answer = msgspec.structs.replace(
                answer,
                stdout=answer.stdout[:_VERSION_LIMIT],
                stderr=answer.stderr[:_VERSION_LIMIT],
                truncated=len(answer.stdout) > _VERSION_LIMIT or answer.truncated,
            )
            if tool is not None and answer.ok and machine.cache is not None:
                keep(
                    machine, self, answer, tool=tool, rests_on=parts_of(machine, tool), since=since
                )
        return answer

    def source(self) -> str:
        return f"$ {shlex.join(self.argv)}"


def says_version(host: Host, argv: Argv, name: str) -> Judged | tuple[str, Evidence]:
    """What `argv --version` says follows `name` (empty: nothing does), and the words themselves.

    The judgement instead where there is no such tool, or where it does not run to a good end.
    """
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = AskVersion((*argv, "--version"))
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or Judged(argv, "unclear")
    return version_in(answer.output, name), evidence(question, answer)


def version_in(text: str, name: str) -> str:
    """The version that follows `name`: `14.0.6` in "Debian clang version 14.0.6"; or empty."""
    found = re.search(rf"\b{name}\s+(?:version\s+)?v?(\d+(?:\.\d+)*)", text, re.IGNORECASE)
    return found.group(1) if found else ""


def older(version: str, minimum: str) -> bool:
    """Whether a version of numbers and dots is below another."""
    return _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> list[int]:
    numbers = [int(part[:9]) for part in re.findall(r"\d+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
