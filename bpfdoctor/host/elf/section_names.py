"""What the name of a program's ELF section says: its type, and what it attaches to.

The names are libbpf's (section_defs in libbpf.c); SEC() in a program's source writes them.
"""

from __future__ import annotations

import msgspec


class Named(msgspec.Struct, frozen=True):
    """A program by its section: `type` as enum bpf_prog_type has it, `kind` of attachment.

    `target` is what comes after the first slash, empty where the loader names it.
    """

    type: str
    kind: str
    target: str = ""


_TRACING = ("fentry", "fexit", "fmod_ret", "iter", "tp_btf")
_TYPES = {
    **dict.fromkeys(("kprobe", "kretprobe", "ksyscall", "kretsyscall"), "kprobe"),
    **dict.fromkeys(("kprobe.multi", "kretprobe.multi", "kprobe.session"), "kprobe"),
    **dict.fromkeys(("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "usdt"), "kprobe"),
    "uprobe.session": "kprobe",
    **dict.fromkeys(_TRACING, "tracing"),
    **dict.fromkeys(("tp", "tracepoint"), "tracepoint"),
    **dict.fromkeys(("raw_tp", "raw_tracepoint"), "raw_tracepoint"),
    **dict.fromkeys(("raw_tp.w", "raw_tracepoint.w"), "raw_tracepoint_writable"),
    **dict.fromkeys(("tc", "tcx", "classifier", "netkit"), "sched_cls"),
    "action": "sched_act",
    "socket": "socket_filter",
    "lsm": "lsm",
    "lsm_cgroup": "lsm",
    "xdp": "xdp",
    "xdp.frags": "xdp",
    "perf_event": "perf_event",
    "syscall": "syscall",
    "freplace": "ext",
    "struct_ops": "struct_ops",
    "sockops": "sock_ops",
    "sk_skb": "sk_skb",
    "sk_msg": "sk_msg",
    "sk_lookup": "sk_lookup",
    "sk_reuseport": "sk_reuseport",
    "netfilter": "netfilter",
    "flow_dissector": "flow_dissector",
    "lirc_mode2": "lirc_mode2",
    "cgroup_skb": "cgroup_skb",
    "cgroup": "cgroup",
    **{f"lwt_{each}": f"lwt_{each}" for each in ("in", "out", "xmit", "seg6local")},
}
_SAME = {
    "tracepoint": "tp",
    "raw_tracepoint": "raw_tp",
    "raw_tracepoint.w": "raw_tp.w",
    "classifier": "tc",
}
"""Section names that mean the same attachment."""

_WHOLE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("socket", "classifier", "action", "syscall", "perf_event"), ()),
    **dict.fromkeys(("sockops", "sk_msg", "sk_lookup", "netfilter"), ()),
    **dict.fromkeys(("flow_dissector", "lirc_mode2"), ()),
    **dict.fromkeys([f"lwt_{each}" for each in ("in", "out", "xmit", "seg6local")], ()),
    **dict.fromkeys(("tc", "tcx"), ("ingress", "egress")),
    **dict.fromkeys(("xdp", "xdp.frags"), ("devmap", "cpumap")),
    "netkit": ("primary", "peer"),
    "sk_skb": ("stream_parser", "stream_verdict"),
    "sk_reuseport": ("migrate",),
    "cgroup_skb": ("ingress", "egress"),
}
"""Kinds whose section is matched whole from libbpf 1.0 on, and what may follow the slash."""

OTHER_SECTIONS = (".text", "license", "version")


def named(section: str) -> Named | None:
    """What a section's name says; None for one that libbpf does not know."""
    head, _, target = section.lstrip("?").partition("/")
    kind = head.removesuffix(".s")  # sleepable
    if kind not in _TYPES or (target and target not in _WHOLE.get(kind, (target,))):
        return None
    return Named(_TYPES[kind], _SAME.get(kind, kind), target)
