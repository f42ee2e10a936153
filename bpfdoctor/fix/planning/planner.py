"""From a report's findings to a plan: what to do, in which order, and what to leave to a person."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from bpfdoctor.fix.catalogue.packages import Capability, capability_of
from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.fix.plan import Manual, Plan, Step, commands_to_paste, order_steps, without_login
from bpfdoctor.fix.planning.packages import plan_packages
from bpfdoctor.fix.planning.selection import to_repair
from bpfdoctor.fix.planning.submodules import plan_submodules
from bpfdoctor.fix.planning.transaction import PACKAGES
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import ByHand, Install, Reported, Run, Status
from bpfdoctor.shell import command_line

LOWERS_SECURITY = ("sysctl", "setcap", "chmod", "setenforce", "aa-teardown", "tee")
"""Commands that make a machine more permissive: never consented to by `--yes` alone."""

IN_A_TREE = ("git", "make")
"""Commands that start what a tree names, and take the tree by `-C`."""


def make_plan(
    report_findings: Sequence[Reported], host: Host, ids: frozenset[str] = frozenset()
) -> Plan:
    """The plan that would repair what failed and is needed; with `ids`, those findings instead.

    Everything is asked through the host, from local data alone; nothing is changed.
    """
    chosen = to_repair(report_findings, ids)
    draft = _Draft(host)
    for finding in chosen:
        for fix in finding.fixes:
            draft.take(fix, finding.key)
    if not ids:
        draft.expect(report_findings)
    return draft.plan()


T = TypeVar("T")


class _Draft:
    """Fixes as they are gathered; the same one asked for twice is one step with both reasons."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.installs: dict[Capability, list[str]] = {}
        self.expected: dict[Capability, list[str]] = {}
        self.runs: dict[Run, list[str]] = {}
        self.checkouts: dict[str, list[str]] = {}
        self.texts: dict[str, list[str]] = {}

    def take(self, fix: Install | Run | ByHand, key: str) -> None:
        """Note a fix of the finding `key`."""
        if isinstance(fix, Install):
            for name in fix.capabilities:
                _add(self.installs, capability_of(name), key)
            if not fix.capabilities:
                _add(self.texts, _again(fix), key)
        elif isinstance(fix, ByHand):
            _add(self.texts, fix.text, key)
        elif fix.checkout:
            _add(self.checkouts, fix.checkout, key)
        else:
            _add(self.runs, fix, key)

    def expect(self, findings: Iterable[Reported]) -> None:
        """Note what blocked checks would most likely ask for: one transaction serves them too."""
        for finding in findings:
            if self.installs and finding.needed and finding.status is Status.SKIP:
                for name in catalogue().checks.get(finding.id, ()):
                    if capability_of(name) not in self.installs:
                        _add(self.expected, capability_of(name), finding.key)

    def plan(self) -> Plan:
        """All of it, in order."""
        steps, manual = plan_packages(self.installs, self.host, self.expected)
        for checkout, why in self.checkouts.items():
            more = plan_submodules(self.host, checkout, tuple(why))
            steps += more[0]
            manual += more[1]
        for run, why in self.runs.items():
            self._run(run, tuple(why), steps, manual)
        manual += [Manual(tuple(why), text) for text, why in self.texts.items()]
        told = [replace(step, title=without_login(step.title)) for step in steps]
        return Plan(order_steps(_unique(told)), tuple(manual))

    def _run(self, run: Run, why: tuple[str, ...], steps: list[Step], manual: list[Manual]) -> None:
        argv = self._found(run.argv)
        installs = any(step.id == PACKAGES for step in steps)
        step = _step_of(run, argv or run.argv, why, (PACKAGES,) if installs and not argv else ())
        if argv or installs:
            steps.append(step)
        else:
            words = f"{run.argv[0]} is not on PATH; with it"
            command = step.command(sudo=False)
            manual.append(Manual(why, commands_to_paste(words, [command], as_root=step.privileged)))

    def _found(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """The command as it can be run; Debian's bpftool is in /usr/sbin, off a user's PATH."""
        if not isinstance(self.host.ask(FindTool(argv[0])), NoAnswer):
            return argv
        beside = f"/usr/sbin/{argv[0]}"
        if "/" not in argv[0] and not isinstance(self.host.ask(FindTool(beside)), NoAnswer):
            return (beside, *argv[1:])
        return ()


def _again(fix: Install) -> str:
    """Say how to reinstall packages that lost a file."""
    words = f"install {' '.join(fix.packages)} again: {fix.text}"
    return commands_to_paste(words, [command_line(fix.argv)]) if fix.argv else words


def _add(table: dict[T, list[str]], item: T, key: str) -> None:
    reasons = table.setdefault(item, [])
    if key not in reasons:
        reasons.append(key)


def _unique(steps: list[Step]) -> list[Step]:
    return list({step.id: step for step in steps}.values())


def _tree_of(run: Run) -> str:
    """Whose tree a command works in: what git or make start there is for its owner to run."""
    _, *words = run.argv
    named = os.path.basename(run.argv[0]) in IN_A_TREE and "-C" in words
    place = words[words.index("-C") + 1 :][:1] if named else []
    return os.path.join(run.cwd, *place) or os.path.dirname(run.output)


def _step_of(run: Run, argv: tuple[str, ...], why: tuple[str, ...], after: tuple[str, ...]) -> Step:
    output = os.path.join(run.cwd, run.output) if run.output else ""
    return Step(
        id=f"run:{' '.join(run.argv)}" + (f">{output}" if output else ""),
        kind="run",
        title=f"write {output}" if output else _title(run.argv),
        argv=argv,
        why=why,
        privileged=run.privileged,
        cwd=run.cwd,
        output=output,
        owner_of=_tree_of(run),
        undo=("rm", "--", output) if output else run.undo,
        undo_text="" if run.undo or output else "nothing to take back",
        after=after,
        manual=os.path.basename(run.argv[0]) in LOWERS_SECURITY,
        notes=(run.text,) if run.text else (),
    )


def _title(argv: tuple[str, ...]) -> str:
    titles = {"mount": "mount {} at {}", "mv": "set {} aside as {}", "ln": "link to {} at {}"}
    words = titles.get(argv[0])
    return words.format(*argv[-2:]) if words else f"run {argv[0]}"
