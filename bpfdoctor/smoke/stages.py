"""How far a program came, judged from what it was seen to do. Its exit status decides nothing."""

from __future__ import annotations

import re

from bpfdoctor.host.question import Question, evidence
from bpfdoctor.host.system.trace_window import AskTraceWindow
from bpfdoctor.judging.trace_window import why_shut
from bpfdoctor.model import Evidence, Stage
from bpfdoctor.smoke.model import Outcome
from bpfdoctor.smoke.run import Ran

LOAD_FAILED = re.compile(
    r"^libbpf: .*(failed to load\b|BPF program load failed|failed to open (object|BPF object))"
    r"|^Fail(ed)? to (open|load|open and load|load and verify) BPF\b"
    r"|^Failed to increase RLIMIT_MEMLOCK|^Error updating map"
    r"|^Failed to acquire namespace information|error while loading shared libraries",
)
"""What libbpf, the programs and the loader of shared libraries say at this stage."""

ATTACH_FAILED = re.compile(
    r"^libbpf: .*failed to (auto-)?attach"
    r"|^Failed to attach\b|^Failed to create (TC hook|iter|ring buffer|perf event buffer)"
    r"|^Failed to open raw socket|^Fail to set up performance monitor"
    r"|^Failed to determine process's load address",
)

STARTED = re.compile(r"Successfully started|^TIME +EVENT +COMM", re.MULTILINE)
"""What the programs say once they are attached."""

ATTACHED = ("bpf_link", "bpf-link", "perf_event", "bpf_iter", "bpf-iter")
"""Descriptors that only an attached program holds (bpf_link since Linux 5.7)."""


def stages_of(question: Question[Ran], ran: Ran) -> list[Outcome]:
    """The outcomes from `load` on; none after one that did not happen."""
    if ran.proof:
        return _fired(ran)
    if ran.ended:
        return _stopped(question, ran)
    return _silent(question, ran)


def _fired(ran: Ran) -> list[Outcome]:
    seen = (Evidence(ran.proof_source, ran.proof),)
    return [
        Outcome(Stage.LOAD, True, "loaded: it fired", seen),
        Outcome(Stage.ATTACH, True, "attached: it fired", seen),
        _shown(ran, seen),
    ]


def _shown(ran: Ran, seen: tuple[Evidence, ...]) -> Outcome:
    """It fired; that is no proof of what its user sees where the global trace is shut."""
    if not _shut(ran):
        return Outcome(Stage.FIRES, True, f"PID {ran.pid}: {ran.proof}", seen)
    summary = f"PID {ran.pid}: it fired, and the global trace does not show it: {_shut(ran)}"
    return Outcome(Stage.FIRES, False, summary, (*seen, *_window(ran)))


def _shut(ran: Ran) -> str:
    """Why the user sees nothing in the global trace; empty where he does, or looks elsewhere."""
    return why_shut(ran.window) if ran.window is not None else ""


def _window(ran: Ran) -> tuple[Evidence, ...]:
    return (evidence(AskTraceWindow(), ran.window),) if ran.window is not None else ()


def _stopped(question: Question[Ran], ran: Ran) -> list[Outcome]:
    """It ended by itself without its event: what it said, or what it held, tells the stage."""
    stage, line = _failed_at(ran)
    before = [_held(each, ran) for each in Stage if Stage.BUILD.order < each.order < stage.order]
    how = f"killed by {ran.signal}" if ran.signal else f"ended with exit status {ran.status}"
    return [*before, _failure(question, ran, stage, line or f"{how}, without its event")]


def _failed_at(ran: Ran) -> tuple[Stage, str]:
    lines = ran.output.splitlines()
    for stage, pattern in ((Stage.LOAD, LOAD_FAILED), (Stage.ATTACH, ATTACH_FAILED)):
        said = [line for line in lines if pattern.search(line)]
        if said:
            return stage, said[0].strip()
    if "bpf-prog" not in ran.held:
        return Stage.LOAD, ""
    return (Stage.FIRES if _is_attached(ran) else Stage.ATTACH), ""


def _failure(question: Question[Ran], ran: Ran, stage: Stage, summary: str) -> Outcome:
    """What a program without root's rights cannot do says nothing of the machine."""
    seen = (evidence(question, ran),)
    if ran.root:
        return Outcome(stage, False, summary, seen)
    return Outcome(stage, None, f"without root: {summary}", seen)


def _is_attached(ran: Ran) -> bool:
    return bool(set(ran.held) & set(ATTACHED)) or bool(STARTED.search(ran.output))


def _held(stage: Stage, ran: Ran) -> Outcome:
    held = f", holding {', '.join(ran.held)}" if ran.held else ""
    return Outcome(stage, True, f"went on to the next stage{held}")


def _silent(question: Question[Ran], ran: Ran) -> list[Outcome]:
    """It is still running and its event did not come."""
    seen = (evidence(question, ran),)
    still = f"no event in {ran.seconds:g} s"
    if "bpf-prog" not in ran.held and not STARTED.search(ran.output):
        return [Outcome(Stage.LOAD, None, f"{still}, and no loaded program was seen", seen)]
    loaded = _held(Stage.LOAD, ran)
    if not _is_attached(ran):
        return [loaded, Outcome(Stage.ATTACH, None, f"{still}, and no attachment was seen", seen)]
    return [loaded, _held(Stage.ATTACH, ran), _no_event(ran, still, seen)]


def _no_event(ran: Ran, still: str, seen: tuple[Evidence, ...]) -> Outcome:
    if ran.untraced:
        return Outcome(
            Stage.FIRES, None, f"the kernel's trace cannot be read: {ran.untraced}", seen
        )
    if ran.unseen:
        why = "no terminal could be had for it (no devpts?), and to a pipe it may keep lines back"
        return Outcome(Stage.FIRES, None, f"{still}: {why}", seen)
    shut = _shut(ran)
    if shut:
        summary = f"silent: {still}: the global trace shows nothing: {shut}"
        return Outcome(Stage.FIRES, False, summary, (*seen, *_window(ran)))
    return Outcome(Stage.FIRES, False, f"silent: {still}", seen)
