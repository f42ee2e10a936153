"""How a lost vmlinux.h comes back: from git, where it has the file, else from the kernel.

What lies in its place is set aside: it may be somebody's work.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from bpfdoctor.contract import Context
from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.host.git.submodules import AskSubmodules, Submodules
from bpfdoctor.host.git.tracked import AskTracked, KnownToGit
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.shell_words import to_paste
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.system.files import LookAt, PathFacts
from bpfdoctor.host.system.free_name import free_name
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import ByHand, Fix, Install, Run
from bpfdoctor.visible import visible

BPFTOOLS = ("bpftool", "/usr/sbin/bpftool", "/usr/local/sbin/bpftool")
"""Debian keeps it where a user's PATH does not lead."""

KERNEL_TYPES = "/sys/kernel/btf/vmlinux"
ELSEWHERE = "https://github.com/libbpf/vmlinux.h"
"""Headers of each architecture, ready made."""

MOST_LINKS = 4
"""Links one after the other: checkouts of 2022 have two."""


class _Kept(Struct, frozen=True):
    """One file of the checkout that a repository has: `below` the work tree `tree`.

    `programs` are the settings that name programs which git would run there.
    """

    tree: str
    below: str
    known: KnownToGit
    programs: tuple[str, ...]


def behind_link(name: str, facts: PathFacts) -> str:
    """Name the file to write: the target of a link that stays inside the checkout."""
    return _leads_to(name, facts.target) if facts.target else name


def _leads_to(name: str, link: str) -> str:
    """Where a link at `name` leads, below the checkout; `name` itself if out of it."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
    return name if target.startswith(("/", "../")) else target


def repairs(context: Context, name: str, facts: PathFacts | None = None) -> list[Fix]:
    """Say how the header comes back: what git has of it, else what bpftool writes.

    `facts` are what lies at `name` now, where anything does.
    """
    from_git = list(_from_git(context, name))
    if from_git:
        return from_git
    return dump(context, behind_link(name, facts) if facts else name)


def _from_git(context: Context, name: str) -> Iterator[Fix]:
    """Each file that git has and that is not so any more, from a link to what it leads to."""
    for _ in range(MOST_LINKS):
        kept = _kept_by_git(context, name)
        if kept is None:
            return
        if not kept.known.same:
            yield from _as_kept(context, name, kept)
        target = _leads_to(name, kept.known.link) if kept.known.link else name
        if target == name:
            return
        name = target


def _kept_by_git(context: Context, name: str) -> _Kept | None:
    """Ask the repository that has the file: the checkout's, or that of a submodule."""
    here = context.project
    answer = context.ask(AskSubmodules(here.path))
    known = answer if isinstance(answer, Submodules) else Submodules((), 0)
    tree, below, programs = here.path, name, known.programs
    for submodule in known.found:
        if name.startswith(f"{submodule.path}/") and submodule.commit:
            tree, below = here.inside(submodule.path), name.removeprefix(f"{submodule.path}/")
            programs = (*programs, *submodule.programs)
    tracked = context.ask(AskTracked(tree, below))
    if isinstance(tracked, NoAnswer) or not tracked.tracked:
        return None
    return _Kept(tree, below, tracked, programs)


def _as_kept(context: Context, name: str, kept: _Kept) -> list[Fix]:
    """Write one file as git has it; where git would run the tree's programs, say how."""
    if kept.programs:
        obeyed = visible(f"git would obey {', '.join(kept.programs)}")
        command = to_paste("git", "-C", kept.tree, "checkout", "--", kept.below)
        return [ByHand(f"{obeyed}; if you trust these settings: {command}")]
    path = context.project.inside(name)
    if kept.known.link:
        return [*_room_for(context, name), _link(context, path, kept.known.link)]
    words = ("git", "-C", kept.tree, "cat-file", "blob", f":0:{kept.below}")
    return [*_room_for(context, name), Run(words, text="as git has it", output=path)]


def _link(context: Context, path: str, target: str) -> Run:
    words = ("ln", "-sT", "--", target, path)
    return Run(words, text="as git has it", cwd=context.project.path, undo=("rm", "--", path))


def _room_for(context: Context, name: str) -> list[Fix]:
    """Set aside what lies at the place, and make the directories that lead to it."""
    here = context.project
    path = here.inside(name)
    there = context.ask(LookAt(path))
    if isinstance(there, PathFacts):
        aside = free_name(context.host, f"{path}.aside")
        undo = ("mv", "-nT", "--", aside, path)
        return [
            Run(
                ("mv", "-nT", "--", path, aside), text="kept, not deleted", cwd=here.path, undo=undo
            )
        ]
    absent: list[str] = []
    above = posixpath.dirname(path)
    while above != here.path and _absent(context, above):
        absent.append(above)
        above = posixpath.dirname(above)
    if not absent:
        return []
    back = ("rmdir", "--ignore-fail-on-non-empty", "--", *absent)
    return [Run(("mkdir", "-p", "--", absent[0]), cwd=here.path, undo=back)]


def _absent(context: Context, path: str) -> bool:
    answer = context.ask(LookAt(path))
    return isinstance(answer, NoAnswer) and answer.absent


def relinked(context: Context, name: str, link: str) -> list[Fix]:
    """Say how a link comes back that a copy made a text file of."""
    from_git = list(_from_git(context, name))
    if from_git:
        return from_git
    target = _leads_to(name, link)
    facts = context.ask(LookAt(context.project.inside(target))) if target != name else None
    if isinstance(facts, PathFacts) and facts.target_kind == "file":
        return [*_room_for(context, name), _link(context, context.project.inside(name), link)]
    return dump(context, name)


def dump(context: Context, name: str) -> list[Fix]:
    """Say how bpftool writes it from the running kernel, and how bpftool is installed."""
    why = _why_not_of_this_kernel(context, name)
    if why:
        return [ByHand(f"{why}. Download it from {ELSEWHERE}")]
    fixes = _room_for(context, name)
    looks = {tool: context.ask(FindTool(tool)) for tool in BPFTOOLS}
    if all(isinstance(answer, NoAnswer) and answer.absent for answer in looks.values()):
        fixes.append(Install(("bpftool",)))
    found = [tool for tool, answer in looks.items() if not isinstance(answer, NoAnswer)]
    argv = (*[*found, "bpftool"][:1], "btf", "dump", "file", KERNEL_TYPES, "format", "c")
    output = context.project.inside(name)
    return [*fixes, Run(argv, text="from the running kernel", output=output, undo=("rm", output))]


def _why_not_of_this_kernel(context: Context, name: str) -> str:
    """Why the running kernel's types are not those that are sought; empty if they are."""
    running = context.ask(AskKernel())
    own = target_architecture(running.architecture) if isinstance(running, Kernel) else ""
    asked = context.project.setting("ARCH").value
    if own and asked and asked != own and asked in name.split("/"):
        return f"bpftool writes it for {own}, and the build is for {asked}"
    if _absent(context, KERNEL_TYPES):
        return f"bpftool cannot write it: this kernel has no {KERNEL_TYPES}"
    return ""
