"""enum bpf_map_type."""

from __future__ import annotations

from bpfdoctor.host.bpf.features.feature import MapType
from bpfdoctor.host.bpf.uapi import BPF_F_MMAPABLE, BPF_F_NO_PREALLOC


def _storage(number: int, since: str, commit: str, needs: str = "") -> MapType:
    """What belongs to a socket, an inode, a task or a cgroup."""
    flags = BPF_F_NO_PREALLOC
    return MapType(number, since, commit, needs, entries=0, flags=flags, typed=True)


MAP_TYPES = {
    "hash": MapType(1, "3.19", "0f8e4bd8a1fc"),
    "array": MapType(2, "3.19", "28fbcfa08d8e"),
    "prog_array": MapType(3, "4.2", "04fd61ab36ec"),
    "perf_event_array": MapType(4, "4.3", "ea317b267e9d", needs="CONFIG_PERF_EVENTS"),
    "percpu_hash": MapType(5, "4.6", "824bd0ce6c7c"),
    "percpu_array": MapType(6, "4.6", "a10423b87a7e"),
    "stack_trace": MapType(7, "4.6", "d5a3b1f69186", needs="CONFIG_PERF_EVENTS", value_size=8),
    "cgroup_array": MapType(8, "4.8", "4ed8ec521ed5", needs="CONFIG_CGROUPS"),
    "lru_hash": MapType(9, "4.10", "29ba732acbee"),
    "lru_percpu_hash": MapType(10, "4.10", "8f8449384ec3"),
    "lpm_trie": MapType(
        11, "4.11", "b95a5c4db09b", key_size=8, value_size=8, flags=BPF_F_NO_PREALLOC
    ),
    "array_of_maps": MapType(12, "4.12", "56f668dfe00d", of_maps=True),
    "hash_of_maps": MapType(13, "4.12", "bcc6b1b7ebf8", of_maps=True),
    "devmap": MapType(14, "4.14", "546ac1ffb70d", needs="CONFIG_NET"),
    "sockmap": MapType(15, "4.14", "174a79ff9515", needs="CONFIG_NET"),
    "cpumap": MapType(16, "4.15", "6710e1126934", needs="CONFIG_NET"),
    "xskmap": MapType(17, "4.18", "fbfc504a24f5", needs="CONFIG_XDP_SOCKETS"),
    "sockhash": MapType(18, "4.18", "81110384441a", needs="CONFIG_NET"),
    "cgroup_storage": MapType(
        19, "4.19", "de9cbbaadba5", needs="CONFIG_CGROUP_BPF", key_size=16, value_size=8, entries=0
    ),
    "reuseport_sockarray": MapType(20, "4.19", "5dc4c4b7d4e8", needs="CONFIG_INET"),
    "percpu_cgroup_storage": MapType(
        21, "4.20", "b741f1630346", needs="CONFIG_CGROUP_BPF", key_size=16, value_size=8, entries=0
    ),
    "queue": MapType(22, "4.20", "f1a2e44a3aec", key_size=0),
    "stack": MapType(23, "4.20", "f1a2e44a3aec", key_size=0),
    "sk_storage": _storage(24, "5.2", "6ac99e8f23d4", needs="CONFIG_NET"),
    "devmap_hash": MapType(25, "5.4", "6f9d451ab1a3", needs="CONFIG_NET"),
    "struct_ops": MapType(26, "5.6", "85d33df357b6", needs="CONFIG_BPF_JIT"),
    "ringbuf": MapType(27, "5.8", "457f44363a88", key_size=0, value_size=0, entries=4096),
    "inode_storage": _storage(28, "5.10", "8ea636848aca", needs="CONFIG_BPF_LSM"),
    "task_storage": _storage(29, "5.11", "4cf1bc1f1045"),
    "bloom_filter": MapType(30, "5.16", "9330986c0300", key_size=0),
    "user_ringbuf": MapType(31, "6.1", "583c1f420173", key_size=0, value_size=0, entries=4096),
    "cgrp_storage": _storage(32, "6.2", "c4bcfb38a95e", needs="CONFIG_CGROUPS"),
    "arena": MapType(
        33,
        "6.9",
        "317460317a02",
        needs="CONFIG_MMU",
        key_size=0,
        value_size=0,
        flags=BPF_F_MMAPABLE,
    ),
    "insn_array": MapType(34, "6.19", "b4ce5923e780", value_size=16),
}
"""By name. Sizes and flags are as in libbpf_probes.c."""

STORAGE = tuple(each.number for each in MAP_TYPES.values() if each.typed)
"""Maps whose keys and values have types
(bpf_local_storage_map_alloc_check of kernel/bpf/bpf_local_storage.c)."""

OF_MAPS = tuple(each.number for each in MAP_TYPES.values() if each.of_maps)
"""Maps of maps: libbpf makes one that they hold first."""

RINGS = tuple(MAP_TYPES[name].number for name in ("ringbuf", "user_ringbuf"))
"""Ring buffers, of which the entries are bytes."""
