"""The report for a person: what was found, what to do, how far each program gets, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from rich.text import Text

from bpfdoctor.model import ByHand, Evidence, Report, Reported, Status, Subject
from bpfdoctor.report.advice import commands, words
from bpfdoctor.report.paper import Paper, bordered, prose
from bpfdoctor.report.programs import table_lines
from bpfdoctor.report.readiness import limited, readiness_lines
from bpfdoctor.shell import BAR, MARK, barred, command_in, inert, typed
from bpfdoctor.visible import Shown, field, visible

STYLES = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.FAIL: "bold red",
    Status.UNKNOWN: "magenta",
    Status.SKIP: "bright_black",
    Status.ERROR: "bold red",
}
WORST_FIRST = (Status.FAIL, Status.ERROR, Status.UNKNOWN, Status.WARN)
"""Statuses that call for something; a `skip` is told by the finding that it names."""
NAMED = 12
"""Programs that the heading names."""
WIDEST = max(len(status.value) for status in Status)
EVIDENCE_HEAD, EVIDENCE_TAIL = 6, 10
"""Lines of an answer that are shown: what a compiler says first, and what make says last."""


def report_text(
    report: Report, paper: Paper, explanations: Mapping[str, str], *, as_root: bool
) -> Shown:
    """The whole report. `explanations` are the checks' docstrings by id; `as_root`: who reads it
    is root, and needs no sudo."""
    writer = _Writer(report, paper, explanations, as_root)
    writer.heading()
    writer.findings()
    writer.problems()
    writer.not_needed()
    writer.readiness()
    writer.others()
    writer.verdict()
    return paper.printed(writer.lines)


class _Writer:
    def __init__(
        self, report: Report, paper: Paper, explanations: Mapping[str, str], as_root: bool
    ) -> None:
        self.report, self.paper = report, paper
        self.explanations, self.as_root = explanations, as_root
        self.lines: list[Text] = []

    def heading(self) -> None:
        """Which project is judged and where; which machine; for what."""
        host = self.report.host
        self.prose(field(subject_line(self.report)), "bold")
        who = "asked as root" if host.privileged else "asked as an ordinary user"
        self.prose(f"Linux {host.release} {host.architecture}, {host.distribution}, {who}")
        targets = [f"{t.program} to {t.stage.value}" for t in self.report.selection.targets]
        if targets:
            more = f" and {len(targets) - NAMED} more" if len(targets) > NAMED else ""
            self.prose(f"for: {', '.join(targets[:NAMED])}{more}")
        if self.report.selection.note:
            self.prose(self.report.selection.note)

    def findings(self) -> None:
        """One line a finding, grouped by subject."""
        for subject, group in groupby(self.report.findings, lambda each: each.id.split(".")[0]):
            self.section(subject)
            self.rows(list(group))

    def rows(self, found: list[Reported]) -> None:
        """Status, key and the deciding value of each; the value below where the room is small."""
        keys = max(len(each.key) for each in found)
        indent = 2 + WIDEST + 2 + keys + 2
        below = bool(self.paper.width) and self.paper.width - indent < 30
        for each in found:
            text = each.summary
            head = f"  {each.status.value:{WIDEST}}  {each.key:{0 if below else keys}}"
            if below:
                self.row(each, [head, *self.paper.broken(text, 6)])
            else:
                self.row(each, self.paper.broken(text, indent, f"{head}  "))

    def row(self, each: Reported, lines: list[str]) -> None:
        """Lines whose first begins with a status; one that does not matter here is not loud."""
        quiet = not each.needed and each.status is not Status.PASS
        first = Text(visible(lines[0]))
        first.stylize("dim" if quiet else STYLES[each.status], 2, 2 + len(each.status.value))
        self.lines += [prose(first), *(Text(barred(line)) for line in lines[1:])]

    def problems(self) -> None:
        """Everything needed that does not pass: why it matters, what was seen, what to type."""
        needed = [each for each in self.report.findings if each.needed]
        found = [each for status in WORST_FIRST for each in needed if each.status is status]
        if found:
            self.section("What to do")
        for number, each in enumerate(found):
            if number:
                self.add("")
            self.problem(each)

    def problem(self, each: Reported) -> None:
        """One of them."""
        head = Text(visible(f"  {each.status.value}  {each.key}: {each.title}"))
        head.stylize(STYLES[each.status], 2, 2 + len(each.status.value))
        self.lines.append(prose(head))
        self.told(each.summary)
        self.told(first_paragraph(self.explanations.get(each.id, "")), "dim")
        for seen in each.evidence:
            self.evidence(seen)
        for fix in each.fixes:
            self.by_hand(fix.text) if isinstance(fix, ByHand) else self.told(words(fix))
            for command in commands(fix, as_root=self.as_root):
                self.add(typed(command, 4), "bold")

    def by_hand(self, text: str) -> None:
        """Instructions in words: prose is wrapped, indented lines are commands and are not."""
        for line in text.split("\n"):
            command = command_in(line)
            if command:
                self.add(typed(command, 6), "bold")
            else:
                self.told(line)

    def told(self, text: str, style: str = "") -> None:
        """Words about a problem, behind a bar, so that its commands stand out."""
        for line in self.paper.broken(text, 6) if text else ():
            self.lines.append(Text(barred(line), style))

    def evidence(self, seen: Evidence) -> None:
        """What was asked and what came back; the middle of a long answer is left to --json."""
        for line in asked(seen.source):
            self.lines.append(Text(f"    {BAR}{line}", "cyan"))
        lines = visible(seen.text, newlines=True).split("\n")
        lines = lines[:-1] if lines[-1] == "" else lines
        left_out = len(lines) - EVIDENCE_HEAD - EVIDENCE_TAIL
        if left_out > 1:
            note = f"[... {left_out} more lines: --json has them all]"
            lines = [*lines[:EVIDENCE_HEAD], note, *lines[-EVIDENCE_TAIL:]]
        if seen.truncated:
            lines.append("[... and more, which was not kept]")
        for line in lines:
            self.lines.append(Text(f"    {BAR}  {line}".rstrip()))

    def not_needed(self) -> None:
        """What is limited here and does not matter for what was selected."""
        found = [(each, self.limits(each)) for each in self.report.findings if not each.needed]
        found = [(each, effect) for each, effect in found if effect]
        if found:
            self.section("Limited, but not needed")
        for each, effect in found:
            lines = self.paper.broken(effect, 6, f"  {each.status.value}  {each.key}: ")
            self.row(each, lines)

    def limits(self, each: Reported) -> str:
        """What a finding takes away, in words; empty for nothing."""
        if each.status not in WORST_FIRST:
            return ""
        programs = limited(self.report.programs, each.key)
        if programs:
            return "limits " + ", ".join(programs)
        return "limits no program" if each.status in (Status.FAIL, Status.ERROR) else ""

    def readiness(self) -> None:
        """How far each selected program gets."""
        lines = readiness_lines(self.report)
        if lines:
            self.section("Readiness")
        for line in lines:
            self.lines.append(bordered(line))

    def others(self) -> None:
        """The programs that nobody selected; those whose objects were not asked for, by number."""
        found = [each for each in self.report.programs if not each.selected]
        of_object = self.report.verdict.subject is Subject.OBJECT
        told = [each for each in found if each.origin or of_object]
        if self.report.selection.explicit or not found:
            return
        self.section("Other programs")
        self.lines += map(bordered, table_lines(told) if told else ())
        if untold := len(found) - len(told):
            noun = "program was" if untold == 1 else "programs were"
            self.prose(f"  {untold} other {noun} not looked into: `bpfdoctor programs` does.")

    def verdict(self) -> None:
        """One sentence."""
        verdict = self.report.verdict
        style = {0: "bold green", 1: "bold red"}.get(verdict.exit, "bold magenta")
        self.add("")
        self.prose(verdict.summary, style)

    def section(self, title: str) -> None:
        """An empty line and a heading."""
        self.lines += [Text(""), Text(visible(title), "bold")]  # ours, or of code that is installed

    def prose(self, text: str, style: str = "") -> None:
        """Text that may be broken into lines."""
        first, *rest = self.paper.broken(text, 0)
        self.lines += [Text(inert(first), style), *(Text(barred(line), style) for line in rest)]

    def add(self, line: str, style: str = "") -> None:
        """One line that is never broken; a command to type stays as it is."""
        whole = line if isinstance(line, Shown) else inert(visible(line))
        self.lines.append(Text(whole, style))


def asked(source: str) -> list[str]:
    """Where evidence is from, in words that are not taken for a command to type."""
    if not source.startswith(MARK):
        return [f"from: {visible(source)}"]
    lines = visible(source, newlines=True).split("\n")  # a program that was fed, what came of it
    return [f"ran: {line.removeprefix(MARK)}" if line.startswith(MARK) else line for line in lines]


def subject_line(report: Report) -> str:
    """Say what is judged: the project and where it is, or what there is in its place."""
    project = report.project
    name = f"{project.name} ({project.layout})"
    return {
        Subject.CHECKOUT: f"{name}, {project.path}",
        Subject.OBJECT: f"compiled BPF objects: {project.layout}",
        Subject.MACHINE: "this machine, without a project",
        Subject.PROJECT: f"{name}, none of whose sources are here",
    }[report.verdict.subject]


def first_paragraph(docstring: str) -> str:
    """Why it matters: the first paragraph, on one line."""
    lines: Iterable[str] = docstring.strip().split("\n\n")[0].splitlines()
    return " ".join(line.strip() for line in lines)
