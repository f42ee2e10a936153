"""What follows for tools that were chosen: the finding, and how to use or get the right one."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.judging.tools.choice import ToolChoice
from bpfdoctor.judging.tools.tool_verdict import STANDARD_PLACES, State
from bpfdoctor.model import ByHand, Evidence, Finding, Fix, Install, Instead, Run, Status

UNCLEAR: frozenset[State] = frozenset({"unclear"})
"""States that say nothing against a tool."""

ASK_MAKE = "run `bpfdoctor check`, which asks make"
"""The way on where a makefile computes what it runs."""

LEAD_THERE = f'export PATH="${{PATH:+$PATH:}}{":".join(STANDARD_PLACES)}"'
"""The mend of a PATH that does not lead to tools which are there; an empty entry of it would be the
working directory."""


def verdict_on(chosen: ToolChoice, good: str, capability: str) -> Finding:
    """Report on a tool; `good` is the summary where it works and make takes it."""
    return verdict_on_all((chosen,), good, capability)


def verdict_on_all(chosen: Sequence[ToolChoice], good: str, capability: str) -> Finding:
    """What follows for tools of one kind, of which a build needs each; the worst decides.

    Where another tool works and the one that make would run does not, plain make fails: that is a
    fail, with the command that works; unknown where the one that make would run does not answer.
    """
    seen = tuple(dict.fromkeys(piece for each in chosen for piece in each.seen))
    unfit = [each for each in chosen if not each.fit]
    others = [each for each in chosen if each.fit and not each.is_default]
    if unfit:
        return _unfit(unfit, seen, capability)
    if not others:
        return Finding(Status.PASS, good, evidence=seen)
    troubles = "; ".join(dict.fromkeys(each.default.trouble for each in others))
    works = ", ".join(dict.fromkeys(each.used.words for each in others))
    summary = f"{troubles}; {works} works"
    off_path = {each.default.state for each in others} == {"off-path"}
    lead = (ByHand(LEAD_THERE),) if off_path else ()
    fixes: tuple[Fix, ...] = (*lead, *_plain(others, capability), _use(others))
    if any(each.default.state in UNCLEAR for each in others):
        return Finding(Status.UNKNOWN, summary, evidence=seen, fixes=fixes)
    return Finding(Status.FAIL, summary, evidence=seen, fixes=fixes)


def _unfit(unfit: Sequence[ToolChoice], seen: tuple[Evidence, ...], capability: str) -> Finding:
    trouble = "; ".join(dict.fromkeys(each.default.trouble for each in unfit))
    states = {each.default.state for each in unfit}
    if states == {"unproven"}:
        build = Run(("bpfdoctor", "check"), text="builds, and so runs it")
        return Finding(Status.WARN, trouble, evidence=seen, fixes=(build,))
    if states <= {*UNCLEAR, "unproven"}:
        words = "; ".join(dict.fromkeys(each.default.words for each in unfit if each.default.argv))
        find_out = ByHand(f"see what it does by hand: {words}" if words else ASK_MAKE)
        return Finding(Status.UNKNOWN, trouble, evidence=seen, fixes=(find_out,))
    if cross := [each for each in unfit if each.cross]:
        names = ", ".join(dict.fromkeys(each.default.words for each in cross))
        install = ByHand(f"install {names}, which the cross build calls, or put it on PATH")
        return Finding(Status.FAIL, trouble, evidence=seen, fixes=(install,))
    mend = ByHand(LEAD_THERE) if states == {"off-path"} else Install((capability,))
    return Finding(Status.FAIL, trouble, evidence=seen, fixes=(mend,))


def _plain(others: Sequence[ToolChoice], capability: str) -> tuple[Install, ...]:
    """The package that makes plain make work: where the tool of the plain name is not there."""
    plain = all(each.default.state == "missing" and each.plain for each in others)
    return (Install((capability,)),) if plain else ()


def _use(others: Sequence[ToolChoice]) -> ByHand:
    instead = Instead(arguments=tuple(each.override for each in others))
    if others[0].variable == "MAKE":
        instead = Instead(make=others[0].used.words)
    return ByHand(f"build with `{instead.command()}`", instead=instead)
