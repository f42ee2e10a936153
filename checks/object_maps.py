"""The maps of a compiled BPF object: does the running kernel make them?"""

from __future__ import annotations

from bpfdoctor.api import (
    ASK_AS_ROOT,
    RINGS,
    STORAGE,
    AskIdentity,
    Attempt,
    BpfObject,
    ByHand,
    Context,
    Evidence,
    Finding,
    NoAnswer,
    ObjectMap,
    Status,
    TryMap,
    check,
    evidence,
    failed,
    object_of,
    passed,
    status_of,
    unknown,
)

HASH, PERF_EVENTS, STRUCT_OPS = (1, 5, 9, 10), 4, 26
OF_MAPS = (12, 13)
"""Maps of maps: libbpf makes one that they hold first."""

MOST = 1 << 22
"""Bytes that a map may take for a moment: of a larger one, fewer entries are made."""

BESIDE = 64
"""Bytes that an entry may take beside key and value."""


@check("object.maps", title="maps", requires=("object.file",))
def object_maps(context: Context) -> Finding | None:
    """Whether the running kernel makes each map that the object defines.

    Types of maps are told by the kernel's enum bpf_map_type, which its BTF shows. A map of the same
    type, sizes and flags is made for a moment, with fewer entries where they would take much
    memory: a queue takes no key, a trie of prefixes must not be allocated beforehand, and no kernel
    knows each flag.
    """
    found, seen = object_of(context)
    if found is None:
        return None
    lost = [f"{each.name} ({each.type})" for each in found.maps if each.type.startswith("type ")]
    if lost and found.kernel_btf:
        newer = [ByHand("Run it on a newer kernel.")]
        return failed(f"this kernel has no such map: {', '.join(lost)}", seen=seen, fixes=newer)
    if lost:
        look = [ByHand("As root: bpftool feature probe kernel")]
        return unknown(f"not known without BTF: {', '.join(lost)}", seen=seen, fixes=look)
    return _made(context, found, seen)


def _made(context: Context, found: BpfObject, seen: list[Evidence]) -> Finding:
    refused: dict[Status, list[str]] = {Status.FAIL: [], Status.UNKNOWN: []}
    for each in found.maps:
        question = _question(each)
        answer = context.ask(question) if question else None
        status = status_of(answer, context.ask(AskIdentity())) if answer else Status.PASS
        if question and answer and status in refused:
            refused[status].append(f"{each.name} ({each.type}): {_said(answer)}")
            seen = [*seen, evidence(question, answer)]
    if refused[Status.FAIL]:
        other = [ByHand("Define it as this kernel makes it, or run it on a newer one.")]
        return failed("; ".join(refused[Status.FAIL]), seen=seen, fixes=other)
    if refused[Status.UNKNOWN]:
        return unknown("; ".join(refused[Status.UNKNOWN]), seen=seen, fixes=[ASK_AS_ROOT])
    return passed(f"{len(found.maps)} maps that this kernel makes", seen=seen)


def _said(answer: Attempt | NoAnswer) -> str:
    return answer.error if isinstance(answer, Attempt) else answer.shown()


def _question(each: ObjectMap) -> TryMap | None:
    """The map to make; None for one of which another must be made first, or that is too large."""
    large = each.value_size > MOST and each.number not in HASH
    if not each.number or large or each.number in (*OF_MAPS, STRUCT_OPS):
        return None
    return TryMap(
        each.number,
        each.key_size,
        each.value_size,
        _entries(each),
        each.flags,
        typed=each.typed and each.number in STORAGE,
    )


def _entries(each: ObjectMap) -> int:
    """As many as are wanted, or as fit; libbpf makes a perf event array as large as is needed."""
    if each.number in RINGS:
        return min(each.entries, MOST)
    if each.number == PERF_EVENTS and not each.entries:
        return 1
    fitting = MOST // (each.key_size + each.value_size + BESIDE)
    return min(each.entries, max(fitting, 1))
