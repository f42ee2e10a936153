"""Whatever is asked, and whatever is found: "ready" is said of what was asked for and is ready."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import (
    ByHand,
    Check,
    Context,
    Finding,
    Instead,
    NoAnswer,
    Project,
    Stage,
    Status,
    Target,
)
from bpfdoctor.engine.load import Loaded
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import asked_stages
from bpfdoctor.engine.session import examine
from bpfdoctor.model import Readiness, Report
from bpfdoctor.projects.model import Build, Program, ProjectKind, Tree
from bpfdoctor.report import registry
from bpfdoctor.report.documents import ReportDocument
from bpfdoctor.report.paper import Paper
from bpfdoctor.smoke.judge import CHECKS as SMOKE_CHECKS
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.testing import FakeHost

CASES = max(150, int(os.environ.get("BPFDOCTOR_FUZZ_CASES", "0")) // 50)
IDS = ("a.one", "a.two", "b.one", "b.two")
WAY = ByHand("another way", instead=Instead(arguments=("CC=other",)))
STATUSES = (Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class World:
    """What there is, what is asked, what each check finds, and what a smoke sees."""

    project: Project
    options: Options
    found: dict[str, Finding | None]
    outcomes: dict[str, tuple[bool | None, ...]]
    checks: tuple[Check, ...] = field(default=())


def needs() -> st.SearchStrategy[dict[Stage, tuple[str, ...]]]:
    keys = st.lists(st.sampled_from(IDS), max_size=3, unique=True).map(tuple)
    return st.dictionaries(st.sampled_from(list(Stage)), keys)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    names = draw(st.lists(st.sampled_from(("x", "y")), min_size=1, unique=True))
    programs = {name: Program("a program", needs=draw(needs())) for name in names}
    build = draw(st.sampled_from((None, Build("src", "src/Makefile"))))
    always = draw(st.sampled_from(((), ("a.one",))))
    kind = ProjectKind(
        "drawn", "a drawn project", "flat", tuple(names), programs, build=build, always=always
    )
    place = draw(st.sampled_from(("checkout", "nowhere", "named", "object")))
    if place == "object":
        return Project(kind, "", tuple(names), object="x.bpf.o")
    if place == "checkout" and build is not None:
        return Project(kind, "/tree", tuple(names))
    return Project(kind, "", tuple(names), tree=Tree("/here", named=place == "named"))


def findings() -> st.SearchStrategy[Finding | None]:
    made = st.builds(
        Finding,
        st.sampled_from(STATUSES),
        st.just("as found"),
        fixes=st.sampled_from(((), (WAY,))),
    )
    return st.none() | made


@st.composite
def worlds(draw: st.DrawFn) -> World:
    project = draw(projects())
    stages = st.sampled_from(list(Stage))
    target = st.builds(Target, st.sampled_from(project.programs), stages)
    chosen = st.lists(st.sampled_from((*IDS, "smoke", "a")), max_size=2, unique=True).map(tuple)
    proof = draw(st.booleans())
    nothing: st.SearchStrategy[tuple[str, ...]] = st.just(())
    options = Options(
        targets=draw(st.lists(target, max_size=2).map(tuple)),
        only=draw(nothing if proof else st.one_of(nothing, chosen)),
        skip=draw(nothing if proof else st.one_of(nothing, chosen)),
        smoke=proof or draw(st.booleans()),
        everything=draw(st.booleans()),
        proof=proof,
    )
    happened = st.lists(st.sampled_from((True, True, False, None)), max_size=4).map(tuple)
    return World(
        project,
        options,
        {key: draw(findings()) for key in IDS},
        {name: draw(happened) for name in project.programs},
        tuple(_check(key, draw) for key in IDS),
    )


def _check(key: str, draw: st.DrawFn) -> Check:
    before = IDS[: IDS.index(key)]
    requires = draw(st.lists(st.sampled_from(before), max_size=1)) if before else []
    return Check(key, key, lambda context: None, tuple(requires), gates=draw(st.booleans()))


def examined(world: World, patch: pytest.MonkeyPatch) -> Report:
    """The report on a world."""

    def run(context: Context, target: Target, instead: Instead | None) -> Observed:
        seen: list[Outcome] = []
        for stage, happened in zip(Stage, world.outcomes[target.program], strict=False):
            if stage.order <= target.stage.order:
                seen.append(Outcome(stage, happened, "as seen"))
            if happened is not True:
                break
        return Observed(target.program, tuple(seen), instead)

    def asks(key: str) -> Check:
        (drawn,) = (each for each in world.checks if each.id == key)
        return Check(key, key, lambda context: world.found[key], drawn.requires, gates=drawn.gates)

    patch.setattr(phase, "_run", run)
    patch.setattr("bpfdoctor.engine.subject.choose_project", lambda *_: world.project)
    loaded = Loaded((*map(asks, IDS), *SMOKE_CHECKS), {})
    host = FakeHost(otherwise=NoAnswer("refused", "nothing is answered here"))
    return examine(host, world.options, checks=loaded)


def written(report: Report) -> dict[str, str]:
    """The report in every format."""
    document = ReportDocument(report, dict, ("bpfdoctor",))
    formats = {name: registry.load(name) for name in registry.names()}
    pages = {name: each.write(document, Paper) for name, each in formats.items()}
    return {name: page if isinstance(page, str) else page.decode() for name, page in pages.items()}


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds())
def test_only_what_was_asked_for_and_is_ready_is_called_so(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        report = examined(world, patch)
    verdict, rows = report.verdict, {each.name: each.stages for each in report.programs}
    counted = [each for each in report.findings if each.needed]
    pages = written(report)
    assert json.loads(pages["json"])["verdict"]["exit"] == verdict.exit
    said = [page for page in pages.values() if re.search(r"\bready\b", page, re.IGNORECASE)]
    if world.options.narrowed:
        assert (said, report.programs, verdict.readiness) == ([], (), None)
        statuses = {each.status for each in counted}
        assert (verdict.exit == 1) == (Status.FAIL in statuses)
        assert (verdict.exit == 0) == (bool(statuses) and statuses <= {Status.PASS, Status.WARN})
        return
    targets = report.selection.targets
    asked = [rows[t.program][s] for t in targets for s in asked_stages(world.project, t)]
    ready = bool(asked) and all(each.readiness is Readiness.READY for each in asked)
    failed = any(each.status is Status.FAIL for each in counted)
    assert (verdict.exit == 0) == (verdict.readiness is Readiness.READY)
    assert (verdict.exit == 0) == verdict.summary.startswith("Ready: ")
    if verdict.exit == 0:
        assert ready
        assert not failed
    if any(each.readiness is Readiness.NOT_READY for each in asked) or failed:
        assert verdict.exit == 1


def test_the_worlds_are_such_that_each_end_is_met() -> None:
    ends: set[int] = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(world=worlds())
    def meet(world: World) -> None:
        with pytest.MonkeyPatch.context() as patch:
            ends.add(examined(world, patch).verdict.exit)

    meet()
    assert ends == {0, 1, 3}
