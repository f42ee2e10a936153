"""The program that the kernel has its modules loaded by, and what it would do for a module."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SETTING = Path("/proc/sys/kernel/modprobe")

NOTHING = ("true", "false", "nologin")
"""Programs that load nothing, by which modules are commonly kept out."""

MODPROBE = "modprobe"

REQUESTS = {
    "sch_ingress": ("net-sch-clsact", "sch_clsact"),
    "cls_bpf": ("net-cls-bpf", "cls_bpf"),
}
"""What the kernel asks for: since Linux 6.9 (commit 2c15a5aee2f3) by an alias of its own kind,
which modules.alias then has; before, by the second. Where both stand for another name, a
`blacklist` line in modprobe.d keeps the module out; it does not where its own name is asked for."""


class ModuleLoader(msgspec.Struct, frozen=True):
    """The program at `path`; `why` says that it loads nothing, or (not `certain`) may not."""

    path: str = ""
    why: str = ""
    certain: bool = False


def loader_of(machine: Machine) -> ModuleLoader:
    """The program of kernel.modprobe. Without the setting the kernel has its default."""
    try:
        path = SETTING.read_text(errors="backslashreplace").rstrip("\n")
    except OSError:
        return ModuleLoader(why=f"{SETTING} cannot be read")
    if not path:
        return ModuleLoader(why="kernel.modprobe is empty", certain=True)
    if not (os.path.isfile(path) and _is_executable(path)):
        return ModuleLoader(
            path, f"kernel.modprobe is {path}, which cannot be executed", certain=True
        )
    if os.path.basename(path) in NOTHING:
        return ModuleLoader(path, f"kernel.modprobe is {path}, which loads nothing", certain=True)
    if os.path.basename(path) != MODPROBE:
        return ModuleLoader(path, f"kernel.modprobe is {path}, which may load it or not")
    return ModuleLoader(path)


def _is_executable(path: str) -> bool:
    """Whether root may execute it, whoever asks here."""
    return bool(os.stat(path).st_mode & 0o111)


def asked_for(
    machine: Machine, loader: ModuleLoader, module: str, aliases: str
) -> ModuleLoader | None:
    """What modprobe, asked by the kernel's name for a module, would do instead of loading it."""
    newer, older = REQUESTS.get(module, ("", module))
    name = newer if newer and f"alias {newer} " in aliases else older
    argv = [loader.path, "--show-depends", "-q", "--", name]
    try:
        # The kernel gives its modprobe no environment but a PATH.
        done = machine.run(argv, timeout=10, without=("MODPROBE_OPTIONS",))
    except OSError as error:
        return msgspec.structs.replace(loader, why=f"{loader.path}: {error.strerror}")
    if done.exit_code is None:
        return msgspec.structs.replace(loader, why=f"{loader.path} did not end")
    lines = done.stdout.decode(errors="replace").splitlines()
    return _meaning(loader, name, [each.split(None, 1) for each in lines if each.strip()])


def _meaning(loader: ModuleLoader, name: str, steps: list[list[str]]) -> ModuleLoader | None:
    """Of what `--show-depends` prints: `insmod FILE`, `builtin NAME`, `install COMMAND`."""
    if not steps:
        why = f"modprobe does nothing for {name}: modprobe.d keeps it out (blacklist, alias)"
        return ModuleLoader(loader.path, why, certain=True)
    for step in steps:
        command = step[1].strip() if len(step) > 1 else ""
        if step[0] == "install":
            certain = os.path.basename(command.split()[0] if command else "false") in NOTHING
            why = f"modprobe.d has it installed by `{command}`"
            return ModuleLoader(loader.path, why, certain)
    return None
