"""The table of features, held against what a kernel lists and what it says to probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bpfdoctor.host.bpf.features.attach_types import ATTACH_TYPES
from bpfdoctor.host.bpf.features.feature import Feature, Helper
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.system.facts import kernel_version


class Enumeration(NamedTuple):
    """One of linux/bpf.h: what its enumerators begin with, and ours of them."""

    prefix: str
    features: Mapping[str, Feature]

    def enumerator(self, name: str) -> str:
        """As linux/bpf.h has it; of helpers alone the names are in lower case."""
        return self.prefix + (name if self.features is HELPERS else name.upper())


ENUMERATIONS = {
    "bpf_prog_type": Enumeration("BPF_PROG_TYPE_", PROGRAM_TYPES),
    "bpf_map_type": Enumeration("BPF_MAP_TYPE_", MAP_TYPES),
    "bpf_attach_type": Enumeration("BPF_", ATTACH_TYPES),
    "bpf_func_id": Enumeration("BPF_FUNC_", HELPERS),
}

NEWEST = max(each.release for known in ENUMERATIONS.values() for each in known.features.values())
"""The release up to which the table is complete."""


def misnumbered(
    known: Enumeration, listed: Mapping[str, int], release: tuple[int, int]
) -> Iterator[str]:
    """What an enumeration of a kernel, or of a header, contradicts of names, numbers, releases."""
    ours = {known.enumerator(name): each for name, each in known.features.items()}
    for name, each in ours.items():
        if listed.get(name, each.number) != each.number:
            yield f"{name} is {listed[name]}, not {each.number}"
        if (name in listed) is not (each.release <= release):
            yield f"{name}: since {each.since}, but {'listed' if name in listed else 'not listed'}"
    for name in listed if release <= NEWEST else ():
        if name not in ours and not name.startswith("__") and "UNSPEC" not in name.upper():
            yield from (f"{name} is not known" for _ in (1,) if not name.endswith("_DEPRECATED"))


def contradictions(found: Mapping[str, Any], *, decided: bool) -> Iterator[str]:
    """What `tests/vm/features.py` found on a kernel that belies the table, a line each.

    `decided`: nothing may have been refused for another reason than that it is not there.
    """
    release = kernel_version(found["release"])
    for title, known in ENUMERATIONS.items():
        yield from misnumbered(known, found["listed"][title], release)
        for name, said in found["probed"].get(title, {}).items():
            each = known.features[name]
            if said == "known" and each.release > release:
                yield f"{title} {name}: since {each.since}, but it works"
            elif said == "known" or each.release > release or _left_out(each, found):
                continue
            elif said == "unknown" or decided:
                yield f"{title} {name}: since {each.since}, but {said}"


def _left_out(feature: Feature, found: Mapping[str, Any]) -> bool:
    """The kernel was built without it, or without programs that may call it."""
    program = PROGRAM_TYPES[feature.program] if isinstance(feature, Helper) else None
    needs = {each.needs for each in (feature, program) if each and each.needs}
    return any(found["options"].get(option) == "n" for option in needs)
