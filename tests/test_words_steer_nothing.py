"""No text for people steers the program: said in words of chance, everything is decided the same.

Every summary, title, text of evidence or of a fix, and every name of a call as it is printed is
replaced before the engine, the verdict and the planner see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from other_words import OtherWords, Words, speak

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AttachKprobe,
    AttachTrampoline,
    Attempt,
    BpfObject,
    Calls,
    Fix,
    Host,
    NoAnswer,
    ObjectProgram,
    ProgramAttrs,
    Project,
    Question,
    Refused,
    Status,
    TryContext,
)
from bpfdoctor.engine import subject
from bpfdoctor.engine.load import Loaded
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.session import all_checks, examine
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.planner import make_plan
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.host.question import A
from bpfdoctor.host.record import RecordedHost, Snapshot, read_snapshot
from bpfdoctor.model import Report, Reported
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.build import BuildProgram, Built

ROOT = Path(__file__).parents[1]
HOSTS = ROOT / "tests" / "hosts"
MACHINES = sorted(path.stem for path in HOSTS.glob("*.json") if path.name != "seen.json")
BASE = "debian-6.1-base"
WORKED = Attempt()
EVENT_BUSY, BPF_BUSY = (
    Attempt("EBUSY", call) for call in ("perf_event_open", "bpf(BPF_RAW_TRACEPOINT_OPEN)")
)


class Scene(msgspec.Struct, frozen=True):
    """A recorded machine, what is examined there, and what it says that was not recorded.

    `refused` is what whatever worked there is refused by; `log` what every build ends with.
    `reaches` are findings without which it would try nothing.
    """

    machine: str
    options: Options = Options(project="libbpf-bootstrap", smoke=False)
    answers: dict[Question[Any], Answer] = {}
    refused: Attempt | None = None
    log: str = ""
    reaches: dict[str, Status] = {}


class Told:
    """The machine of a scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.host = scene, RecordedHost(snapshot(scene.machine))

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        if self.scene.log and isinstance(question, BuildProgram):
            return Built(2, self.scene.log)  # type: ignore[return-value]
        answer = self.scene.answers.get(question) or self.host.ask(question)
        if self.scene.refused and answer == WORKED:
            return self.scene.refused  # type: ignore[return-value]
        return answer  # type: ignore[return-value]


@cache
def snapshot(machine: str) -> Snapshot:
    return read_snapshot(HOSTS / f"{machine}.json")


@cache
def checks() -> Loaded:
    return all_checks()


