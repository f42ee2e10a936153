"""The proof of a program: how it is asked for, and what its answers mean."""

from __future__ import annotations

import msgspec
import pytest

from bpfdoctor.api import Context, Instead, NoAnswer, Project, Stage
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.build import BuildProgram, Built
from bpfdoctor.smoke.program import build_question, prove_program
from bpfdoctor.smoke.run import Ran, RunProgram
from bpfdoctor.testing import FakeHost

BUILT = Built(0, "", binary="/built/program", sha256="0")
ATTACHED = ("bpf-prog", "bpf_link")


def context_on(machine: Machine, kind: str = "libbpf-bootstrap") -> Context:
    found = kind_named(kind)
    return Context(LiveHost(machine), Project(found, "/checkout", (*found.programs, "mine")))


class Answering(FakeHost):
    """Builds and runs are answered as given; nothing is known of any tool."""

    def __init__(self, built: Built | NoAnswer, ran: Ran | NoAnswer | None = None) -> None:
        super().__init__(otherwise=NoAnswer("ENOENT"))
        self.built, self.ran = built, ran

    def ask(self, question):  # type: ignore[no-untyped-def]
        if isinstance(question, BuildProgram):
            return self.built
        if isinstance(question, RunProgram):
            assert self.ran is not None, "nothing may be run"
            return self.ran
        return super().ask(question)


def proven(host: Answering, name: str = "minimal", upto: Stage = Stage.FIRES) -> list[object]:
    kind = kind_named("libbpf-bootstrap")
    project = Project(kind, "/checkout", (*kind.programs, "mine"))
    observed = prove_program(Context(host, project), name, upto, upto is not Stage.BUILD)
    return [(outcome.stage, outcome.happened) for outcome in observed.outcomes]


@pytest.mark.parametrize(
    ("built", "happened"),
    [
        (BUILT, True),
        (Built(2, "error: no such file"), False),
        (Built(0, "", binary=""), False),
        (Built(None, "", timed_out=True), None),
        (Built(None, "", signal="SIGKILL"), None),
        (NoAnswer("EPERM"), None),
    ],
)
def test_what_a_build_says_of_the_stage(built: Built | NoAnswer, happened: bool | None) -> None:
    assert proven(Answering(built), upto=Stage.BUILD) == [(Stage.BUILD, happened)]


@pytest.mark.parametrize(
    ("built", "at"),
    [
        (
            Built(2, "make: *** [Makefile:150: libbpf.a] Error 2"),
            {"[Makefile:150: libbpf.a] Error 2"},
        ),
        (Built(2, "no makefile"), set()),
        (BUILT, set()),
        (NoAnswer("EPERM", "make: *** [Makefile:150: libbpf.a] Error 2"), set()),
    ],
)
def test_a_build_says_what_it_broke_at(built: Built | NoAnswer, at: set[str]) -> None:
    project = Project(kind_named("libbpf-bootstrap"), "/checkout", ("minimal",))
    seen = prove_program(Context(Answering(built), project), "minimal", Stage.BUILD, False)
    assert seen.outcomes[0].broke_at == at


def test_what_was_not_built_is_not_run() -> None:
    assert proven(Answering(Built(2, ""))) == [(Stage.BUILD, False)]


def test_stages_beyond_the_one_asked_for_are_left_out() -> None:
    ran = Ran(7, "", held=ATTACHED, root=True)
    host = Answering(BUILT, ran)
    assert proven(host, upto=Stage.ATTACH) == [(s, True) for s in Stage if s is not Stage.FIRES]
    assert proven(host) == [(s, s is not Stage.FIRES) for s in Stage]


def test_a_program_whose_proof_nobody_knows_is_never_said_to_fire_or_to_be_silent() -> None:
    ran = Ran(7, "", held=ATTACHED, root=True)
    assert proven(Answering(BUILT, ran), "mine")[-1] == (Stage.FIRES, None)


def test_a_run_that_was_refused_says_nothing() -> None:
    assert proven(Answering(BUILT, NoAnswer("EACCES")))[-1] == (Stage.LOAD, None)


def test_cargo_is_left_out_unless_the_program_wants_it(machine: Machine) -> None:
    context = context_on(machine)
    for name, cargo in (("minimal", ""), ("profile", "cargo")):
        program = context.project.program(name)
        assert program is not None
        assert dict(build_question(context, name, program).variables)["CARGO"] == cargo


def test_nothing_that_a_build_makes_is_linked(machine: Machine) -> None:
    context = context_on(machine)
    program = context.project.program("mine")
    assert program is not None
    made = set(build_question(context, "mine", program).made)
    assert {"examples/c/.output", "examples/c/minimal", "examples/c/mine"} <= made
    assert "blazesym/target" in made


WAY = Instead(make="gmake", arguments=("CLANG=clang-99",), without=("CPATH",), elsewhere=True)


def test_make_is_called_as_the_user_would_unless_something_else_goes_round() -> None:
    context = context_on(Machine())
    program = context.project.program("minimal")
    assert program is not None
    plain = build_question(context, "minimal", program)
    assert (plain.make, plain.without) == (("make",), ())
    assert "CLANG" not in dict(plain.variables)
    other = build_question(context, "minimal", program, WAY)
    assert (other.make, other.without) == (("gmake",), ("CPATH",))
    assert dict(other.variables) == {**dict(plain.variables), "CLANG": "clang-99"}
    assert other.command().startswith("env -u CPATH gmake -C ")


def test_questions_and_answers_survive_a_snapshot() -> None:
    for value in (BUILT, Ran(7, "x", held=ATTACHED, proof="p", proof_source="s")):
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value
    question = RunProgram("/b", "0", "minimal", ("-i", "lo"), "packet", "output", "{port}")
    assert msgspec.json.decode(msgspec.json.encode(question), type=RunProgram) == question
