"""How a lost vmlinux.h comes back: from git, where it tracks the file, else from the kernel."""

from __future__ import annotations

import posixpath

from bpfdoctor.contract import Context
from bpfdoctor.host.git.submodules import AskSubmodules, Submodules
from bpfdoctor.host.git.tracked import AskTracked, KnownToGit
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.shell_words import to_paste
from bpfdoctor.host.system.files import LookAt, PathFacts
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import ByHand, Fix, Install, Run

BPFTOOLS = ("bpftool", "/usr/sbin/bpftool", "/usr/local/sbin/bpftool")
"""Debian keeps it where a user's PATH does not lead."""


def behind_link(name: str, facts: PathFacts) -> str:
    """Name the file to write: the target of a link that stays inside the checkout."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), facts.target or name))
    honest = facts.target and not target.startswith(("/", "../"))
    return target if honest else name


def repairs(context: Context, name: str) -> list[Fix]:
    """Say how the header comes back: from git where it tracks the file, else by bpftool."""
    here = context.project
    answer = context.ask(AskSubmodules(here.path))
    for submodule in answer.found if isinstance(answer, Submodules) else ():
        if name.startswith(f"{submodule.path}/") and submodule.commit:
            words = ("git", "-C", here.inside(submodule.path), "checkout", "--")
            return [ByHand(to_paste(*words, name.removeprefix(f"{submodule.path}/")))]
    tracked = context.ask(AskTracked(here.path, name))
    if isinstance(tracked, KnownToGit) and tracked.tracked:
        return [ByHand(to_paste("git", "-C", here.path, "checkout", "--", name))]
    return dump(context, here.inside(name))


def dump(context: Context, path: str) -> list[Fix]:
    """Say how bpftool writes it from the running kernel, and how bpftool is installed."""
    fixes: list[Fix] = []
    directory = posixpath.dirname(path)
    facts = context.ask(LookAt(directory))
    if isinstance(facts, NoAnswer) and facts.absent:
        fixes.append(Run(("mkdir", "-p", directory), cwd=context.project.path))
    looks = {tool: context.ask(FindTool(tool)) for tool in BPFTOOLS}
    if all(isinstance(answer, NoAnswer) and answer.absent for answer in looks.values()):
        fixes.append(Install(("bpftool",)))
    found = [tool for tool, answer in looks.items() if not isinstance(answer, NoAnswer)]
    argv = (*[*found, "bpftool"][:1], "btf", "dump", "file", "/sys/kernel/btf/vmlinux")
    dump = (*argv, "format", "c")
    return [*fixes, Run(dump, text="from the running kernel", output=path, undo=("rm", path))]
