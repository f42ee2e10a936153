"""Recorded machines are judged as they were, and nothing is concluded from an answer that is gone.

`hosts/NAME.json` are snapshots of virtual machines and of a real one (docs/how-to/test-on-other-
kernels.md). Every check is tried on every one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from virtual.agreement import disagreements
from virtual.recording import seen

from bpfdoctor.api import (
    Answer,
    Context,
    FileText,
    Finding,
    NoAnswer,
    Question,
    Selection,
    Status,
    Target,
)
from bpfdoctor.engine.load import check_of, load_checks
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.run import findings_of
from bpfdoctor.engine.session import examine
from bpfdoctor.host.question import A
from bpfdoctor.host.record import NEUTRAL, RecordedHost, read_snapshot
from bpfdoctor.host.tools.commands import RunCommand
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.host.tools.treat_object import TreatObject
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.testing import project_named

PLACE = Path(__file__).parent / "hosts"
SEEN = seen(PLACE)
HOSTS = sorted(path for path in PLACE.glob("*.json") if path.name != "seen.json")
CHECKS = load_checks()
SELECTION = Selection((Target("minimal"), Target("bootstrap")))
OPTIONS = Options(project="libbpf-bootstrap", smoke=False, table=True)
GARBAGE = ("", "\0", "\ufffd\ufffd\x07garbage\n" * 40, "999999999999999999999")
"""What a file of the kernel never holds, or no longer."""

GONE = ("not-recorded", "EACCES", "timed-out", "too-large", "broken")
"""Reasons that say nothing about the machine. ENOENT is none: it says that nothing is there."""

PROGRAMS = (AskVersion, Compile, RunCommand, TreatObject)
"""Of these EACCES is an answer: make would not be able to start the program either."""

Answers = Mapping[Question[Any], Answer]


class Told:
    """A host of recorded answers; what it was asked is kept."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: set[Question[Any]] = set()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `RecordedHost.ask`."""
        neutral = NEUTRAL.value(question)
        self.asked.add(neutral)
        return self.answers.get(neutral) or NoAnswer("not-recorded")  # type: ignore[return-value]


class Machine:
    """A recorded machine: its answers, what each check finds, and which check asked what."""

    def __init__(self, path: Path) -> None:
        self.answers: Answers = {each.question: each.answer for each in read_snapshot(path).answers}
        self.found: dict[str, Finding] = {}
        self.askers: dict[Question[Any], list[str]] = {}
        for check in CHECKS.checks:
            host = Told(self.answers)
            self.found.update((each.key, each) for each in self.judged(check.id, host))
            for question in host.asked & self.answers.keys():
                self.askers.setdefault(question, []).append(check.id)

    def judged(self, check_id: str, host: Told) -> Iterator[Finding]:
        """What one check finds on `host`."""
        (check,) = (each for each in CHECKS.checks if each.id == check_id)
        yield from findings_of(check, Context(host, project_named(), SELECTION))

    def concluded(self, changed: Answers) -> Iterator[str]:
        """Passes and failures that were not there before some answers were taken away."""
        answers = {**self.answers, **changed}
        askers = {name for each in changed for name in self.askers.get(each, ())}
        for name in sorted(askers):
            for finding in self.judged(name, Told(answers)):
                before = self.found.get(finding.key)
                if unfounded(before, finding) and not self.skipped(name, finding, answers):
                    was = before.status.value if before else "nothing"
                    yield f"{finding.key}: {was}, now {finding.status.value}: {finding.summary}"

    def skipped(self, name: str, finding: Finding, answers: Answers) -> bool:
        """The engine would have made it a skip: what it rests on does not hold any more."""
        (check,) = (each for each in CHECKS.checks if each.id == name)
        excuses = () if finding.status is Status.PASS else check.excused_by
        return any(
            each.status in (Status.FAIL, Status.UNKNOWN, Status.ERROR, Status.SKIP)
            for key in (*check.requires, *excuses)
            for each in self.judged(check_of(key), Told(answers))
            if key in (each.key, each.id) or not each.about
        )


def unfounded(before: Finding | None, after: Finding) -> bool:
    """Less was known, and more is claimed. A warning may lose what it warned of, and pass."""
    was = before.status if before else None
    if after.status is Status.PASS:
        return was not in (Status.PASS, Status.WARN)
    return after.status in (Status.FAIL, Status.ERROR) and was is not after.status


@cache
def machine(path: Path) -> Machine:
    """Read and judged once."""
    return Machine(path)


@pytest.fixture(params=HOSTS, ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest) -> Machine:
    return machine(request.param)


def test_every_recorded_machine_says_what_was_seen_there() -> None:
    assert len(HOSTS) >= 12
    assert {path.stem for path in HOSTS} == SEEN.keys()


NOTHING_ASKED = {"checkout.project"}
"""Without a checkout there is none to look at."""
ELSEWHERE = {"runtime.disk"}
"""Findings that are about to get their evidence."""


