"""The package part of a plan: ask the manager what it has, then one transaction for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpfdoctor.fix.catalogue.packages import (
    Capability,
    Choice,
    Local,
    capability_text,
    local,
    resolve,
)
from bpfdoctor.fix.managers.base import Package
from bpfdoctor.fix.plan import Manual, Step, commands_to_paste
from bpfdoctor.fix.planning.repositories import best_of, by_hand, look_at
from bpfdoctor.fix.planning.transaction import Transaction
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskDistribution, AskKernel, Distribution
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import Install
from bpfdoctor.shell import command_line

Reasons = Mapping[Capability, Sequence[str]]
"""Capabilities that are missing, each with the keys of the findings that say so."""


def plan_packages(
    missing: Reasons, host: Host, expected: Reasons | None = None
) -> tuple[list[Step], list[Manual]]:
    """Steps that install what is missing, and what a person must do instead.

    `expected` is what blocked checks would most likely ask for: it is taken along where it is to
    be had and not installed, and is nobody's failure otherwise.
    """
    if not missing:
        return [], []
    distribution, release = _machine(host)
    here = local(distribution, release)
    if here is None or not here.manager.automatic:
        return [], [_by_hand(missing, distribution, release)]
    if isinstance(host.ask(FindTool(here.manager.install[0])), NoAnswer):
        return [], [_by_hand(missing, distribution, release)]
    return _PackagePlan(missing, expected or {}, host, here).made()


def _machine(host: Host) -> tuple[Distribution | None, str]:
    distribution, kernel = host.ask(AskDistribution()), host.ask(AskKernel())
    return (
        None if isinstance(distribution, NoAnswer) else distribution,
        "" if isinstance(kernel, NoAnswer) else kernel.release,
    )


def _by_hand(missing: Reasons, distribution: Distribution | None, release: str) -> Manual:
    names = tuple(f"{n.name}>={n.minimum}" if n.minimum else n.name for n in missing)
    fix = resolve(Install(names), distribution, release)
    why = tuple(dict.fromkeys(key for keys in missing.values() for key in keys))
    if not fix.argv:
        return Manual(why, fix.text)
    command = commands_to_paste("install by hand", [command_line(fix.argv)], as_root=fix.privileged)
    return Manual(why, "\n".join(filter(None, (command, fix.text))))


class _PackagePlan:
    """What is found out about one transaction."""

    def __init__(self, missing: Reasons, expected: Reasons, host: Host, here: Local) -> None:
        self.missing, self.expected, self.host, self.here = missing, expected, host, here
        self.transaction = Transaction(host, here)
        self.known, self.install = self.transaction.known, here.manager.install
        self.manual: list[Manual] = []

    def made(self) -> tuple[list[Step], list[Manual]]:
        """The steps, in order, and what is left to a person."""
        choices = {need: self.here.choice(need) for need in (*self.missing, *self.expected)}
        names = [name for choice in choices.values() if choice for name in choice.packages]
        looked = self.known.look(self.host, tuple(dict.fromkeys(names))) if names else {}
        for need, choice in choices.items():
            why = list(self.missing.get(need) or self.expected[need])
            if need not in self.missing:
                self.transaction.want(choice, self._along(choice, looked), why)
            elif choice is None:
                what = capability_text(need)
                self._leave(why, f"install {what} by hand: no package is known here")
            else:
                self._choose(choice, looked, why)
        return self.transaction.steps(), self.manual

    def _along(self, choice: Choice | None, looked: Mapping[str, Package]) -> list[str]:
        """The packages of an expected capability that can be taken along."""
        names = choice.packages if choice else ()
        return [n for n in names if not looked[n].installed and self._to_be_had(looked[n])]

    def _choose(self, choice: Choice, looked: Mapping[str, Package], why: list[str]) -> None:
        need = choice.capability
        there = [name for name in choice.packages if looked[name].installed]
        absent = [
            n for n in choice.packages if not looked[n].installed and not self._to_be_had(looked[n])
        ]
        too_old = need.minimum > 0 and any(
            0 < looked[name].major < need.minimum for name in choice.packages[:1]
        )
        if too_old or len(there) == len(choice.packages):
            self._newer(choice, why)
        elif absent:
            self._absent(choice, absent, looked, why)
        else:
            self.transaction.want(choice, [n for n in choice.packages if n not in there], why)

    def _to_be_had(self, package: Package) -> bool:
        """By its own name, through one that provides it, or, with empty lists, as far as known."""
        unknown = package.unsure or self.transaction.empty
        return bool(package.candidate or len(package.provided_by) == 1 or unknown)

    def _newer(self, choice: Choice, why: list[str]) -> None:
        """The newest package of one version that fits (`clang-16`), or words."""
        pattern, minimum = choice.versioned, choice.capability.minimum
        fault = "is too old" if minimum else "is installed and does not work"
        names = self.known.matching(self.host, pattern) if pattern else ()
        numbers = sorted({_number(name, pattern) for name in names}, reverse=True)
        fits = [number for number in numbers if number >= minimum]
        own = " ".join(choice.packages)
        for number in fits:
            name = pattern.format(number)
            if not self.known.look(self.host, (name,))[name].installed:
                self.transaction.notes.append(f"{own} {fault}: {name} instead")
                self.transaction.want(choice, (name,), why)
                return
        text = f"{own} {fault}, and there is no other package to try"
        self._leave(why, f"{text}{self._advice(choice)}")

    def _advice(self, choice: Choice) -> str:
        """What a person may try with packages that are too old, or broken; on new lines."""
        if not choice.capability.minimum:
            again = (*self.here.manager.reinstall, *choice.packages)
            return "\n" + commands_to_paste("if its files were removed", [command_line(again)])
        known = look_at(choice.newer, self.host) if choice.newer else None
        if known is None or known.state != "off":
            return ""
        return by_hand(known, self.install, choice.packages)

    def _absent(
        self, choice: Choice, absent: list[str], looked: Mapping[str, Package], why: list[str]
    ) -> None:
        known = best_of(choice.repositories, self.host)
        if known is not None and known.able:
            self.transaction.switch_on(known, why)
            self.transaction.want(choice, choice.packages, why)
            return
        where = by_hand(known, self.install, absent) if known else ""
        others = [p for name in absent for p in looked[name].provided_by]
        which = f"; one of these provides it: {' '.join(others)}" if others else ""
        text = f"{' '.join(absent)} is not in the lists of {self.known.name}"
        self._leave(why, f"{text}{which}{where}")

    def _leave(self, why: list[str], text: str) -> None:
        self.manual.append(Manual(tuple(why), text))


def _number(name: str, pattern: str) -> int:
    before, _, behind = pattern.partition("{}")
    digits = name[len(before) : len(name) - len(behind)]
    return int(digits[:9]) if digits.isdecimal() else 0
