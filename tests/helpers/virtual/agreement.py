"""Holding what bpfdoctor predicted of programs against what they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

STAGES = ("load", "attach", "fires")
"""The stages that a guest can show; programs are built elsewhere."""


def truth(seen: Mapping[str, bool | None]) -> dict[str, bool | None]:
    """Each stage: it worked, it did not, or nobody could see. What cannot load cannot attach."""
    found: dict[str, bool | None] = {}
    stopped = False
    for stage in STAGES:
        found[stage] = False if stopped else seen.get(stage)
        stopped = stopped or seen.get(stage) is False
    return found


def disagreements(
    programs: Mapping[str, Mapping[str, Mapping[str, Any]]],
    seen: Mapping[str, Mapping[str, Any]],
    *,
    decided: bool,
) -> Iterator[str]:
    """A line for each stage of which something else was predicted than seen.

    `decided`: nothing may be left `unknown`, but what rests on helpers that a program asks for
    before it calls them: recorded facts hold no code.
    """
    for name, what in seen.items():
        for stage, worked in truth(what["stages"]).items():
            said = programs[name][stage]
            line = f"{name} {stage}: {said['readiness']} {said['because']}, and it"
            if said["readiness"] == "ready" and worked is False:
                yield f"{line} did not work: {what['output']}"
            elif said["readiness"] == "not-ready" and worked is True:
                yield f"{line} worked"
            elif said["readiness"] == "unknown" and decided and not asks_first(said["because"]):
                yield f"{line} {'worked' if worked else 'did not work'}: {what['output'][-300:]}"


def asks_first(because: Sequence[str]) -> bool:
    """Whether only helpers are in the way, of code that asks what there is."""
    return bool(because) and all(key.split("[")[0].endswith(".helpers") for key in because)


def table(
    programs: Mapping[str, Mapping[str, Mapping[str, Any]]], seen: Mapping[str, Mapping[str, Any]]
) -> str:
    """Predicted and seen, side by side, for a person."""
    words = {True: "yes", False: "no", None: "?"}
    lines = []
    for name, what in seen.items():
        real = truth(what["stages"])
        cells = [
            f"{stage} {programs[name][stage]['readiness']}/{words[real[stage]]}" for stage in STAGES
        ]
        lines.append(f"{name:18} " + "  ".join(f"{cell:22}" for cell in cells))
    return "\n".join(lines)
