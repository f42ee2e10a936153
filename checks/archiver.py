"""The archiver, which packs libbpf."""

from __future__ import annotations

from bpfdoctor.api import Context, Finding
from bpfdoctor.api import blocked, check
from bpfdoctor.api import tools


@check(
    "toolchain.ar",
    title="archiver",
    requires=("toolchain.cc",),
    applies=lambda project: {"AR", "CC"} <= project.tools.keys(),
    excused_by=("toolchain.environment",),
)
def archiver(context: Context) -> Finding:
    """Each archiver that make would run packs a compiled object into a static library.

    That is `$AR`, else `ar`, for the libbpf that every program is linked to; where the build makes
    a bpftool of its own, also `$HOSTAR`, else `ar`. Where one of them is missing or unfit and
    another works (`llvm-ar`), this fails with the `make AR=…` that uses it. What to do: unset AR,
    or name a good one in it; `ar` comes with binutils.
    """
    archivers = context.project.tools
    compiler = tools.chosen_compilers(context.host, archivers)[0]
    if not compiler.fit:
        return blocked("there is no C compiler to try it with", ["toolchain.cc"])
    chosen = tools.chosen_archivers(context.host, archivers, compiler.argv)
    names = list(dict.fromkeys(each.used.words for each in chosen))
    verb = "pack" if names[1:] else "packs"
    return tools.verdict_on_all(chosen, f"{' and '.join(names)} {verb} a library", "binutils")
