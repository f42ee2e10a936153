"""What a check makes of a live probe, and of a target that is tried for real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bpfdoctor.contract import ASK_AS_ROOT, Context, failed, passed, unknown
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.question import NoAnswer, Question, evidence
from bpfdoctor.host.system.facts import AskIdentity, Identity
from bpfdoctor.judging.advice import OTHER_TARGET
from bpfdoctor.judging.privilege import REFUSED, hindrances, may_list_btf, status_of
from bpfdoctor.judging.targets import Trial, trial_of
from bpfdoctor.judging.tracer import untried
from bpfdoctor.model import Evidence, Finding, Fix, Stage, Status

BTF_OF_MODULES = (
    "libbpf looks for what the kernel's own BTF has not in that of its modules, which takes "
    "CAP_SYS_ADMIN; without, libbpf 1.1 loads nothing"
)


def modules_are_read(context: Context) -> bool:
    """Whether libbpf gets at the BTF of modules; of who is not known, it is believed."""
    identity = context.ask(AskIdentity())
    return not isinstance(identity, Identity) or may_list_btf(identity)


def of_the_kernel(context: Context, about: str, *stages: Stage) -> list[str]:
    """What these stages of a BPF program need, or may need, of the kernel, as the keys of findings.

    `about` is the program as findings name it: `NAME`, or `PROGRAM/NAME`.
    """
    found = [each for each in context.project.judged if about.startswith(each.here)]
    both = ((each, stage, maybe) for each in found for stage in stages for maybe in (False, True))
    keys = [
        key
        for each, stage, maybe in both
        for key in each.keys(stage, maybe=maybe, only=about.removeprefix(each.here))
    ]
    return [key for key in dict.fromkeys(keys) if key.startswith("kernel.")]


def able(context: Context, trial: Trial) -> bool:
    """Whether the kernel does such a thing at all: else a trial says nothing of its target."""
    first = context.ask(trial.first)
    return isinstance(first, Attempt) and (first.loaded if trial.loading else first.worked)


def tried(context: Context, found: Finding, target: str, function: str = "") -> Finding:
    """The finding on a target that is there, tried.

    What is loaded for its target is judged here by its loading alone.
    """
    trial = trial_of(target, function) if found.status is Status.PASS else None
    if trial and isinstance(context.ask(trial.first), NoAnswer):
        if untried(context, target.partition("/")[0].removesuffix(".s")):
            return found
        return probed(context, trial.first, found.summary, about=target)
    if trial is None or not able(context, trial):
        return found
    answer = context.ask(trial.question)
    if trial.loading and isinstance(answer, Attempt) and answer.loaded:
        summary = f"{found.summary}: a program loads for it"
        return passed(summary, about=target, seen=[evidence(trial.question, answer)])
    what, fixes = found.summary, [OTHER_TARGET]
    return probed(context, trial.question, what, about=target, means=trial.means, fixes=fixes)


def probed(  # noqa: PLR0913  (each is a part of the finding)
    context: Context,
    question: Question[Attempt],
    what: str,
    *,
    about: str = "",
    means: Mapping[str, str] | None = None,
    fixes: Iterable[Fix] = (),
) -> Finding:
    """The finding on one live probe of `what`; the kernel's answer decides (`status_of`).

    `means` says in words what an errno stands for here; `fixes` are for a failure.
    """
    answer, identity = context.ask(question), context.ask(AskIdentity())
    status = status_of(answer, identity)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        summary = f"{what}: not tried: {answer.shown()}"
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if status is Status.PASS:
        return passed(f"{what}: the kernel did it", about=about, seen=seen)
    meaning = (means or {}).get(answer.error, "")
    summary = f"{what}: {answer.call}: {answer.error}{meaning and f' ({meaning})'}"
    seen.append(evidence(AskIdentity(), identity))
    if status is Status.UNKNOWN:
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if answer.error in REFUSED and isinstance(identity, Identity):
        summary += ", although this is root"
        seen += [Evidence("what may be behind it", text) for text in hindrances(identity)]
    return failed(summary, about=about, seen=seen, fixes=fixes)
