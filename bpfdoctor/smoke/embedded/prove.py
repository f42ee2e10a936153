"""The proof outside any checkout: our own program in BPF C, compiled by clang, seen to print."""

from __future__ import annotations

from typing import Literal, cast

from bpfdoctor.api import AskIdentity, Context
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.question import NoAnswer, evidence
from bpfdoctor.judging.tools.clang import chosen_clang
from bpfdoctor.model import Stage
from bpfdoctor.smoke.embedded.build import BuildEmbedded, EmbeddedBuilt
from bpfdoctor.smoke.fire_outcomes import outcomes_of
from bpfdoctor.smoke.model import Observed, Outcome


def prove_embedded(context: Context, upto: Stage) -> Observed:
    """Build, load, attach and fire, up to a stage, with the clang that would be used."""
    clang = chosen_clang(context.host, context.project.kind.clang)
    question = BuildEmbedded(clang.argv or ("clang",))
    answer = context.ask(question)
    built = _built(question, answer)
    if built.happened is not True or upto is Stage.BUILD:
        return Observed("embedded", (built,))
    assert isinstance(answer, EmbeddedBuilt)
    assert answer.program is not None
    program = answer.program
    last = cast("Literal['load', 'attach', 'fires']", upto.value)
    fire = Fire(program.code, program.map_references, "the embedded program", True, last)
    outcomes = outcomes_of(fire, context.ask(fire), context.ask(AskIdentity()))
    return Observed("embedded", (built, *outcomes))


def _built(question: BuildEmbedded, answer: EmbeddedBuilt | NoAnswer) -> Outcome:
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        happened = False if answer.absent else None
        return Outcome(Stage.BUILD, happened, f"{question.clang[0]}: {answer.shown()}", seen)
    if answer.program is None:
        said = next((line for line in answer.log.splitlines() if "error" in line), "no BPF object")
        return Outcome(Stage.BUILD, False, f"{question.clang[0]}: {said}", seen)
    return Outcome(Stage.BUILD, True, f"{question.clang[0]} compiled it", seen)
