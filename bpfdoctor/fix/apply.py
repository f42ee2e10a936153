"""Running a plan as it was shown, step by step, in the journal before and after."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Sequence

import msgspec

from bpfdoctor.fix.elevate import Elevation
from bpfdoctor.fix.installed import added, installed_before, missing, wait_for_lock
from bpfdoctor.fix.journal import OUTPUT, After, Before, Journal, Result, now
from bpfdoctor.fix.meaning import last_lines, meaning, worth_retrying
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.fix.running import Outcome, run_step
from bpfdoctor.fix.watching import Watch
from bpfdoctor.fix.writing import digest_of, write_whole
from bpfdoctor.host.machine import Machine, owner_to_become
from bpfdoctor.host.process import child_environment
from bpfdoctor.host.question import A, NoAnswer, Question

GIT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
}
"""git never asks: a repository that wants a login is an answer, not a prompt."""


class Patience(msgspec.Struct, frozen=True):
    """How long things may take, in seconds.

    `lock`: waiting for another package manager. `idle`: a step of git's that prints nothing.
    `pauses`: before each further try of what the network failed.
    """

    lock: float = 600
    idle: float = 120
    pauses: tuple[float, ...] = (2, 5)


class Done(msgspec.Struct, frozen=True):
    """How one step went. `not-taken`: it ended well, and what it should bring is not there."""

    step: Step
    result: Result
    text: str = ""


class Applied(msgspec.Struct, frozen=True):
    """How a plan went: the steps that ran, and those left out because another one failed."""

    run: str
    done: tuple[Done, ...]
    left_out: tuple[Step, ...] = ()

    @property
    def took(self) -> bool:
        """Whether all that was begun did what it should."""
        return all(each.result == "done" for each in self.done) and not self.left_out


class FreshHost:
    """Asks the machine every time: while it is being changed, no answer is kept."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`, without a memory."""
        return question.put(self.machine)


class Applier:
    """Runs steps on this machine."""

    def __init__(
        self,
        machine: Machine,
        elevation: Elevation,
        say: Callable[[str], object],
        patience: Patience = Patience(),  # noqa: B008  (frozen)
    ) -> None:
        self.machine, self.elevation, self.say, self.patience = machine, elevation, say, patience
        self.host = FreshHost(machine)

    def apply(self, plan: Plan, journal: Journal) -> Applied:
        """Run every step; one that fails stops those that depend on it, and no others."""
        done: list[Done] = []
        left_out: list[Step] = []
        known = {step.id for step in plan.steps}
        for number, step in enumerate(plan.steps, 1):
            good = {each.step.id for each in done if each.result == "done"}
            if set(step.after) & known - good:
                self.say(f"[{number}/{len(plan.steps)}] left out: {step.title}")
                left_out.append(step)
                continue
            self.say(f"[{number}/{len(plan.steps)}] {step.title}")
            done.append(self.step(step, journal))
        return Applied(journal.run, tuple(done), tuple(left_out))

    def step(self, step: Step, journal: Journal) -> Done:
        """Run one step, with its lines in the journal."""
        waited = wait_for_lock(self.host, step, self.patience.lock, self.say)
        if waited:
            return Done(step, "failed", waited)
        before = self._before(step)
        journal.write(before)
        began = time.monotonic()
        try:
            outcome = self._tries(step)
        except BaseException:
            seconds = round(time.monotonic() - began, 3)
            there = added(self.host, step, before.packages)
            journal.write(After(step.id, "interrupted", None, seconds, "", "stopped", there))
            raise
        after = self._after(step, before, outcome, time.monotonic() - began)
        journal.write(after)
        return self._told(step, after)

    def run_one(self, step: Step) -> tuple[Done, After]:
        """Run one step without a journal of its own: `undo` notes it in that of the first run."""
        waited = wait_for_lock(self.host, step, self.patience.lock, self.say)
        if waited:
            return Done(step, "failed", waited), After(step.id, "failed", None, 0, "", waited)
        began = time.monotonic()
        after = self._after(step, self._before(step), self._tries(step), time.monotonic() - began)
        return self._told(step, after), after

    def _before(self, step: Step) -> Before:
        return Before(
            step=step,
            argv=tuple(self._command(step) if self._allowed(step) else step.argv),
            at=now(),
            packages=installed_before(self.host, step),
            fresh=bool(step.output) and not os.path.lexists(step.output),
        )

    def _after(self, step: Step, before: Before, outcome: Outcome, seconds: float) -> After:
        reason, digest = outcome.reason, ""
        result: Result = "done" if outcome.ok else "failed"
        if outcome.ok and step.output:
            try:
                write_whole(step.output, outcome.stdout, step.owner_of)
                digest = digest_of(step.output)
            except OSError as error:
                result, reason = "failed", f"{step.output}: {error}"
        absent = missing(self.host, step) if result == "done" else ()
        if absent:
            result, reason = "not-taken", f"not there afterwards: {' '.join(absent)}"
        return After(
            step=step.id,
            result=result,
            exit_code=outcome.exit_code,
            seconds=round(seconds, 3),
            output=outcome.output[-OUTPUT:],
            reason=reason,
            added=added(self.host, step, before.packages),
            digest=digest,
        )

    def _told(self, step: Step, after: After) -> Done:
        """What the user hears of it: for a failure its last lines, and what they mean."""
        if after.result == "done":
            return Done(step, "done")
        why = after.reason or f"exit status {after.exit_code}"
        parts = [f"{shlex.join(step.argv)}: {why}", last_lines(after.output), meaning(after.output)]
        text = "\n".join(filter(None, parts))
        self.say(text)
        return Done(step, after.result, text)

    def _tries(self, step: Step) -> Outcome:
        """Run it; again after a pause where git lost its connection."""
        outcome = self._once(step)
        for pause in self.patience.pauses if step.kind == "submodule" else ():
            text = outcome.output + (outcome.reason and " Connection timed out")
            if outcome.ok or not worth_retrying(text):
                break
            self.say(f"the network failed; trying again in {pause:g} seconds")
            time.sleep(pause)
            outcome = self._once(step)
        return outcome

    def _once(self, step: Step) -> Outcome:
        identity = None
        try:
            if step.owner_of and not step.privileged:
                identity = owner_to_become(step.owner_of)
            argv = self._command(step)
        except OSError as error:
            return Outcome(None, "", reason=str(error))
        if step.privileged:
            environ = self.elevation.minimal(step.environment)
        else:
            environ = {**child_environment(self.machine.environ, identity), **GIT}
        watch = Watch(
            line=self.machine.progress,
            idle=self.patience.idle if step.kind == "submodule" else 3600,
            keep_stdout=bool(step.output),
            gently=bool(step.manager),
            say=self.say,
            stop=self.elevation.stopper() if step.privileged else None,
        )
        return run_step(argv, environ, watch, cwd=step.cwd, identity=identity)

    def _allowed(self, step: Step) -> bool:
        return not step.privileged or self.elevation.prefix() is not None

    def _command(self, step: Step) -> Sequence[str]:
        """What is executed: the step's own words, with sudo and its environment if need be."""
        return self.elevation.command(step.argv, step.environment) if step.privileged else step.argv
