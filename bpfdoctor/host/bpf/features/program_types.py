"""enum bpf_prog_type."""

from __future__ import annotations

from bpfdoctor.host.bpf.features.feature import ProgramType
from bpfdoctor.host.bpf.uapi import BPF_F_SLEEPABLE

PROGRAM_TYPES = {
    "socket_filter": ProgramType(1, "3.19", "ddd872bc3098", needs="CONFIG_NET"),
    "kprobe": ProgramType(2, "4.1", "2541517c32be", needs="CONFIG_BPF_EVENTS"),
    "sched_cls": ProgramType(3, "4.1", "96be4325f443", needs="CONFIG_NET"),
    "sched_act": ProgramType(4, "4.1", "94caee8c312d", needs="CONFIG_NET"),
    "tracepoint": ProgramType(5, "4.7", "98b5c2c65c29", needs="CONFIG_BPF_EVENTS"),
    "xdp": ProgramType(6, "4.8", "6a773a15a1e8", needs="CONFIG_NET"),
    "perf_event": ProgramType(7, "4.9", "0515e5999a46", needs="CONFIG_BPF_EVENTS"),
    "cgroup_skb": ProgramType(8, "4.10", "0e33661de493", needs="CONFIG_CGROUP_BPF"),
    "cgroup_sock": ProgramType(9, "4.10", "610236587600", needs="CONFIG_CGROUP_BPF"),
    "lwt_in": ProgramType(10, "4.10", "3a0af8fd61f9", needs="CONFIG_NET"),
    "lwt_out": ProgramType(11, "4.10", "3a0af8fd61f9", needs="CONFIG_NET"),
    "lwt_xmit": ProgramType(12, "4.10", "3a0af8fd61f9", needs="CONFIG_NET"),
    "sock_ops": ProgramType(13, "4.13", "40304b2a1567", needs="CONFIG_NET"),
    "sk_skb": ProgramType(14, "4.14", "b005fd189cec", needs="CONFIG_NET"),
    "cgroup_device": ProgramType(15, "4.15", "ebc614f68736", needs="CONFIG_CGROUP_BPF"),
    "sk_msg": ProgramType(16, "4.17", "4f738adba30a", needs="CONFIG_NET"),
    "raw_tracepoint": ProgramType(17, "4.17", "c4f6699dfcb8", needs="CONFIG_BPF_EVENTS"),
    "cgroup_sock_addr": ProgramType(
        18, "4.17", "4fbac77d2d09", needs="CONFIG_CGROUP_BPF", attach="cgroup_inet4_connect"
    ),
    "lwt_seg6local": ProgramType(19, "4.18", "004d4b274e2a", needs="CONFIG_NET"),
    "lirc_mode2": ProgramType(20, "4.18", "f4364dcfc86d", needs="CONFIG_BPF_LIRC_MODE2"),
    "sk_reuseport": ProgramType(21, "4.19", "2dbb9b9e6df6", needs="CONFIG_INET"),
    "flow_dissector": ProgramType(22, "4.20", "d58e468b1112", needs="CONFIG_NET"),
    "cgroup_sysctl": ProgramType(23, "5.2", "7b146cebe30c", needs="CONFIG_CGROUP_BPF"),
    "raw_tracepoint_writable": ProgramType(24, "5.2", "9df1c28bb752", needs="CONFIG_BPF_EVENTS"),
    "cgroup_sockopt": ProgramType(
        25, "5.3", "0d01da6afc54", needs="CONFIG_CGROUP_BPF", attach="cgroup_getsockopt"
    ),
    "tracing": ProgramType(
        26, "5.5", "f1b9509c2fb0", needs="CONFIG_BPF_EVENTS", attach="trace_fentry", targeted=True
    ),
    "struct_ops": ProgramType(27, "5.6", "27ae7997a661", needs="CONFIG_BPF_JIT", targeted=True),
    "ext": ProgramType(28, "5.6", "be8704ff07d2", needs="CONFIG_BPF_JIT", targeted=True),
    "lsm": ProgramType(
        29, "5.7", "fc611f47f218", needs="CONFIG_BPF_LSM", attach="lsm_mac", targeted=True
    ),
    "sk_lookup": ProgramType(30, "5.9", "e9ddbb7707ff", needs="CONFIG_INET", attach="sk_lookup"),
    "syscall": ProgramType(31, "5.14", "79a7f8bdb159", flags=BPF_F_SLEEPABLE),
    "netfilter": ProgramType(
        32, "6.4", "fd9c663b9ad6", needs="CONFIG_NETFILTER_BPF_LINK", attach="netfilter"
    ),
}
"""By name. What a program attaches to, the kernel asks when it loads one of some types: from
bpf_prog_load_check_attach_type of kernel/bpf/syscall.c; libbpf_probes.c does the same."""

LOADABLE = tuple(name for name, each in PROGRAM_TYPES.items() if not each.targeted)
"""Program types of which a probe can load one."""
