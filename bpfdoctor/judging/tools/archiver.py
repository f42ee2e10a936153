"""ar: judged by archiving an object that a C compiler made."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.host.tools.treat_object import OBJECT, TreatObject
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.compilers import C_CODE, C_FLAGS
from bpfdoctor.judging.tools.object_tool import treats
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent
from bpfdoctor.projects.model import Setting

_ARCHIVERS = (("llvm-ar",), ("llvm-ar-[0-9]*",))


def chosen_archivers(host: Host, tools: Mapping[str, Setting], cc: Argv) -> tuple[ToolChoice, ...]:
    """Every archiver that a makefile with these tools calls: AR, and HOSTAR for the programs that
    the build itself runs. Fit is one that archives an object which `cc` compiled."""

    def judge(argv: Argv) -> ToolVerdict:
        pack = TreatObject(Compile(cc, C_CODE, C_FLAGS), (*argv, "rcs", f"{OBJECT}.a", OBJECT))
        return absent(host, argv) or treats(host, argv, pack)

    named = (name for name in ("AR", "HOSTAR") if name in tools)
    return tuple(choose(host, tools[name], judge, _ARCHIVERS, usual="ar") for name in named)
