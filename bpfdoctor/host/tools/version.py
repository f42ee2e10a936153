"""The question what a tool says that it is; its answer is remembered."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.inputs import parts_of

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

_VERSION_LIMIT = 4096


class AskVersion(Question[Completed], frozen=True):
    """Run a tool that only says what it is (`clang --version`); from `/`, so that no setting of a
    working directory counts. Remembered while the tool and its libraries are unchanged.

    `owner_of`: when we are root and the owner of that path is not, it runs as that owner.
    """

    argv: tuple[str, ...]
    owner_of: str = ""
    timeout: float = 20
    asks = "machine"

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

    def command(self) -> str:
        return shlex.join(self.argv)
