"""Numbers of linux/bpf.h, by the names of its enumerators in lower case."""

from __future__ import annotations

PROGRAM_TYPES = {
    "socket_filter": 1,
    "kprobe": 2,
    "sched_cls": 3,
    "sched_act": 4,
    "tracepoint": 5,
    "xdp": 6,
    "perf_event": 7,
    "cgroup_skb": 8,
    "cgroup_sock": 9,
    "lwt_in": 10,
    "lwt_out": 11,
    "lwt_xmit": 12,
    "sock_ops": 13,
    "sk_skb": 14,
    "cgroup_device": 15,
    "sk_msg": 16,
    "raw_tracepoint": 17,
    "cgroup_sock_addr": 18,
    "lwt_seg6local": 19,
    "lirc_mode2": 20,
    "sk_reuseport": 21,
    "flow_dissector": 22,
    "cgroup_sysctl": 23,
    "raw_tracepoint_writable": 24,
    "cgroup_sockopt": 25,
    "tracing": 26,
    "lsm": 29,
    "sk_lookup": 30,
    "syscall": 31,
    "netfilter": 32,
}
"""enum bpf_prog_type: those that a probe names."""

BY_BTF_ID = ("tracing", "lsm")
"""Program types that do not load without the BTF id of what they attach to."""

LOADABLE = tuple(each for each in PROGRAM_TYPES if each not in BY_BTF_ID)
"""Program types of which a probe can load one."""

ATTACH_TYPES = {
    "cgroup_inet4_connect": 10,
    "cgroup_getsockopt": 21,
    "tp_btf": 23,
    "fentry": 24,
    "fexit": 25,
    "fmod_ret": 26,
    "lsm": 27,
    "iter": 28,
    "sk_lookup": 36,
    "netfilter": 45,
}
"""enum bpf_attach_type, in short: those that a probe names."""

MUST_NAME = {
    "cgroup_sock_addr": "cgroup_inet4_connect",
    "cgroup_sockopt": "cgroup_getsockopt",
    "sk_lookup": "sk_lookup",
    "netfilter": "netfilter",
}
"""What a program of these types attaches to is looked at when it is loaded: one that will do.

From bpf_prog_load_check_attach_type of kernel/bpf/syscall.c; libbpf_probes.c does the same.
"""

SLEEPABLE = 1 << 4
"""BPF_F_SLEEPABLE, without which no program of the type `syscall` loads (Linux 5.14)."""

XDP_HAS_FRAGS = 1 << 5
"""BPF_F_XDP_HAS_FRAGS (Linux 5.18, commit c2f2cdbeffda)."""

MAP_TYPES = {
    "hash": 1,
    "array": 2,
    "perf_event_array": 4,
    "ringbuf": 27,
}
"""enum bpf_map_type: those that a probe names."""

HELPERS = {
    "map_lookup_elem": 1,
    "probe_read": 4,
    "trace_printk": 6,
    "perf_event_output": 25,
    "probe_write_user": 36,
    "probe_read_str": 45,
    "override_return": 58,
    "probe_read_user": 112,
    "probe_read_kernel": 113,
    "probe_read_user_str": 114,
    "probe_read_kernel_str": 115,
    "get_ns_current_pid_tgid": 120,
    "ringbuf_reserve": 131,
    "ktime_get_coarse_ns": 160,
    "get_attach_cookie": 174,
    "trace_vprintk": 177,
}
"""enum bpf_func_id: those that a probe names."""