OBJECT = "/tmp/some.bpf.o"
USE = ContextUse(returns=(0, 1))
PROGRAMS = (
    ObjectProgram("called", "ksyscall/kill", "kprobe", "ksyscall", "kill"),
    ObjectProgram("busy", "fentry/do_unlinkat", "tracing", "fentry", "do_unlinkat"),
    ObjectProgram("guarding", "lsm/bpf", "lsm", "lsm", "bpf", context=USE),
)
OF_OBJECT: Mapping[Question[Any], Answer] = {
    AskBpfObject(OBJECT): BpfObject(PROGRAMS, (), btf=True, kernel_btf=True, license="GPL"),
    AttachKprobe(False, ("__x64_sys_kill",)): Attempt("EINVAL", "perf_event_open"),
    AttachTrampoline("fentry", ("do_unlinkat",)): BPF_BUSY,
    TryContext(ProgramAttrs("lsm", target="lsm/bpf"), returns=(0, 1)): Calls(
        WORKED, (Refused("returning 1", "the verifier says no"),)
    ),
}
TOOLS_ASIDE = Options(
    project="libbpf-bootstrap", smoke=False, skip=("toolchain", "libraries", "checkout")
)
LIBBPF_BROKE = "make[1]: *** [Makefile:150: libbpf.a] Error 2\n"
SCENES = {
    **{name: Scene(name) for name in MACHINES},
    **{
        f"{name}, with the smoke": Scene(name, Options(project="libbpf-bootstrap"))
        for name in MACHINES
    },
    **{f"{name}, its tools aside": Scene(name, TOOLS_ASIDE) for name in MACHINES},
    "the project of 2020": Scene(BASE, Options(project="libbpf-bootstrap-2020", smoke=False)),
    "not recorded": Scene(
        "linux-6.18-without-kprobes", Options(project="libbpf-bootstrap-2020", smoke=False)
    ),
    "busy events": Scene(BASE, refused=EVENT_BUSY, reaches={"runtime.privileges": Status.UNKNOWN}),
    "busy places": Scene(BASE, refused=BPF_BUSY, reaches={"kernel.maps": Status.FAIL}),
    "an object": Scene(
        BASE,
        Options(object=OBJECT, smoke=False),
        dict(OF_OBJECT),
        reaches={
            "kernel.targets[ksyscall/kill]": Status.FAIL,
            "kernel.targets[fentry/do_unlinkat]": Status.PASS,
            "object.programs[busy]": Status.FAIL,
            "object.context[guarding]": Status.UNKNOWN,
        },
    ),
    "a libbpf that does not build": Scene(
        BASE,
        Options(only=("smoke.program",)),
        log=LIBBPF_BROKE,
        reaches={"smoke.program[bootstrap]": Status.SKIP},
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_in_other_words_everything_is_decided_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, words = SCENES[name], Words(seed=0)
    if scene.log:
        monkeypatch.setattr(subject, "choose_project", lambda *_: in_a_checkout())
    plain, plain_host = examine(Told(scene), scene.options, checks=checks()), Told(scene)
    before = decided(plain, plain_host)
    assert scene.reaches.items() <= {each.key: each.status for each in plain.findings}.items()
    speak(words, monkeypatch)
    host = OtherWords(Told(scene), words)
    other = examine(host, scene.options, checks=words.checks(checks()))
    assert decided(other, host) == before
    assert not said(plain) & said(other)


def test_the_scenes_end_in_each_way_that_a_run_ends() -> None:
    aside = [scene for name, scene in SCENES.items() if scene.options == TOOLS_ASIDE]
    reports = [examine(Told(scene), scene.options, checks=checks()) for scene in aside]
    assert {report.verdict.exit for report in reports} == {0, 1, 3}


TEXT = r"\.(summary|call|title|source\(\)|shown\(\))"
LOOKED_INTO = re.compile(
    rf"{TEXT}\.(startswith|endswith|remove\w+|r?partition|r?split|r?find|r?index)\("
    rf"|\bin [\w.]+{TEXT}(?!\w)|\.(summary|call|title) (==|!=|in|not in)(?!\w)"
)
"""A text for people that is taken apart: of a live probe no recorded machine would show it."""


def test_no_text_for_people_is_looked_into() -> None:
    files = [each for room in ("bpfdoctor", "checks") for each in (ROOT / room).rglob("*.py")]
    assert len(files) > 150
    assert not [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in files
        for line in path.read_text().splitlines()
        if LOOKED_INTO.search(line)
    ]


def in_a_checkout() -> Project:
    kind = kind_named("libbpf-bootstrap")
    return Project(kind, "/tree", tuple(kind.programs))


def decided(report: Report, host: Host) -> dict[str, Any]:
    """All that a report and the plans made from it decide, without a word."""
    ids = frozenset(each.id for each in report.findings)
    return {
        "exit": (report.verdict.exit, report.verdict.readiness),
        "findings": [outcome(each) for each in report.findings],
        "programs": report.programs,
        "plan": without_words(make_plan(report.findings, host)),
        "plan for all": without_words(make_plan(report.findings, host, ids)),
    }


def outcome(each: Reported) -> tuple[Any, ...]:
    fixes = [shape(fix) for fix in each.fixes]
    return each.key, each.status, each.needed, each.blocked_by, fixes


def shape(fix: Fix) -> Fix:
    return msgspec.structs.replace(fix, text="")


def without_words(plan: Plan) -> tuple[Any, ...]:
    steps = [msgspec.structs.replace(each, title="", notes=()) for each in plan.steps]
    return steps, [each.why for each in plan.manual]


def said(report: Report) -> set[str]:
    """What the findings of a report say."""
    shown = {line.text for each in report.findings for line in each.evidence}
    told = {words for each in report.findings for words in (each.summary, each.title)}
    return (shown | told) - {""}
