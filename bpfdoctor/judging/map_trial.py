"""How a map that an object defines is tried: as it is, or with fewer entries."""

from __future__ import annotations

from bpfdoctor.host.bpf.features.map_types import MAP_TYPES, OF_MAPS, RINGS, STORAGE
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.elf.maps import ObjectMap

HASH = tuple(
    MAP_TYPES[name].number for name in ("hash", "percpu_hash", "lru_hash", "lru_percpu_hash")
)
PERF_EVENTS, STRUCT_OPS = MAP_TYPES["perf_event_array"].number, MAP_TYPES["struct_ops"].number

MOST = 1 << 22
"""Bytes that a map may take for a moment: of a larger one, fewer entries are made."""

BESIDE = 64
"""Bytes that an entry may take beside key and value."""


def map_trial(each: ObjectMap) -> TryMap | None:
    """How a map of an object is made.

    None for one of which another must be made first, and for one that is too large.
    """
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
