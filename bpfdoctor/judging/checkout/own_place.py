"""The directory in which the user builds, and what the next make does there."""

from __future__ import annotations

import msgspec

from bpfdoctor.contract import Context
from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.tools.build_place import AskBuildPlace, BuildPlace, Room
from bpfdoctor.host.tools.built_files import BuiltFile
from bpfdoctor.host.tools.commands import environment_variable
from bpfdoctor.judging.checkout.kept import Outlook, outlook, shared_uses, tool_of_the_build
from bpfdoctor.projects.model import Build

LIBRARY = ("libbpf/src",)
TOOL = ("bpftool/src", "bpftool/libbpf/src")
"""The sources of the archive that every program links, and of the bpftool that a build makes."""

PARTS = 15
"""One program takes at most one part in this many of a build; libbpf and bpftool take most."""


class OwnPlace(msgspec.Struct, frozen=True):
    """The makefile's directory, and what make would do there.

    `makes_tool`: the build makes a bpftool of its own, and runs it. `shared` are the files that
    make takes as they are for several programs.
    """

    seen: BuildPlace
    build: Build
    makes_tool: bool
    outlooks: tuple[Outlook, ...]
    shared: tuple[BuiltFile, ...]

    @property
    def open(self) -> tuple[Outlook, ...]:
        """The programs for which make has something to do."""
        return tuple(each for each in self.outlooks if not each.complete)

    @property
    def lacks(self) -> tuple[str, Room, int] | None:
        """Name what is too scarce (`bytes`, `inodes`), where, and how much a build takes."""
        seen, first, last = self.seen, self.seen.rooms[0], self.seen.rooms[-1]
        for room in (first, last):  # the programs' own file system, and that of the outputs
            whole = room.device == last.device
            for what, free, size, held in (
                ("bytes", room.free, self.build.room, seen.held),
                ("inodes", room.inodes, self.build.files, seen.count),
            ):
                needed = self._needed(size, held) if whole else self._of_programs(size)
                if free is not None and free < needed:
                    return what, room, needed
        return None

    def _of_programs(self, size: int) -> int:
        return max(1, len(self.open)) * size // PARTS

    def _needed(self, size: int, held: int) -> int:
        each = self._of_programs(size)
        tool = not self.makes_tool or tool_of_the_build(self.seen) is not None
        shared = tool and all(program.archives for program in self.open)
        return min(size, each) if shared else max(size - held, each)


def ask_own_place(context: Context, build: Build) -> AskBuildPlace:
    """Make the question about the makefile's directory, the same for every selection."""
    running = context.ask(AskKernel())
    name = target_architecture(running.architecture) if isinstance(running, Kernel) else ""
    return AskBuildPlace(
        checkout=context.project.path,
        directory=build.directory,
        outputs=build.outputs,
        programs=context.project.programs,
        libraries=LIBRARY + (TOOL if build.tools.get("BPFTOOL") == "" else ()),
        headers=(build.vmlinux_h.replace("{arch}", name),) if build.vmlinux_h else (),
    )


def own_place(context: Context, build: Build) -> OwnPlace | NoAnswer:
    """The directory in which the user builds the selected programs."""
    seen = context.ask(ask_own_place(context, build))
    if isinstance(seen, NoAnswer):
        return seen
    output = build.outputs[0] if build.outputs else ""
    outlooks = tuple(outlook(seen, output, name) for name in _selected(context))
    makes = _makes_tool(context, build)
    return OwnPlace(seen, build, makes, outlooks, shared_uses(seen, output, outlooks, makes))


def _selected(context: Context) -> tuple[str, ...]:
    """The selected programs that the makefile has."""
    known = context.project.programs
    wanted = [target.program for target in context.selection.targets]
    chosen = tuple(name for name in wanted if name in known)
    default = tuple(name for name in context.project.kind.default if name in known)
    return chosen or default or known


def _makes_tool(context: Context, build: Build) -> bool:
    return (
        build.tools.get("BPFTOOL") == "" and environment_variable(context.host, "BPFTOOL") is None
    )
