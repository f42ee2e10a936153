"""The libbpf that programs are linked with: whether it reads what this kernel says of its types."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer, Project
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import kernel, tools


def _has_libbpf(project: Project) -> bool:
    """It is built from sources, in which its libbpf lies or not."""
    return project.kind.build is not None


@check(
    "libraries.libbpf-btf",
    title="libbpf reads this kernel's BTF",
    requires=("kernel.btf",),
    applies=_has_libbpf,
)
def libbpf_btf(context: Context) -> Finding:
    """Whether the libbpf that the programs are linked with reads the BTF of this kernel.

    BTF grows with the kernel, and a libbpf that meets a kind of type which it does not know cannot
    go on: `Unsupported BTF_KIND:19`, `Error loading vmlinux BTF: -3`. Then no program with CO-RE
    relocations loads, nor one for fentry, LSM, iterators or tp_btf. Kernels since Linux 6.0 or so
    hold ENUM64, which libbpf reads since 1.0; FLOAT takes libbpf 0.4, DECL_TAG and TYPE_TAG 0.6.

    Which kinds a libbpf reads is read in its own source, in the checkout; of an installed one its
    release tells. The remedy is a newer libbpf in the checkout, and another build.
    """
    linked, question = tools.LinkedLibbpf(context), kernel.AskBtfKinds()
    held, known = context.ask(question), linked.found
    seen = [*linked.seen, evidence(question, held)]
    if isinstance(known, NoAnswer):
        return _not_known(context, linked)
    if isinstance(held, NoAnswer):
        look = ByHand(f"see by hand which it holds: {question.source()}")
        return unknown(f"{question.path}: {held.shown()}", seen=seen, fixes=[look])
    if not known.btf_kinds:
        return unknown(f"{linked}: which kinds of BTF it reads was not found", seen=seen)
    unread = known.unread(held.kinds)
    if not unread:
        return passed(
            f"{linked} reads all {len(held.kinds)} kinds of types in this kernel's BTF", seen=seen
        )
    summary = f"{linked} does not read {', '.join(unread)}, which this kernel's BTF holds"
    return failed(summary, seen=seen, fixes=[linked.newer(unread)])


def _not_known(context: Context, linked: tools.LinkedLibbpf) -> Finding:
    key = f"checkout.submodules[{linked.place}]"
    said = linked.found
    if isinstance(said, NoAnswer) and said.absent and key in context.project.all_needs():
        return blocked(f"{linked.place} holds no libbpf", by=[key])
    return unknown(f"{linked}: {said.shown()}", seen=linked.seen)