def test_every_finding_says_what_it_rests_on(recorded: Machine) -> None:
    bare = {
        finding.id
        for finding in recorded.found.values()
        if finding.status is not Status.SKIP and not finding.evidence
    }
    assert bare <= NOTHING_ASKED | ELSEWHERE


@pytest.mark.parametrize("reason", GONE)
def test_no_verdict_comes_from_an_answer_that_is_gone(recorded: Machine, reason: str) -> None:
    wrong = [
        f"without {question.source()}: {line}"
        for question in recorded.answers
        if not (reason == "EACCES" and isinstance(question, PROGRAMS))
        for line in recorded.concluded({question: NoAnswer(reason, "taken away")})
    ]
    assert not wrong, "\n".join(wrong)


def test_no_verdict_comes_from_a_file_that_is_cut_or_garbled(recorded: Machine) -> None:
    texts = {q: a for q, a in recorded.answers.items() if isinstance(a, FileText)}
    wrong = [
        f"{question.source()} = {spoilt.text[:20]!r}: {line}"
        for question, answer in texts.items()
        for spoilt in (cut(answer), *(FileText(text) for text in GARBAGE))
        for line in recorded.concluded({question: spoilt})
    ]
    assert not wrong, "\n".join(wrong)


def cut(answer: FileText) -> FileText:
    """The first half of a file, and word that there was more."""
    return FileText(answer.text[: len(answer.text) // 2], truncated=True)


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_verdict_comes_from_many_answers_that_are_gone(path: Path, data: st.DataObject) -> None:
    recorded = machine(path)
    gone = data.draw(st.sets(st.sampled_from(list(recorded.answers)), min_size=2))
    reason = data.draw(st.sampled_from([each for each in GONE if each != "EACCES"]))
    assert list(recorded.concluded({each: NoAnswer(reason) for each in gone})) == []


EXPECTED = {
    "debian-5.10-base": {"kernel.lsm[attach]": "pass", "kernel.lsm-active": "fail"},
    "debian-5.10-memlock-64k-for-good": {
        "runtime.memlock": "pass",
        "runtime.memlock-room": "fail",
    },
    "debian-6.1-base": {"kernel.kprobes": "pass", "kernel.config": "pass", "kernel.tc": "pass"},
    "debian-6.1-docker": {"runtime.privileges": "fail", "kernel.lsm": "skip"},
    "debian-6.1-libc-with-probes": {
        "object.programs[usdt/usdt_auto_attach]": "pass",
        "runtime.perf-events": "fail",
    },
    "debian-6.1-lockdown": {"kernel.lockdown": "fail", "kernel.trampolines[attach]": "pass"},
    "debian-6.1-no-btf": {"kernel.btf": "fail", "kernel.config-btf": "warn"},
    "debian-6.1-no-tracefs": {"runtime.tracefs": "fail", "kernel.kprobes": "pass"},
    "debian-6.1-pid-namespace": {"runtime.pid-namespace": "fail", "kernel.kprobes": "pass"},
    "debian-6.1-user": {
        "runtime.privileges": "unknown",
        "kernel.program-types[tracepoint]": "skip",
        "kernel.kprobes": "skip",
    },
    "debian-6.1-user-namespace": {"runtime.privileges": "fail"},
    "debian-6.1-user-with-capabilities": {
        "runtime.privileges": "pass",
        "runtime.event-privileges": "unknown",
        "kernel.program-types[tracepoint]": "pass",
        "kernel.program-types[sched_cls]": "unknown",
        "kernel.classifiers": "skip",
        "kernel.trampolines[attach]": "pass",
    },
    "debian-6.12-lsm-without-bpf": {"kernel.lsm[attach]": "pass", "kernel.lsm-active": "fail"},
    "debian-7.2-base": {
        "kernel.targets[kprobe/do_unlinkat]": "fail",
        "kernel.lsm-active": "pass",
    },
    "linux-6.18-without-kprobes": {"kernel.kprobes": "fail", "kernel.trampolines[load]": "fail"},
}
"""What is known of each machine, from how it was made."""


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
def test_a_recorded_machine_gets_its_verdict(path: Path) -> None:
    report = examine(RecordedHost(read_snapshot(path)), OPTIONS, checks=CHECKS)
    found = {each.key: each.status.value for each in report.findings}
    wanted = EXPECTED[path.stem]
    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.stem)
def test_replay_predicts_what_the_programs_did_on_the_machine(path: Path) -> None:
    report = examine(RecordedHost(read_snapshot(path)), OPTIONS, checks=CHECKS)
    programs = {
        each.name: {
            stage.value: msgspec.to_builtins(result) for stage, result in each.stages.items()
        }
        for each in report.programs
    }
    known = SEEN[path.stem]
    did = {name: {"stages": stages, "output": ""} for name, stages in known["programs"].items()}
    assert did, "no program was run there"
    assert list(disagreements(programs, did, decided=known["open"])) == []
