"""llvm-strip: judged by stripping an object that clang compiled."""

from __future__ import annotations

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.treat_object import OBJECT, TreatObject
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.clang import compile_bpf
from bpfdoctor.judging.tools.object_tool import treats
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent
from bpfdoctor.projects.model import Setting

_STRIPS = (
    "llvm-strip-[0-9]*",
    "/usr/lib/llvm-*/bin/llvm-strip",
    "/usr/lib64/llvm*/bin/llvm-strip",
    "/usr/lib/llvm*/bin/llvm-strip",
    "/usr/lib/llvm/*/bin/llvm-strip",
)


def chosen_llvm_strip(host: Host, setting: Setting, clang: Argv) -> ToolChoice:
    """The llvm-strip that is used: one that strips an object which `clang` compiled."""

    def judge(argv: Argv) -> ToolVerdict:
        missing = absent(host, argv)
        return missing or treats(host, argv, TreatObject(compile_bpf(clang), (*argv, "-g", OBJECT)))

    return choose(host, setting, judge, (_STRIPS,), usual="llvm-strip")
