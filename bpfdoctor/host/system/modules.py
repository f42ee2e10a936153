"""The question which kernel modules would be loaded when a program needs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

TREES = Path("/lib/modules")
"""A directory of modules for each kernel release; modules.dep and modules.builtin are depmod's."""

DISABLED = Path("/proc/sys/kernel/modules_disabled")
"""1 once nobody may load a module any more (Linux 2.6.31, commit 3d43321b7015)."""

LOADED = Path("/sys/module")


class Modules(Answer, frozen=True):
    """Of the modules asked for: those not there yet that the kernel would load when needed.

    `lacking` are those that are neither there nor to be loaded, as far as files tell: they may
    still be part of a kernel that does not say so.
    """

    loadable: tuple[str, ...]
    lacking: tuple[str, ...] = ()

    def shown(self) -> str:
        lacking = f"; not found: {', '.join(self.lacking)}" if self.lacking else ""
        return f"to be loaded when needed: {', '.join(self.loadable) or '(none)'}{lacking}"


class AskLoadable(Question[Modules], frozen=True):
    """Which of these modules are not there, and whether the kernel could load them.

    It could where modules may be loaded at all, and the file that modules.dep names is there, with
    those that it depends on.
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
        loadable = [each for each in absent if each in files and _may_load(tree, files[each])]
        return Modules(tuple(loadable), tuple(each for each in absent if each not in loadable))

    def source(self) -> str:
        return f"grep -E '{'|'.join(self.names)}' /lib/modules/$(uname -r)/modules.dep; {DISABLED}"


def _listed(index: Path) -> dict[str, list[str]]:
    """The files of each line of depmod's index, by the module's name; none without an index."""
    try:
        lines = index.read_text(errors="backslashreplace").splitlines()
    except FileNotFoundError:
        return {}
    files = [line.replace(":", " ", 1).split() for line in lines if line.strip()]
    return {Path(each[0]).name.partition(".ko")[0].replace("-", "_"): each for each in files}


def _may_load(tree: Path, files: list[str]) -> bool:
    try:
        allowed = DISABLED.read_text().strip() == "0"
    except OSError:  # a kernel without modules
        return False
    return allowed and all((tree / each).is_file() for each in files)
