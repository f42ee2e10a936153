"""A closer look at one submodule: the state of its files, and the repository they come from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.git.plumbing import Refusal, ask_git, ask_git_again
from bpfdoctor.host.git.repository import (
    detached,
    index_of,
    is_half,
    kept_for,
    looks_broken,
    not_to_be_read,
    repository_of,
    with_those_below,
)
from bpfdoctor.host.git.settings import programs_in, programs_named
from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.git.worktree import compare, tracked_files
from bpfdoctor.host.process import OUTPUT_LIMIT

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

MOST_LOST = 1000
"""Absent files that are named; a work tree without any of its own may lack more."""

LOOKED_AT = ("missing", "empty", "bare", "filled")
"""Places in which git may be at work; what is anywhere else is left alone."""


def look_closer(machine: Machine, tree: str, known: Submodule) -> Submodule:
    """What git and its files tell of a submodule of the work tree `tree`."""
    if known.place not in LOOKED_AT:
        return known
    place = f"{tree}/{known.path}"
    own, kept = repository_of(place), kept_for(repository_of(tree), known.name)
    if isinstance(kept, Refusal):
        return undetermined(known, kept)
    known = replace(known, kept=kept, half=_half(known, own, kept))
    if known.half:
        return known
    if known.place in ("bare", "filled"):
        known = replace(known, nested=os.path.lexists(f"{place}/.gitmodules"))
        known = _state(machine, place, known)
    elif kept and looks_broken(kept):
        known = undetermined(known, Refusal("broken", looks_broken(kept)))
    return known if known.trouble else _with_programs(machine, tree, known, own)


def undetermined(known: Submodule, refusal: Refusal) -> Submodule:
    """A submodule of which git did not tell more, and why."""
    return replace(known, trouble=refusal.trouble, unknown=refusal.detail)


def _half(known: Submodule, own: str, kept: str) -> bool:
    """Whether all that there is of it is what a fetch that was cut off left."""
    bare = known.place == "bare" and own and os.path.realpath(own) == os.path.realpath(kept)
    return bool(kept) and (known.place in ("missing", "empty") or bool(bare)) and is_half(kept)


def _with_programs(machine: Machine, tree: str, known: Submodule, own: str) -> Submodule:
    """With the settings that git would obey when it fills it, and what is nested in it."""
    there = known.place in ("bare", "filled")
    repository = own if there else known.kept
    every = with_those_below(repository) if repository else ()
    if isinstance(every, Refusal):
        return undetermined(known, every)
    named = programs_named(machine, f"{tree}/{known.path}") if there else ()
    below = programs_in(machine, tree, every[1:] if there else every)
    for programs in (named, below):
        if isinstance(programs, Refusal):
            return undetermined(known, programs)
        known = replace(known, programs=(*known.programs, *programs))
    return known


def _state(machine: Machine, tree: str, known: Submodule) -> Submodule:
    """The state of a submodule that git knows: its commit, and how its files compare with it."""
    if not os.path.lexists(f"{tree}/.git"):
        return undetermined(known, Refusal("not-a-repository", "it has no .git of its own"))
    head = detached(repository_of(tree)) or _head(machine, tree)
    if isinstance(head, Refusal):
        return undetermined(known, head)
    if odd := not_to_be_read(repository_of(tree)):
        return undetermined(known, Refusal("broken", odd))
    index = index_of(tree)
    listing = ask_git_again(machine, tree, index, "ls-files", "--stage", "--debug", "-z")
    if isinstance(listing, Refusal):
        return undetermined(known, listing)
    if len(listing) >= OUTPUT_LIMIT:
        return undetermined(known, Refusal("broken", "git lists more of its index than is read"))
    known = replace(known, commit=head[0], shallow=head[1])
    seen = compare(tree, tracked_files(listing))
    known = replace(known, branch=_branch(machine, tree) if known.moved else "")
    return replace(
        known,
        tracked=seen.tracked,
        absent=len(seen.absent),
        changed=len(seen.changed),
        uncompared=seen.uncompared,
        examples=tuple(decoded(path) for path in (*seen.absent, *seen.changed)[:3]),
        lost=tuple(decoded(path) for path in (*seen.absent, *seen.replaced)[:MOST_LOST]),
    )


def _head(machine: Machine, tree: str) -> tuple[str, bool] | Refusal:
    """The commit that is checked out, by git's word, and whether the repository is shallow."""
    # --default, unlike HEAD itself, is no error where there is no commit yet
    told = ask_git(machine, tree, "rev-parse", "--is-shallow-repository", "--default", "HEAD")
    if isinstance(told, Refusal):
        return told
    shallow, commit = told.decode(errors="replace").split("\n")[:2]
    return commit, shallow == "true"


def _branch(machine: Machine, tree: str) -> str:
    """The branch that is checked out; empty for a detached HEAD, whose commit no name may keep."""
    name = ask_git(machine, tree, "symbolic-ref", "--quiet", "HEAD")
    return "" if isinstance(name, Refusal) else decoded(name).strip()
