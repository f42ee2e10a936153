"""What the name of a program's ELF section says: its type, and what it attaches to.

The names are libbpf's (section_defs in libbpf.c, as of 1.5); SEC() in a program's source writes
them. Before libbpf 1.0 the beginning of some was enough.
"""

from __future__ import annotations

import msgspec


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
    "bind": (8, 9),
    "connect": (10, 11, 49),
    "sendmsg": (14, 15, 50),
    "recvmsg": (19, 20, 51),
    "getpeername": (29, 30, 52),
    "getsockname": (31, 32, 53),
}
_SOCKETS = {"sock_create": 2, "sock": 2, "sock_release": 34, "post_bind4": 12, "post_bind6": 13}
_BY_ADDRESS = {
    f"cgroup/{call}{family}": number
    for call, numbers in _ADDRESSES.items()
    for family, number in zip(("4", "6", "_unix"), numbers, strict=False)
}
_ATTACH = {
    **_BY_ADDRESS,
    **{f"cgroup/{each}": number for each, number in _SOCKETS.items()},
    "cgroup/getsockopt": 21,
    "cgroup/setsockopt": 22,
    "cgroup_skb/egress": 1,
    "sk_lookup": 36,
    "netfilter": 45,
    "sk_reuseport/migrate": 40,
    **dict.fromkeys(("xdp/devmap", "xdp.frags/devmap"), 33),
    **dict.fromkeys(("xdp/cpumap", "xdp.frags/cpumap"), 35),
}
"""Numbers of enum bpf_attach_type, where the kernel asks for one when it loads the program
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
    **{f"cgroup/{each}": "cgroup_sock" for each in _SOCKETS},
    **dict.fromkeys(_BY_ADDRESS, "cgroup_sock_addr"),
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
        return Named(_WHOLE[plain], _SAME.get(head, head), target, attach=_ATTACH.get(plain, 0))
    sleepable = head.endswith(".s") and head.removesuffix(".s") in _SLEEPABLE
    kind = head.removesuffix(".s") if sleepable else head
    if kind not in _WITH_TARGET:
        return None
    return Named(_WITH_TARGET[kind], _SAME.get(kind, kind), target, sleepable)
