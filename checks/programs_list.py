"""Which programs the makefile builds: its list, as make would read it."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, ProgramList, Run
from bpfdoctor.api import blocked, check, passed, unknown


@check(
    "checkout.programs",
    title="list of programs",
    applies=lambda project: bool(project.path and project.listing),
    excused_by=("toolchain.make", "toolchain.commands"),  # make is asked for a computed list
)
def programs_list(context: Context) -> Finding | None:
    """The makefile's list of programs can be read, as make would read it.

    bpfdoctor judges the programs that the makefile lists (in APPS), and reads the list without
    running anything of the makefile. What make takes from elsewhere (`$(wildcard …)`, `$(shell …)`,
    an included makefile) is not followed: then the programs are those whose sources lie beside the
    makefile, and whether make would build them is not known. `bpfdoctor check` asks make itself,
    for it builds; with `--no-smoke` nothing of the makefile is run. Programs whose sources are
    there and that the list lacks are named: make does not build them. What to do: run
    `bpfdoctor check`, or add a program to the list.
    """
    here, listing = context.project, context.project.listing
    if listing is None:
        return None
    if listing.how == "kind":
        return blocked(listing.computed, ["checkout.project"])
    seen = [Evidence(here.inside(listing.makefile), f"{listing.variable}: {_words(context)}")]
    if listing.how != "sources":
        return passed(_listed(context, listing), seen=seen)
    why = f"the list is computed: {listing.computed}"
    if listing.said:
        by_hand = ByHand(f"ask make by hand: make -C {here.inside(_directory(context))} -pn")
        seen = [Evidence("make", listing.said)]
        return unknown(f"{why}; make does not tell", seen=seen, fixes=[by_hand])
    ask = Run(("bpfdoctor", "check"), text="builds, and so may ask make")
    return unknown(why, seen=seen, fixes=[ask])


def _words(context: Context) -> str:
    return " ".join(context.project.programs)


def _directory(context: Context) -> str:
    build = context.project.kind.build
    return build.directory if build else ""


def _listed(context: Context, listing: ProgramList) -> str:
    count = len(context.project.programs)
    programs = f"{count} program{'s' * (count != 1)}"
    source = f"{listing.variable} in {listing.makefile}"
    asked = ", as make computes it" if listing.how == "asked" else ""
    lacking = ", ".join(listing.unlisted)
    others = f"; not in it, though their sources are there: {lacking}" if lacking else ""
    return f"{programs}, from {source}{asked}{others}"
