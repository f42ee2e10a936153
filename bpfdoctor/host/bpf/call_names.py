"""The calls that probes make, told apart by what they are and not by how they are printed."""

from __future__ import annotations

from enum import Enum


class Call(Enum):
    """A call that a probe makes; its value is what is printed, recorded and sent for it."""

    BPF = "bpf"
    """bpf(2) with what it refuses whatever the command."""
    PROG_LOAD = "bpf(BPF_PROG_LOAD)"
    MAP_CREATE = "bpf(BPF_MAP_CREATE)"
    MAP_LOOKUP = "bpf(BPF_MAP_LOOKUP_ELEM)"
    BTF_LOAD = "bpf(BPF_BTF_LOAD)"
    RAW_TRACEPOINT_OPEN = "bpf(BPF_RAW_TRACEPOINT_OPEN)"
    LINK_CREATE = "bpf(BPF_LINK_CREATE)"
    PERF_EVENT_OPEN = "perf_event_open"
    EVENT_SET_BPF = "ioctl(PERF_EVENT_IOC_SET_BPF)"
    EVENT_ENABLE = "ioctl(PERF_EVENT_IOC_ENABLE)"
    RAISE_MEMLOCK = "setrlimit(RLIMIT_MEMLOCK, RLIM_INFINITY)"
    PACKET_SOCKET = "socket(AF_PACKET, SOCK_RAW)"
    SOCKET_SET_BPF = "setsockopt(SO_ATTACH_BPF)"
    UNSHARE = "unshare(CLONE_NEWNET)"
    ADD_QDISC = "tc qdisc add dev lo clsact"
    ADD_FILTER = "tc filter add dev lo ingress bpf"

    def __str__(self) -> str:
        return self.value


BY_TEXT = {each.value: each for each in Call}
"""The calls by what is recorded for them."""

BPF_COMMANDS = frozenset(
    {
        *(Call.PROG_LOAD, Call.MAP_CREATE, Call.MAP_LOOKUP, Call.BTF_LOAD),
        *(Call.RAW_TRACEPOINT_OPEN, Call.LINK_CREATE),
    }
)
"""Commands of bpf(2)."""

ATTACHING = frozenset({Call.RAW_TRACEPOINT_OPEN, Call.LINK_CREATE})
"""Calls by which a program that was loaded for one target is attached to it."""
