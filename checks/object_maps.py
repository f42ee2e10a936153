"""The maps of a compiled BPF object: does the running kernel make them?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Finding, NoAnswer, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, machine, objects, privilege


RING_BUFFER = 256 * 1024
"""Bytes: what kernel.ringbuf asks for."""


@check("object.maps", title="maps")
def object_maps(context: Context) -> Iterator[Finding]:
    """Whether the running kernel makes each map that the object defines.

    Types of maps are told by the kernel's enum bpf_map_type, which its BTF shows. A map of the same
    type, sizes and flags is made for a moment, with fewer entries where they would take much
    memory: a queue takes no key, a trie of prefixes must not be allocated beforehand, and no kernel
    knows each flag. What is left at 0, as the size of a stack trace often is, the program's loader
    must set, and only running that tells.
    """
    for each in objects.objects_of(context):
        for defined in each.facts.maps:
            yield _judged(context, each, defined)


def _judged(context: Context, each: objects.SeenObject, defined: objects.Map) -> Finding:
    about, seen, what = each.about(defined.name), each.seen, f"{defined.name} ({defined.type})"
    if defined.nameless and each.facts.kernel_btf:
        newer = [ByHand("Run it on a newer kernel.")]
        return failed(f"this kernel has no such map: {what}", about=about, seen=seen, fixes=newer)
    if defined.nameless:
        summary = f"not known without BTF: {what}"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LIST_FEATURES])
    identity = context.ask(machine.AskIdentity())
    if defined.pinned and not (
        isinstance(identity, machine.Identity) and privilege.is_root(identity)
    ):
        summary = f"{defined.name}: whether this user may pin it is not known"
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    return _made(context, each, defined)


def _made(context: Context, each: objects.SeenObject, defined: objects.Map) -> Finding:
    about, question = each.about(defined.name), objects.map_trial(defined)
    what = f"{defined.name} ({defined.type})"
    if question is None:
        return passed(f"{what}: not tried alone", about=about, seen=each.seen)
    answer, identity = context.ask(question), context.ask(machine.AskIdentity())
    status, seen = privilege.status_of(answer, identity), [*each.seen, evidence(question, answer)]
    left = _left_open(defined) if status is Status.FAIL else []
    if status is Status.PASS:
        return passed(f"{what}: this kernel makes it", about=about, seen=seen)
    if left:
        summary = f"{what}: its loader must set {' and '.join(left)}"
        return unknown(summary, about=about, seen=seen, fixes=[bpf.LOAD_ALL])
    root = _general_root(context, defined)
    if root:
        return blocked(f"{what}: {_said(answer)}, as any such map is", by=[root], about=about)
    if status is Status.FAIL and root is not None:
        other = [ByHand("Define it as this kernel makes it, or run it on a newer one.")]
        return failed(f"{what}: {_said(answer)}", about=about, seen=seen, fixes=other)
    return unknown(f"{what}: {_said(answer)}", about=about, seen=seen, fixes=[ASK_AS_ROOT])


def _general_root(context: Context, defined: objects.Map) -> str | None:
    """The key of what says that the kernel makes no map at all, or no ring buffer.

    Empty where it makes them; None where that is not known.
    """
    probes = {"kernel.maps": bpf.CreateMap("array", 4, 4, 1)}
    if defined.type == "ringbuf":
        probes["kernel.ringbuf"] = bpf.CreateMap("ringbuf", 0, 0, RING_BUFFER)
    for key, question in probes.items():
        answer = context.ask(question)
        if isinstance(answer, NoAnswer):
            return None
        if not answer.worked:
            return key
    return ""


def _left_open(each: objects.Map) -> list[str]:
    """Sizes that the map wants and the object does not say."""
    if each.type.endswith("_storage"):  # it has as many entries as there are tasks, sockets, …
        return []
    sizes = {"max_entries": each.entries}
    if each.type == "stack_trace":
        sizes["value_size"] = each.value_size
    return [name for name, size in sizes.items() if not size]


def _said(answer: bpf.Attempt | NoAnswer) -> str:
    return answer.error if isinstance(answer, bpf.Attempt) else answer.shown()
