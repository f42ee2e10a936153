"""Compiled BPF objects: what bpfdoctor said of each, held against what libbpf did with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from virtual.agreement import disagreements
from virtual.circumstances import Circumstance
from virtual.examination import PYTHON, as_json
from virtual.guest import boot
from virtual.kernels import kernel

Held = Mapping[str, Mapping[str, Any]]
"""By object, what `hold.py` says of it: `programs`, `kinds`, `why`, `exit` and `seen`."""

LONGEST = 400
"""Of a line in a failure; what libbpf says can be a whole log."""

SECONDS = 200.0
"""Time for all objects in one circumstance, under emulation on a busy machine."""

GATED = ("load", "attach")
"""Stages that `check --object` gates on."""

LOADERS = (
    *("perf_event", "freplace", "struct_ops", "syscall", "usdt"),
    *("action", "xdp", "xdp.frags", "tcx", "netkit", "lsm_cgroup"),
    *("sk_msg", "sk_skb", "sk_lookup", "sk_reuseport", "flow_dissector", "sockops"),
    *("lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local", "lirc_mode2", "netfilter"),
    *("cgroup", "cgroup_skb", "uprobe", "uprobe.multi"),
    *("kprobe.multi", "kprobe.session"),
)
"""Kinds of program that go to what their loader names: whether they attach, nothing here tells."""

BY_LOADER = (("iter", "bpf_map_elem"), ("iter", "cgroup"))
"""Kinds and targets of which the loader must say more."""

ALSO_UNTOLD = {
    "global_data.bpf.o": ("calls_if_chosen",),  # the loader may set the constant that it asks
    "hooks.bpf.o": ("returns_one",),  # which way it goes
    "parameters.bpf.o": ("entry_with_either",),  # the same
    "map_empty_array.bpf.o": ("with_map",),  # the loader may give it entries
    "map_legacy.bpf.o": ("beside",),  # an older libbpf loads it
    "map_arena.bpf.o": ("with_map",),  # it takes 8 MB for page tables: ENOMEM was seen
}
"""Programs of which loading them alone tells whether they load."""


def held(name: str, circumstances: Sequence[Circumstance], work: Path) -> Iterator[Held]:
    """Boot a kernel once, and hold the objects in each circumstance (all of one command line)."""
    (append,) = {each.append for each in circumstances}
    words = (*PYTHON, "/guest/hold.py", "/guest/objects")
    asked = [each.around(words) for each in circumstances]
    seconds = 60 + SECONDS * len(circumstances)
    for ran in boot(kernel(name), work, asked, append=append, seconds=seconds):
        yield as_json(ran)


def contradictions(found: Held, *, decided: bool) -> Iterator[str]:
    """A line for each program of which something wrong was said.

    `decided`: or of which too little was.
    """
    for name, said in found.items():
        yield from _wrong_gate(name, said)
        for program in said["programs"]:
            seen = {program: said["seen"][program]}
            wrong = [*disagreements(said["programs"], seen, decided=False)]
            if decided:
                wrong += _left_open(name, program, said)
            for line in wrong[:1]:  # what does not load does not attach either
                yield f"{name}: {line[:LONGEST]} {_why(said, line)}"


def _wrong_gate(name: str, said: Mapping[str, Any]) -> Iterator[str]:
    """0 only where nothing was seen to fail, 1 only where something was not seen to work."""
    did = [
        said["seen"][program]["stages"][stage] for program in said["programs"] for stage in GATED
    ]
    if (said["exit"] == 0 and False in did) or (said["exit"] == 1 and set(did) == {True}):
        yield f"{name}: exit {said['exit']}, and libbpf did {did}"


def _left_open(name: str, program: str, said: Mapping[str, Any]) -> Iterator[str]:
    for stage in ("load", "attach"):
        word = said["programs"][program][stage]
        if word["readiness"] == "unknown" and not _only_running_tells(name, program, word, said):
            did = said["seen"][program]["stages"][stage]
            yield f"{program} {stage}: unknown {word['because']}, and it was {did}"


def _only_running_tells(
    name: str, program: str, word: Mapping[str, Any], said: Mapping[str, Any]
) -> bool:
    kind, target = said["kinds"][program]
    if program in ALSO_UNTOLD.get(name, ()):
        return True
    loaders = not kind or not target or kind in LOADERS or (kind, target) in BY_LOADER
    return loaders and word["because"] == [f"object.programs[{program}]"]


def _why(said: Mapping[str, Any], line: str) -> str:
    return "; ".join(summary for key, summary in said["why"].items() if f"'{key}'" in line)
