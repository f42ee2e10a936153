"""The second proof: build a program of the project by its own makefile, run it, see its event."""

from __future__ import annotations

from bpfdoctor.api import Context
from bpfdoctor.host.question import NoAnswer, evidence
from bpfdoctor.judging.tools.error_line import error_line
from bpfdoctor.model import Instead, Stage
from bpfdoctor.projects.model import Program, Project
from bpfdoctor.smoke.build import BuildProgram, Built
from bpfdoctor.smoke.build_failure import stopped_at
from bpfdoctor.smoke.model import Observed, Outcome
from bpfdoctor.smoke.run import RunProgram
from bpfdoctor.smoke.stages import stages_of

LIMIT = 15.0
"""Seconds in which a program must fire: they do within two, on an emulated machine within ten."""

UNKNOWN_PROOF_LIMIT = 5.0
"""Seconds that a program runs of which nobody knows what proves that it fired."""


def prove_program(
    context: Context, name: str, upto: Stage, may_run: bool, instead: Instead | None = None
) -> Observed:
    """Build `name` as the user would, or with what goes `instead`, and run it where `may_run`.

    Its stages up to `upto`.
    """
    program = context.project.program(name)
    if program is None or context.project.kind.build is None:
        what = "there is no makefile for it here"
        return Observed(name, (Outcome(Stage.BUILD, None, what),))
    question = build_question(context, name, program, instead or Instead())
    built = context.ask(question)
    first = _built(question, built)
    if not first.happened or not may_run or upto is Stage.BUILD or isinstance(built, NoAnswer):
        return Observed(name, (first,), instead, _object(context, name, built))
    later = _run(context, run_question(built, name, program), program)
    wanted = (outcome for outcome in later if outcome.stage.order <= upto.order)
    return Observed(name, (first, *wanted), instead, _object(context, name, built))


def _object(context: Context, name: str, built: Built | NoAnswer) -> str:
    """Where the build left the BPF object of a program."""
    build = context.project.kind.build
    if build is None or isinstance(built, NoAnswer) or not (built.ok and built.place):
        return ""
    return "/".join((built.place, build.directory, build.object.replace("{program}", name)))


def build_question(
    context: Context,
    name: str,
    program: Program,
    instead: Instead = Instead(),  # noqa: B008
) -> BuildProgram:
    """How `name` is built: by the command that the user would type, or by what goes instead."""
    project, build = context.project, context.project.kind.build
    assert build is not None
    given = dict(word.split("=", 1) for word in instead.arguments)
    variables = {**build.variables, **program.variables, **given}
    return BuildProgram(
        checkout=project.path,
        directory=build.directory,
        program=name,
        made=_made(project, name),
        outputs=build.outputs,
        variables=tuple(sorted(variables.items())),
        make=(instead.make or "make",),
        without=instead.without,
    )


def _made(project: Project, name: str) -> tuple[str, ...]:
    """The paths in the checkout that a build of any program makes."""
    build = project.kind.build
    assert build is not None
    names = {*build.outputs, *project.programs, *project.kind.programs, name}
    return tuple(sorted({*(f"{build.directory}/{each}" for each in names), *build.writes}))


def run_question(built: Built, name: str, program: Program) -> RunProgram:
    """How a built program is run, and what is watched for."""
    proof = program.proof
    return RunProgram(
        binary=built.binary,
        sha256=built.sha256,
        program=name,
        arguments=program.arguments,
        trigger=program.trigger,
        watch=proof.source if proof else "",
        pattern=proof.pattern if proof else "",
        limit=LIMIT if proof else UNKNOWN_PROOF_LIMIT,
    )


def _built(question: BuildProgram, answer: Built | NoAnswer) -> Outcome:
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        return Outcome(Stage.BUILD, None, f"it could not be built here: {answer.shown()}", seen)
    if answer.ok:
        return Outcome(Stage.BUILD, True, _where(question, answer), seen)
    happened = None if answer.timed_out or answer.signal else False
    broke_at = stopped_at(answer.log, question.program)
    trouble = error_line(answer.log)
    summary = f"{answer.ending}: {trouble}" if trouble else answer.ending
    return Outcome(Stage.BUILD, happened, summary, seen, broke_at, answer.log)


def _where(question: BuildProgram, answer: Built) -> str:
    """That it was built, and where: not in the tree, which stays as it is."""
    return f"make built {question.program}" + (f" in {answer.place}" if answer.place else "")


def _run(context: Context, question: RunProgram, program: Program) -> list[Outcome]:
    ran = context.ask(question)
    if isinstance(ran, NoAnswer):
        seen = (evidence(question, ran),)
        return [Outcome(Stage.LOAD, None, f"it could not be run: {ran.shown()}", seen)]
    stages = stages_of(question, ran)
    if program.proof is not None:
        return stages
    return [each if each.stage is not Stage.FIRES else _unprovable(each) for each in stages]


def _unprovable(outcome: Outcome) -> Outcome:
    what = "it runs, and bpfdoctor does not know what proves that it fired"
    return Outcome(Stage.FIRES, None, what, outcome.seen)
