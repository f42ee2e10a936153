"""Running the command of a step: as whom, in which environment; again where the network failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.applying.error_hints import NETWORK, hint_of, tells_more
from bpfdoctor.fix.applying.output import Watch
from bpfdoctor.fix.applying.process import StepExit, run_step
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.environment import child_environment
from bpfdoctor.host.machine import Machine

GIT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
}
"""git never asks: a repository that wants a login is an answer, not a prompt."""
LONGEST_SILENCE = 3600.0
"""Seconds that a command may print nothing, unless it is git's."""


class Patience(msgspec.Struct, frozen=True):
    """How long things may take, in seconds.

    `lock`: waiting for another package manager. `idle`: a step of git's that prints nothing.
    `pauses`: before each further try of what the network failed.
    """

    lock: float = 600
    idle: float = 120
    pauses: tuple[float, ...] = (2, 5)


class Attempts:
    """Runs the commands of steps on a machine."""

    def __init__(
        self,
        machine: Machine,
        elevation: Elevation,
        say: Callable[[str], object],
        patience: Patience,
    ) -> None:
        self.machine, self.elevation, self.say, self.patience = machine, elevation, say, patience

    def command(self, step: Step) -> Sequence[str]:
        """What is executed: the step's own words, with sudo and its environment if need be.

        Raises PermissionError where there is no way to become root.
        """
        return self.elevation.command(step.argv, step.environment) if step.privileged else step.argv

    def run(self, step: Step) -> StepExit:
        """Run it; again after a pause where git lost its connection."""
        ended = self._once(step)
        for pause in self.patience.pauses if step.kind == "submodule" else ():
            if ended.ok or not _worth_retrying(ended):
                break
            self.say(f"the network failed; trying again in {pause:g} seconds")
            time.sleep(pause)
            ended = self._once(step)
        return ended

    def _once(self, step: Step) -> StepExit:
        identity = None
        try:
            if step.owner_of and not step.privileged:
                identity = owner_to_become(step.owner_of)
            argv = self.command(step)
        except OSError as error:
            return StepExit(None, "", reason=str(error))
        if step.privileged:
            environ = self.elevation.minimal(step.environment)
        else:
            environ = {**child_environment(self.machine.environ, identity), **GIT}
        return run_step(argv, environ, self._watch(step), cwd=step.cwd, identity=identity)

    def _watch(self, step: Step) -> Watch:
        return Watch(
            line=self.machine.progress,
            idle=self.patience.idle if step.kind == "submodule" else LONGEST_SILENCE,
            keep_stdout=bool(step.output),
            gently=bool(step.manager),
            say=self.say,
            stop=self.elevation.stopper() if step.privileged else None,
        )


def _worth_retrying(ended: StepExit) -> bool:
    """Whether the network failed, by what was printed; else, whether it fell silent."""
    hint = hint_of(ended.output)
    if ended.cut_off:  # silence is the network's, unless something more telling was printed
        return hint is None or not tells_more(hint, NETWORK)
    return hint is not None and hint.retry
