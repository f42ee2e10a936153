"""The maps of a compiled BPF object: does the running kernel make them?"""

from __future__ import annotations

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, NoAnswer, Status
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, machine, objects, privilege


@check("object.maps", title="maps", requires=("object.file",))
def object_maps(context: Context) -> Finding | None:
    """Whether the running kernel makes each map that the object defines.

    Types of maps are told by the kernel's enum bpf_map_type, which its BTF shows. A map of the same
    type, sizes and flags is made for a moment, with fewer entries where they would take much
    memory: a queue takes no key, a trie of prefixes must not be allocated beforehand, and no kernel
    knows each flag. What is left at 0, as the size of a stack trace often is, the program's loader
    must set, and only running that tells.
    """
    found, seen = objects.object_of(context)
    return _judged(context, found, seen) if found else None


def _judged(context: Context, found: objects.BpfObject, seen: list[Evidence]) -> Finding:
    lost = [f"{each.name} ({each.type})" for each in found.maps if each.nameless]
    if lost and found.kernel_btf:
        newer = [ByHand("Run it on a newer kernel.")]
        return failed(f"this kernel has no such map: {', '.join(lost)}", seen=seen, fixes=newer)
    if lost:
        return unknown(
            f"not known without BTF: {', '.join(lost)}", seen=seen, fixes=[bpf.LIST_FEATURES]
        )
    return _defined(context, found, seen)


def _defined(context: Context, found: objects.BpfObject, seen: list[Evidence]) -> Finding:
    if found.old_maps:
        again = [ByHand('Define its maps in SEC(".maps").')]
        summary = 'maps in SEC("maps"), which libbpf refuses since 1.0'
        return unknown(summary, seen=seen, fixes=again)
    pinned = [each.name for each in found.maps if each.pinned]
    identity = context.ask(machine.AskIdentity())
    if pinned and not (isinstance(identity, machine.Identity) and privilege.is_root(identity)):
        summary = f"{', '.join(pinned)}: whether this user may pin it is not known"
        return unknown(summary, seen=seen, fixes=[ASK_AS_ROOT])
    return _made(context, found, seen)


def _made(context: Context, found: objects.BpfObject, seen: list[Evidence]) -> Finding:
    refused: dict[Status, list[str]] = {Status.FAIL: [], Status.UNKNOWN: []}
    for each in found.maps:
        question = objects.map_trial(each)
        answer = context.ask(question) if question else None
        status = (
            privilege.status_of(answer, context.ask(machine.AskIdentity()))
            if answer
            else Status.PASS
        )
        if question and answer and status in refused:
            left = _left_open(each) if status is Status.FAIL else []
            why = f"its loader must set {' and '.join(left)}" if left else _said(answer)
            refused[Status.UNKNOWN if left else status].append(f"{each.name} ({each.type}): {why}")
            seen = [*seen, evidence(question, answer)]
    if refused[Status.FAIL]:
        other = [ByHand("Define it as this kernel makes it, or run it on a newer one.")]
        return failed("; ".join(refused[Status.FAIL]), seen=seen, fixes=other)
    if refused[Status.UNKNOWN]:
        return unknown("; ".join(refused[Status.UNKNOWN]), seen=seen, fixes=[ASK_AS_ROOT])
    return passed(f"{len(found.maps)} maps that this kernel makes", seen=seen)


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
