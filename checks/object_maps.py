"""The maps of a compiled BPF object: does the running kernel make them?"""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import (
    MAP_TYPES,
    STORAGE,
    BpfObject,
    ByHand,
    Context,
    CreateMap,
    Evidence,
    Finding,
    ObjectMap,
    Status,
    check,
    failed,
    object_of,
    passed,
    probed,
    unknown,
)

MOST_MEMORY = 256 << 20
"""Bytes that a map may take to be made just for a look. Where there is not so much the kernel says
ENOMEM and kills nobody for it (Linux 4.10, commit d407bd25a204)."""

SERIOUS = (Status.FAIL, Status.UNKNOWN, Status.SKIP)
"""What counts of several maps, the first of these that there is: one is enough to load nothing."""


@check(
    "object.maps",
    title="maps",
    requires=("object.file",),
    explained_by=("kernel.bpf-syscall",),
    excused_by=("runtime.privileges",),
)
def object_maps(context: Context) -> Finding | None:
    """Whether the running kernel makes each map that the object defines, as it defines it.

    Each is made for a moment: a kernel may not know its type or its flags, or refuse its sizes.
    What is left at 0 (stack traces, the ring buffer of a tool with an option for it) its loader
    must set, and only running that tells. Maps that hold others, and the like, are told by the
    kernel's list of types alone, enum bpf_map_type in its BTF.
    """
    found, seen = object_of(context)
    if found is None:
        return None
    verdicts = [_made(context, found, each, seen) for each in found.maps]
    for status in SERIOUS:
        for each in verdicts:
            if each.status is status:
                return each
    tried = [evidence for each in verdicts for evidence in each.evidence if evidence not in seen]
    return passed(f"{len(found.maps)} maps, all made or known", seen=[*seen, *tried])


def _made(context: Context, found: BpfObject, each: ObjectMap, seen: list[Evidence]) -> Finding:
    if each.type not in MAP_TYPES:
        return _listed(found, each, seen)
    if _memory(each) > MOST_MEMORY:
        summary = f"{each.name} would take {_memory(each) >> 20} MB, which was not tried"
        return unknown(summary, seen=seen, fixes=[RUN])
    sizes = (each.type, each.key_size, each.value_size, each.entries, each.flags)
    means = {"EINVAL": "this kernel does not know its type or its flags, or refuses its sizes"}
    what = f"making the map {each.name} ({each.type})"
    finding = probed(context, CreateMap(*sizes), what, means=means, fixes=[NEWER])
    if finding.status is Status.FAIL and (left := ", ".join(_left_open(each))):
        summary = f"the loader of {each.name} ({each.type}) must set its {left}"
        return unknown(summary, seen=[*seen, *finding.evidence], fixes=[RUN])
    return finding


RUN = ByHand("Run it: what its own program sets before it loads the object counts.")
NEWER = ByHand("Run it on a newer kernel, or define another map.")


def _left_open(each: ObjectMap) -> Iterator[str]:
    if not each.entries and each.type not in STORAGE:
        yield "max_entries"
    if not each.value_size and each.type == "stack_trace":
        yield "value_size"


def _memory(each: ObjectMap) -> int:
    """Bytes at the least, of a map whose elements are there from the start."""
    ring = not each.key_size and not each.value_size
    return each.entries * (1 if ring else each.key_size + each.value_size)


def _listed(found: BpfObject, each: ObjectMap, seen: list[Evidence]) -> Finding:
    if not each.type.startswith("type "):
        return passed(f"{each.name} ({each.type}) is known", seen=seen)
    if found.kernel_btf:
        summary = f"this kernel has no map of {each.type} ({each.name})"
        return failed(summary, seen=seen, fixes=[NEWER])
    look = ByHand("As root: bpftool feature probe kernel")
    summary = f"not known without BTF: {each.name} ({each.type})"
    return unknown(summary, seen=seen, fixes=[look])
