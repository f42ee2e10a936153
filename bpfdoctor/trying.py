"""What a check makes of a `Trial`: a target of an object's program, tried for real."""

from __future__ import annotations

from bpfdoctor.contract import Context, passed, probed
from bpfdoctor.host.bpf.alike import Alike
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.trials import Trial, trial_of
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram, loaded_for
from bpfdoctor.host.question import evidence
from bpfdoctor.host.system.facts import AskIdentity, Identity
from bpfdoctor.host.system.privilege import may_list_btf
from bpfdoctor.model import ByHand, Finding, Stage, Status

OTHER_TARGET = ByHand("Name another in the program's SEC().")


BTF_OF_MODULES = (
    "libbpf looks for what the kernel's own BTF has not in that of its modules, which takes "
    "CAP_SYS_ADMIN; without, libbpf 1.1 loads nothing"
)


def modules_are_read(context: Context) -> bool:
    """Whether libbpf gets at the BTF of modules; of who is not known, it is believed."""
    identity = context.ask(AskIdentity())
    return not isinstance(identity, Identity) or may_list_btf(identity)


def of_the_kernel(context: Context, program: str, *stages: Stage) -> list[str]:
    """What these stages of a program need of the kernel, as the keys of findings."""
    keys = (key for stage in stages for key in context.project.needs(program, stage))
    return [key for key in keys if key.startswith("kernel.")]


def like(found: BpfObject, program: ObjectProgram) -> Alike:
    """What the kernel is told of a program of an object beside its code."""
    return Alike(program.type, program.attach, program.flags, found.license, loaded_for(program))


def able(context: Context, trial: Trial) -> bool:
    """Whether the kernel does such a thing at all: else a trial says nothing of its target."""
    first = context.ask(trial.first)
    return isinstance(first, Attempt) and (first.loaded if trial.loading else first.worked)


def tried(context: Context, found: Finding, target: str, function: str = "") -> Finding:
    """The finding on a target that is there, tried where an object names it.

    The projects' own targets are known to be fit. What is loaded for its target is judged here by
    its loading alone.
    """
    wanted = bool(context.project.object) and found.status is Status.PASS
    trial = trial_of(target, function) if wanted else None
    if trial is None or not able(context, trial):
        return found
    answer = context.ask(trial.question)
    if trial.loading and isinstance(answer, Attempt) and answer.loaded:
        summary = f"{found.summary}: a program loads for it"
        return passed(summary, about=target, seen=[evidence(trial.question, answer)])
    what, fixes = found.summary, [OTHER_TARGET]
    return probed(context, trial.question, what, about=target, means=trial.means, fixes=fixes)
