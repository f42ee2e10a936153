"""What `Fire` saw, stage by stage."""

from __future__ import annotations

from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.fire import Fire, Fired
from bpfdoctor.host.question import NoAnswer, evidence
from bpfdoctor.host.system.facts import Identity
from bpfdoctor.judging.privilege import REFUSED, hindrances, passing, status_of
from bpfdoctor.model import Evidence, Stage, Status
from bpfdoctor.smoke.model import Outcome


def outcomes_of(
    question: Fire, answer: Fired | NoAnswer, identity: Identity | NoAnswer
) -> tuple[Outcome, ...]:
    """The stages that were tried, in order, up to the first that did not happen."""
    seen: tuple[Evidence, ...] = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        return (Outcome(Stage.LOAD, None, f"not tried: {answer.shown()}", seen),)
    seen += _who(identity)
    found = [_tried(Stage.LOAD, answer.loaded, identity, seen)]
    if answer.attached is not None:
        found.append(_tried(Stage.ATTACH, answer.attached, identity, seen))
    if answer.hits is not None:
        found.append(_fired(question, answer, seen))
    return tuple(found)


def _who(identity: Identity | NoAnswer) -> tuple[Evidence, ...]:
    if isinstance(identity, NoAnswer):
        return ()
    facts = "\n".join((identity.shown(), *hindrances(identity)))
    return (Evidence("who asked", facts),)


def _tried(
    stage: Stage, attempt: Attempt, identity: Identity | NoAnswer, seen: tuple[Evidence, ...]
) -> Outcome:
    status = status_of(attempt, identity)
    if status is Status.PASS:
        return Outcome(stage, True, "the kernel accepted it", seen)
    summary = f"{attempt.call} answered {attempt.error}"
    if status is Status.FAIL:
        root = attempt.error in REFUSED
        return Outcome(stage, False, f"{summary}{', to an effective root' if root else ''}", seen)
    if passing(attempt):
        return Outcome(stage, None, f"{summary}: short of room or time at that moment", seen)
    return Outcome(stage, None, f"{summary}: this user lacks the privilege to try", seen)


def _fired(question: Fire, answer: Fired, seen: tuple[Evidence, ...]) -> Outcome:
    if not answer.hits and answer.refused:
        summary = f"the call that it waits for was refused: {answer.refused}"
        return Outcome(Stage.FIRES, None, summary, seen)
    if not answer.hits:
        return Outcome(Stage.FIRES, False, "it was attached and did not run", seen)
    if not question.prints:
        summary = f"it counted our own call ({answer.hits} hit)"
        return Outcome(Stage.FIRES, True, summary, seen)
    if answer.seen.lines:
        known = any(f"process {answer.pid}," in line for line in answer.seen.lines)
        its = f"process id {answer.pid}" if known else f"our number {answer.magic:#x}"
        summary = f"its event was seen, with {its}"
        line = Evidence(f"the kernel's trace ({answer.seen.where})", "\n".join(answer.seen.lines))
        return Outcome(Stage.FIRES, True, summary, (line, *seen))
    why = answer.seen.refused or "no line with its number came"
    return Outcome(Stage.FIRES, None, f"it ran, but its event was not seen: {why}", seen)
