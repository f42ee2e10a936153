"""Run checks in parallel along `requires`, each with a time limit; a hang is one `error`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from bpfdoctor.api import Check, Context, Finding, Stage, Status
from bpfdoctor.engine.findings import OPEN, Findings
from bpfdoctor.engine.load import check_of, in_order
from bpfdoctor.engine.run import findings_of
from bpfdoctor.host.deadline import Deadline
from bpfdoctor.host.headroom import at_a_time

WORKERS = 8
"""Checks at a time, where limits leave room for them. They wait for the kernel and for compilers
more than they compute."""


class Observer(Protocol):
    """Whoever watches a run. Called from any thread; must not raise."""

    def started(self, check_id: str) -> None:
        """A check has begun."""

    def finished(self, finding: Finding) -> None:
        """A finding is there."""

    def stage(self, program: str, stage: Stage) -> None:
        """The smoke of a program has come to a stage."""

    def detail(self, text: str) -> None:
        """What is being done within it: the line of make."""


class Nobody:
    """The observer of a run that nobody watches."""

    def started(self, check_id: str) -> None:
        """Ignore."""

    def finished(self, finding: Finding) -> None:
        """Ignore."""

    def stage(self, program: str, stage: Stage) -> None:
        """Ignore."""

    def detail(self, text: str) -> None:
        """Ignore."""


def run_checks(checks: Sequence[Check], context: Context, observer: Observer) -> Findings:
    """Run `checks`; a check whose requirement did not pass is a `skip` naming the roots.

    A requirement that is not among `checks` does not block.
    """
    schedule = _Schedule(checks, context, observer)
    try:
        while schedule.busy:
            schedule.start_ready()
            schedule.collect()
    finally:
        schedule.dismiss()
    return schedule.findings


class _Schedule:
    def __init__(self, checks: Sequence[Check], context: Context, observer: Observer) -> None:
        self.context, self.observer = context, observer
        self.waiting = longest_first(checks)
        self.ids = {check.id for check in checks}
        self.done: set[str] = set()
        self.deadlines: dict[str, Deadline] = {}
        self.findings = Findings()
        self.tasks: queue.SimpleQueue[tuple[Check, tuple[str, ...]] | None] = queue.SimpleQueue()
        self.workers, self.idle, self.most = 0, 0, at_a_time(WORKERS)
        self.results: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        return bool(self.waiting or self.deadlines)

    def start_ready(self) -> None:
        for check in list(self.waiting):
            wanted = {check_of(key) for key in check.waits_for} & self.ids
            if len(self.deadlines) >= self.most:
                return
            if wanted <= self.done and self._has_worker():
                self.waiting.remove(check)
                self._start(check)

    def _start(self, check: Check) -> None:
        roots = self._stopped_by(check)
        if roots and check.applies(self.context.project):
            self._settle(check.id, [blocked_by(check.id, roots)])
            return
        self.observer.started(check.id)
        self.deadlines[check.id] = Deadline(check.limit)
        self.idle -= 1
        self.tasks.put((check, self.findings.roots(check.excused_by)))

    def _has_worker(self) -> bool:
        """A thread is free, or a new one could be started.

        Where there are no more threads, the run goes on with those that it has; it raises what the
        machine said where none of them is at work.
        """
        if self.idle:
            return True
        self.workers += 1  # before it starts: a signal may come in between, and all are dismissed
        try:
            # A daemon: the interpreter must not wait at its end for a check that hangs.
            threading.Thread(target=self._work, daemon=True).start()
        except (RuntimeError, MemoryError):
            self.workers -= 1
            self.most = len(self.deadlines)
            if not self.most:
                raise
            return False
        self.idle += 1
        return True

    def _stopped_by(self, check: Check) -> tuple[str, ...]:
        """The roots behind what it requires, and whatever has failed that explains it."""
        found = self.findings
        explaining = [key for key in found.blocking(check.explained_by) if found.failed(key)]
        return tuple(dict.fromkeys((*found.blocking(check.requires), *explaining)))

    def _work(self) -> None:
        """What one thread does: one check after another, until it is dismissed."""
        while (task := self.tasks.get()) is not None:
            check, excuses = task
            found = findings_of(check, self.context)
            self.results.put((check.id, [_excused(each, excuses) for each in found]))

    def dismiss(self) -> None:
        """Let every thread end, when the check that it runs has ended."""
        for _ in range(self.workers):
            self.tasks.put(None)

    def collect(self) -> None:
        if not self.deadlines:
            return
        wait = min(each.wait() for each in self.deadlines.values())
        try:
            check_id, found = self.results.get(timeout=wait)
        except queue.Empty:
            self._give_up()
            return
        self.idle += 1
        if check_id in self.deadlines:
            self._settle(check_id, found)

    def _give_up(self) -> None:
        for check_id in [name for name, end in self.deadlines.items() if end.left() <= 0]:
            summary = "the check did not end within its time limit"
            self._settle(check_id, [Finding(Status.ERROR, summary, id=check_id)])

    def _settle(self, check_id: str, found: Iterable[Finding]) -> None:
        self.deadlines.pop(check_id, None)
        self.done.add(check_id)
        self.findings.ran.add(check_id)
        for finding in found:
            self.findings.add(finding)
            self.observer.finished(finding)


def longest_first(checks: Sequence[Check]) -> list[Check]:
    """An order to start checks in: first those that the longest chain of others waits for."""
    ordered = in_order(list(checks))
    behind = dict.fromkeys((check.id for check in ordered), 0)
    for check in reversed(ordered):
        for name in {check_of(key) for key in check.waits_for} & behind.keys():
            behind[name] = max(behind[name], behind[check.id] + 1)
    return sorted(ordered, key=lambda check: -behind[check.id])


def blocked_by(check_id: str, roots: tuple[str, ...], about: str = "") -> Finding:
    """The `skip` of a check that was not run because of `roots`."""
    summary = "not checked: depends on " + ", ".join(roots)
    return Finding(Status.SKIP, summary, id=check_id, about=about, blocked_by=roots)


def _excused(finding: Finding, excuses: tuple[str, ...]) -> Finding:
    """A finding that does not pass, as the `skip` behind what is wrong elsewhere."""
    if not excuses or finding.status in (*OPEN, Status.SKIP, Status.ERROR):
        return finding
    skip = blocked_by(finding.id, excuses, finding.about)
    return msgspec.structs.replace(skip, summary=finding.summary, evidence=finding.evidence)


def settle_skips(findings: Findings) -> Findings:
    """Every `skip` names roots; one that names only what passed is an `error` of its check."""
    settled = Findings(ran=set(findings.ran))
    for finding in findings:
        settled.add(_settled(finding, findings) if finding.blocked_by else finding)
    return settled


def _settled(finding: Finding, findings: Findings) -> Finding:
    roots = findings.roots(finding.blocked_by)
    if roots:
        return msgspec.structs.replace(finding, blocked_by=roots)
    if not any(check_of(key) in findings.ran for key in finding.blocked_by):
        return finding  # what it blames was not asked for in this run
    summary = f"the check blames {', '.join(finding.blocked_by)}, which did not fail"
    return msgspec.structs.replace(finding, status=Status.ERROR, summary=summary, blocked_by=())
