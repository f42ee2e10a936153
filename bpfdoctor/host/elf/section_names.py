"""What the name of a program's ELF section says: its type, and what it attaches to.

The names are libbpf's (section_defs in libbpf.c, as of 1.5); SEC() in a program's source writes
them. Before libbpf 1.0 the beginning of some was enough.
"""

from __future__ import annotations

import msgspec

from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES


class Named(msgspec.Struct, frozen=True):
    """A program by its section: `type` as enum bpf_prog_type has it, `kind` of attachment.

    `target` is what comes after the first slash, empty where the loader names it. `sleepable`: the
    program may wait, which the kernel does not allow everywhere. `attach`: the number in enum
    bpf_attach_type of what the kernel looks at when it loads the program.
    """

    type: str
    kind: str
    target: str = ""
    sleepable: bool = False
    attach: int = 0


_TRACING = ("fentry", "fexit", "fmod_ret", "iter", "tp_btf")
_WITH_TARGET = {
    **dict.fromkeys(("kprobe", "kretprobe", "ksyscall", "kretsyscall"), "kprobe"),
    **dict.fromkeys(("kprobe.multi", "kretprobe.multi", "kprobe.session"), "kprobe"),
    **dict.fromkeys(("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi"), "kprobe"),
    **dict.fromkeys(("uprobe.session", "usdt"), "kprobe"),
    **dict.fromkeys(("tp", "tracepoint"), "tracepoint"),
    **dict.fromkeys(("raw_tp", "raw_tracepoint"), "raw_tracepoint"),
    **dict.fromkeys(("raw_tp.w", "raw_tracepoint.w"), "raw_tracepoint_writable"),
    **dict.fromkeys(_TRACING, "tracing"),
    **dict.fromkeys(("lsm", "lsm_cgroup"), "lsm"),
    "freplace": "ext",
    "struct_ops": "struct_ops",
}
"""Those that anything may follow, after a slash."""

_SLEEPABLE = (
    *("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "uprobe.session", "usdt"),
    *("fentry", "fexit", "fmod_ret", "iter", "lsm", "struct_ops"),
)
"""Those of them that there are with `.s`, sleepable."""

_ADDRESSES = {
    **{
        f"cgroup/{call}{family}": f"cgroup_{protocol}{family}_{call}"
        for protocol, calls in {
            "inet": ("bind", "connect", "getpeername", "getsockname"),
            "udp": ("sendmsg", "recvmsg"),
        }.items()
        for call in calls
        for family in "46"
    },
    **{
        f"cgroup/{call}_unix": f"cgroup_unix_{call}"
        for call in ("connect", "sendmsg", "recvmsg", "getpeername", "getsockname")
    },
}
_SOCKETS = {
    **dict.fromkeys(("cgroup/sock_create", "cgroup/sock"), "cgroup_inet_sock_create"),
    "cgroup/sock_release": "cgroup_inet_sock_release",
    **{f"cgroup/post_bind{family}": f"cgroup_inet{family}_post_bind" for family in "46"},
}
_ATTACH = {
    **_ADDRESSES,
    **_SOCKETS,
    "cgroup/getsockopt": "cgroup_getsockopt",
    "cgroup/setsockopt": "cgroup_setsockopt",
    "cgroup_skb/egress": "cgroup_inet_egress",
    "sk_lookup": "sk_lookup",
    "netfilter": "netfilter",
    "sk_reuseport/migrate": "sk_reuseport_select_or_migrate",
    **dict.fromkeys(("xdp/devmap", "xdp.frags/devmap"), "xdp_devmap"),
    **dict.fromkeys(("xdp/cpumap", "xdp.frags/cpumap"), "xdp_cpumap"),
}
"""Attach types, where the kernel asks for one when it loads the program
(bpf_prog_load_check_attach_type of kernel/bpf/syscall.c)."""

_WHOLE = {
    "socket": "socket_filter",
    **dict.fromkeys(("tc", "tc/ingress", "tc/egress", "classifier"), "sched_cls"),
    **dict.fromkeys(("tcx/ingress", "tcx/egress"), "sched_cls"),
    **dict.fromkeys(("netkit/primary", "netkit/peer"), "sched_cls"),
    "action": "sched_act",
    **dict.fromkeys(("xdp", "xdp/devmap", "xdp/cpumap"), "xdp"),
    **dict.fromkeys(("xdp.frags", "xdp.frags/devmap", "xdp.frags/cpumap"), "xdp"),
    "perf_event": "perf_event",
    "syscall": "syscall",
    "sockops": "sock_ops",
    **dict.fromkeys(("sk_skb", "sk_skb/stream_parser", "sk_skb/stream_verdict"), "sk_skb"),
    "sk_skb/verdict": "sk_skb",
    "sk_msg": "sk_msg",
    "sk_lookup": "sk_lookup",
    **dict.fromkeys(("sk_reuseport", "sk_reuseport/migrate"), "sk_reuseport"),
    "netfilter": "netfilter",
    "flow_dissector": "flow_dissector",
    "lirc_mode2": "lirc_mode2",
    **{f"lwt_{each}": f"lwt_{each}" for each in ("in", "out", "xmit", "seg6local")},
    **dict.fromkeys(("cgroup_skb/ingress", "cgroup_skb/egress", "cgroup/skb"), "cgroup_skb"),
    **dict.fromkeys(_SOCKETS, "cgroup_sock"),
    **dict.fromkeys(_ADDRESSES, "cgroup_sock_addr"),
    "cgroup/sysctl": "cgroup_sysctl",
    **dict.fromkeys(("cgroup/getsockopt", "cgroup/setsockopt"), "cgroup_sockopt"),
    "cgroup/dev": "cgroup_device",
}
"""Those that are matched whole."""

_SAME = {
    "tracepoint": "tp",
    "raw_tracepoint": "raw_tp",
    "raw_tracepoint.w": "raw_tp.w",
    "classifier": "tc",
}
"""Section names that mean the same attachment."""


def named(section: str) -> Named | None:
    """What a section's name says; None for one that libbpf does not know."""
    plain = section.removeprefix("?")  # not loaded unless the loader asks for it
    head, _, target = plain.partition("/")
    if plain in _WHOLE:
        attach = ATTACH_TYPES[_ATTACH[plain]].number if plain in _ATTACH else 0
        return Named(_WHOLE[plain], _SAME.get(head, head), target, attach=attach)
    sleepable = head.endswith(".s") and head.removesuffix(".s") in _SLEEPABLE
    kind = head.removesuffix(".s") if sleepable else head
    if kind not in _WITH_TARGET:
        return None
    return Named(_WITH_TARGET[kind], _SAME.get(kind, kind), target, sleepable)
