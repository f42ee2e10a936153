"""Whatever objects are asked for: 0 only where all that each of them needs is well."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings, strategies as st

from bpfdoctor.api import Check, Context, Finding, NoAnswer, Stage, Status
from bpfdoctor.engine.load import Loaded, check_of
from bpfdoctor.engine.options import ObjectTarget, Options
from bpfdoctor.engine.session import examine
from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.model import Report
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.report import registry
from bpfdoctor.report.documents import ReportDocument
from bpfdoctor.report.paper import Paper
from bpfdoctor.testing import FakeHost

CASES = max(100, int(os.environ.get("BPFDOCTOR_FUZZ_CASES", "0")) // 50)
PATHS = ("x/a.bpf.o", "y/a.bpf.o", "y/b.bpf.o")
LABELS = ("x/a.bpf.o", "y/a.bpf.o", "b.bpf.o")
OBJECT = BpfObject(
    tuple(ObjectProgram(name, "xdp", "xdp", "xdp") for name in ("one", "two")),
    (),
    btf=True,
    kernel_btf=True,
)
PROJECT = project_of_object("any", OBJECT)
NEEDS = PROJECT.all_needs()
IDS = tuple(dict.fromkeys(map(check_of, NEEDS)))
STAGES = (Stage.LOAD, Stage.ATTACH, Stage.FIRES)
STATUSES = (*(Status.PASS,) * 6, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class Asked:
    """The objects and their stages; what `--for` names; what the machine says of each need."""

    objects: tuple[tuple[int, Stage], ...]
    within: tuple[tuple[int, str, Stage | None], ...]
    only: tuple[str, ...]
    found: dict[tuple[str, str], Status]

    @property
    def options(self) -> Options:
        """What the engine is asked."""
        targets = tuple(ObjectTarget(PATHS[number], stage) for number, stage in self.objects)
        return Options(objects=targets, within=tuple(self._names()), only=self.only)

    def _names(self) -> Iterator[str]:
        for number, program, stage in self.within:
            label = LABELS[number] if len(self.objects) == len(PATHS) else PATHS[number][2:]
            yield f"{label}/{program}" + (f":{stage.value}" if stage else "")

    def needed(self) -> Iterator[tuple[Stage, set[Status]]]:
        """Of each program that is asked for, to what stage, and how what it needs is."""
        stages = dict(self.objects)
        every = [(number, each, None) for number in stages for each in PROJECT.programs]
        for number, program, named in self.within or every:
            last = named or stages[number]
            keys = [k for s in STAGES if s.order <= last.order for k in PROJECT.needs(program, s)]
            yield last, {self.found[PATHS[number], key] for key in keys}


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    stage = st.sampled_from(STAGES)
    one = draw(st.booleans())
    numbers = (draw(st.sampled_from((0, 2))),) if one else (0, 1, 2)
    program = st.tuples(
        st.sampled_from(numbers), st.sampled_from(PROJECT.programs), st.none() | stage
    )
    narrowed = draw(st.booleans()) and draw(st.booleans())
    chosen = st.lists(st.sampled_from(IDS), min_size=1, max_size=2, unique=True).map(tuple)
    well = draw(st.booleans())
    status = st.just(Status.PASS) if well else st.sampled_from(STATUSES)
    return Asked(
        tuple((number, draw(stage)) for number in numbers),
        draw(st.lists(program, max_size=2, unique_by=lambda each: each[:2]).map(tuple)),
        draw(chosen) if narrowed else (),
        {(path, key): draw(status) for path in PATHS for key in NEEDS},
    )


def examined(world: Asked) -> Report:
    """The report on a world."""

    def finds(check_id: str) -> Check:
        def run(context: Context) -> list[Finding]:
            keys = [key for key in NEEDS if check_of(key) == check_id]
            return [
                Finding(world.found[context.project.object, key], "as found", about=about_of(key))
                for key in keys
            ]

        return Check(check_id, check_id, run)

    apart = [AskBpfObject(path).apart(OBJECT) for path in PATHS]
    answers = {question: answer for each in apart for question, answer in each.items()}
    host = FakeHost(answers, NoAnswer("refused", "nothing is answered"))
    return examine(host, world.options, checks=Loaded(tuple(map(finds, IDS)), {}))


def about_of(key: str) -> str:
    """What a need names of its check."""
    return key[len(check_of(key)) + 1 : -1]


def expected(world: Asked) -> int:
    """The exit status by the needs alone."""
    if world.only:
        used = {number for number, *_ in world.within} or {number for number, _ in world.objects}
        ends = [
            (Stage.LOAD, {status})
            for (path, key), status in world.found.items()
            if check_of(key) in world.only and PATHS.index(path) in used
        ]
    else:
        ends = list(world.needed())
    statuses = set().union(*(each for _, each in ends))
    if Status.FAIL in statuses:
        return 1
    beyond = any(stage is Stage.FIRES for stage, _ in ends)
    return 3 if beyond or statuses & {Status.UNKNOWN, Status.ERROR} else 0


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=asked())
def test_objects_are_ready_where_all_that_each_needs_is_well(world: Asked) -> None:
    report = examined(world)
    assert report.verdict.exit == expected(world), report.verdict.summary
    assert (report.verdict.exit == 0) == report.verdict.summary.startswith(("Ready: ", "The "))
    document = ReportDocument(report, dict, ("bpfdoctor",))
    for name in registry.names() if world.only else ():
        page = registry.load(name).write(document, Paper)
        text = page if isinstance(page, str) else page.decode()
        assert not re.search(r"\bready\b", text, re.IGNORECASE)


def test_the_worlds_are_such_that_each_end_is_met() -> None:
    ends: set[int] = set()

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(world=asked())
    def meet(world: Asked) -> None:
        ends.add(expected(world))

    meet()
    assert ends == {0, 1, 3}
