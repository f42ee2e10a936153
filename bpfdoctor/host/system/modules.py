"""The question which kernel modules would be loaded when a program needs them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.module_loader import ModuleLoader, asked_for, loader_of

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TREES = Path("/lib/modules")
"""A directory of modules for each kernel release; its indexes (modules.dep, …) are depmod's."""

DISABLED = Path("/proc/sys/kernel/modules_disabled")
"""1 once nobody may load a module any more (Linux 2.6.31, commit 3d43321b7015)."""

LOADED = Path("/sys/module")
COMMAND_LINE = Path("/proc/cmdline")


class Modules(Answer, frozen=True):
    """Of the modules asked for: those not there yet that the kernel would load when needed.

    `lacking` are those that are neither there nor to be loaded, as far as files tell: they may
    still be part of a kernel that does not say so. `kept_out` says of those whose files are there
    what keeps the kernel from loading them, by module; `doubtful` of which that is not known.
    """

    loadable: tuple[str, ...]
    lacking: tuple[str, ...] = ()
    kept_out: tuple[tuple[str, str], ...] = ()
    doubtful: tuple[tuple[str, str], ...] = ()

    def shown(self) -> str:
        lacking = f"; not found: {', '.join(self.lacking)}" if self.lacking else ""
        lines = [f"to be loaded when needed: {', '.join(self.loadable) or '(none)'}{lacking}"]
        lines += [f"{name}: not loaded: {why}" for name, why in self.kept_out]
        lines += [f"{name}: {why}" for name, why in self.doubtful]
        return "\n".join(lines)


class AskLoadable(Question[Modules], frozen=True):
    """Which of these modules are not there, and whether the kernel would load them.

    It would where modules may be loaded at all, where the file that modules.dep names is there,
    with those that it depends on, and where the program of kernel.modprobe would load it by the
    name that the kernel asks for.
    """

    names: tuple[str, ...]
    asks = "kernel"

    def put(self, machine: Machine) -> Modules | NoAnswer:
        tree = TREES / os.uname().release
        try:
            files, builtin = _listed(tree / "modules.dep"), _listed(tree / "modules.builtin")
        except OSError as error:
            return NoAnswer.from_error(error)
        absent = [each for each in self.names if not (LOADED / each).is_dir()]
        absent = [each for each in absent if each not in builtin]
        there = [each for each in absent if each in files and _are_files(tree, files[each])]
        lacking = [each for each in absent if each not in there]
        return _judged(machine, tree, there, lacking)

    def source(self) -> str:
        return (
            f"grep -E '{'|'.join(self.names)}' /lib/modules/$(uname -r)/modules.dep; {DISABLED}; "
            "$(sysctl -n kernel.modprobe) --show-depends"
        )


def _judged(machine: Machine, tree: Path, there: list[str], lacking: list[str]) -> Modules:
    closed = _closed()
    if closed is None:  # a kernel without modules
        return Modules((), (*there, *lacking))
    loader = loader_of(machine) if there else ModuleLoader()
    said = {each: _said(machine, tree, loader, each, closed) for each in there}
    return Modules(
        tuple(each for each, word in said.items() if word is None),
        tuple(lacking),
        tuple((each, word.why) for each, word in said.items() if word and word.certain),
        tuple((each, word.why) for each, word in said.items() if word and not word.certain),
    )


def _said(
    machine: Machine, tree: Path, loader: ModuleLoader, name: str, closed: str
) -> ModuleLoader | None:
    """What keeps a module out; None where nothing does."""
    if closed or name in _forbidden():
        return ModuleLoader(
            why=closed or "module_blacklist= on the kernel's command line", certain=True
        )
    return loader if loader.why else asked_for(machine, loader, name, _aliases(tree))


def _closed() -> str | None:
    """Say that nobody may load a module any more; None in a kernel without modules."""
    try:
        allowed = DISABLED.read_text().strip() == "0"
    except OSError:
        return None
    return "" if allowed else f"{DISABLED} is 1, until the next boot"


def _forbidden() -> set[str]:
    """The modules that the kernel itself refuses (Linux 4.8, commit be7de5f91fdc)."""
    try:
        line = COMMAND_LINE.read_text(errors="replace")
    except OSError:
        return set()
    lists = re.findall(r"(?:^|\s)module_blacklist=(\S*)", line)
    return {name.replace("-", "_") for each in lists for name in each.split(",")}


def _aliases(tree: Path) -> str:
    try:
        return (tree / "modules.alias").read_text(errors="backslashreplace")
    except OSError:
        return ""


def _listed(index: Path) -> dict[str, list[str]]:
    """The files of each line of depmod's index, by the module's name; none without an index."""
    try:
        lines = index.read_text(errors="backslashreplace").splitlines()
    except FileNotFoundError:
        return {}
    files = [line.replace(":", " ", 1).split() for line in lines if line.strip()]
    return {Path(each[0]).name.partition(".ko")[0].replace("-", "_"): each for each in files}


def _are_files(tree: Path, files: list[str]) -> bool:
    return all((tree / each).is_file() for each in files)
