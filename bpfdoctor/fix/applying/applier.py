"""Running a plan as it was shown, step by step, in the journal before and after."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from bpfdoctor.fix.applying.attempts import Attempts, Patience
from bpfdoctor.fix.applying.elevate import Elevation
from bpfdoctor.fix.applying.error_hints import hint_of, last_lines
from bpfdoctor.fix.applying.obstacles import refused, wait_for_lock
from bpfdoctor.fix.applying.process import StepExit
from bpfdoctor.fix.applying.step_records import after_it, before_it
from bpfdoctor.fix.journal.recovery import close_cut_off
from bpfdoctor.fix.journal.write import After, Before, Journal, Result, now
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.hosts import FreshHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.shell import BAR, command_line, inert
from bpfdoctor.visible import page, visible


def _failure(command: str, why: str, output: str) -> Iterator[str]:
    """What failed and why, the last lines that it printed, and what they mean."""
    yield inert(visible(f"ran: {command}: {why}"))
    for line in last_lines(output).splitlines():
        yield f"{BAR}{line}"
    hint = hint_of(output)
    if hint:
        yield inert(f"hint: {hint.text}")


class Done(msgspec.Struct, frozen=True):
    """How one step went. `not-taken`: it ended well, and what it should bring is not there."""

    step: Step
    result: Result
    text: str = ""


class Applied(msgspec.Struct, frozen=True):
    """How a plan went: the steps that ran, and those left out.

    A step is left out where one that it depends on failed, where another package manager does not
    let go of its lock, and where the journal cannot be written.
    """

    run: str
    done: tuple[Done, ...]
    left_out: tuple[Step, ...] = ()

    @property
    def took(self) -> bool:
        """Whether all that was begun did what it should."""
        return all(each.result == "done" for each in self.done) and not self.left_out


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
        self.attempts = Attempts(machine, elevation, say, patience)

    def apply(self, plan: Plan, journal: Journal) -> Applied:
        """Run every step; one that fails stops those that depend on it, and no others."""
        done: list[Done] = []
        left_out: list[Step] = []
        known = {step.id for step in plan.steps}
        for number, step in enumerate(plan.steps, 1):
            place = f"[{number}/{len(plan.steps)}]"
            good = {each.step.id for each in done if each.result == "done"}
            if journal.failed or set(step.after) & known - good:
                self.say(f"{place} left out: {step.title}")
                left_out.append(step)
                continue
            self.say(f"{place} {step.title}")
            ended = self.step(step, journal)
            done += [ended] if ended else []
            left_out += [] if ended else [step]
        return Applied(journal.run, tuple(done), tuple(left_out))

    def step(self, step: Step, journal: Journal) -> Done | None:
        """Run one step, with its lines in the journal; None where it could not be begun."""
        before = self._begun(step, journal)
        if before is None:
            return None
        began = time.monotonic()
        try:
            outcome = self._tries(step)
        except BaseException:  # nothing is asked now: who stops us ends what is asked, too
            seconds = round(time.monotonic() - began, 3)
            journal.write(After(step.id, "interrupted", None, seconds, "", "stopped", None))
            raise
        after = after_it(self.host, before, outcome, time.monotonic() - began)
        self._note(journal, after)
        return self._told(step, after)

    def _begun(self, step: Step, journal: Journal) -> Before | None:
        """Its first line, once nobody else is at work; None, with the reason said, without it."""
        waited = wait_for_lock(self.host, step, self.patience.lock, self.say)
        if waited:
            self.say(waited)
            journal.write(Before(step, step.argv, now()))
            self._note(journal, After(step.id, "failed", None, 0, "", waited))
            return None
        if step.manager:
            close_cut_off(journal.path.parent, self.host)
        before = self._before(step)
        return before if self._note(journal, before) else None

    def _note(self, journal: Journal, line: Before | After) -> bool:
        """Write a line; where the journal does not take it, say so: nothing more will be begun."""
        if not journal.write(line):
            self.say(journal.failed)
        return not journal.failed

    def run_one(self, step: Step) -> tuple[Done, After]:
        """Run one step without a journal of its own: `undo` notes it in that of the first run."""
        waited = wait_for_lock(self.host, step, self.patience.lock, self.say)
        if waited:
            after = After(step.id, "failed", None, 0, "", waited)
            return self._told(step, after), after
        before, began = self._before(step), time.monotonic()
        after = after_it(self.host, before, self._tries(step), time.monotonic() - began)
        return self._told(step, after), after

    def _before(self, step: Step) -> Before:
        try:
            argv = self.attempts.command(step)
        except PermissionError:
            argv = step.argv
        return before_it(self.host, step, tuple(argv))

    def _told(self, step: Step, after: After) -> Done:
        """What the user hears of it: for a failure its last lines, and what they mean."""
        if after.result == "done":
            return Done(step, "done")
        why = after.reason or f"exit status {after.exit_code}"
        text = page(_failure(command_line(step.argv), why, after.output))
        self.say(text)
        return Done(step, after.result, str(text))  # data, which is encoded

    def _tries(self, step: Step) -> StepExit:
        against = refused(self.host, step)
        if against:
            return StepExit(1, against, reason="it would be refused, so it was not begun")
        return self.attempts.run(step)
