"""Commands, compilers and libraries: which one a build takes, and whether it is fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.shell_words import to_paste as to_paste
    from bpfdoctor.host.tools.commands import Completed as Completed, RunCommand as RunCommand
    from bpfdoctor.host.tools.compile import Compile as Compile, Compiled as Compiled
    from bpfdoctor.host.tools.crates import AskCrates as AskCrates
    from bpfdoctor.host.tools.libc import AskLibc as AskLibc, Libc as Libc
    from bpfdoctor.host.tools.search import (
        FindExecutables as FindExecutables,
        FindTool as FindTool,
        FoundTools as FoundTools,
        ToolPath as ToolPath,
    )
    from bpfdoctor.judging.tools.archiver import chosen_archivers as chosen_archivers
    from bpfdoctor.judging.tools.bpftool import (
        chosen_bpftool as chosen_bpftool,
        judge_bpftool as judge_bpftool,
    )
    from bpfdoctor.judging.tools.choice import (
        ToolChoice as ToolChoice,
        setting_words as setting_words,
        tool_words as tool_words,
    )
    from bpfdoctor.judging.tools.clang import (
        BPF_FLAGS as BPF_FLAGS,
        chosen_clang as chosen_clang,
        compile_bpf as compile_bpf,
        emits_bpf as emits_bpf,
    )
    from bpfdoctor.judging.tools.compilers import (
        C_FLAGS as C_FLAGS,
        chosen_compilers as chosen_compilers,
        compile_c as compile_c,
    )
    from bpfdoctor.judging.tools.finding import (
        verdict_on as verdict_on,
        verdict_on_all as verdict_on_all,
    )
    from bpfdoctor.judging.tools.llvm_strip import chosen_llvm_strip as chosen_llvm_strip
    from bpfdoctor.judging.tools.make import chosen_make as chosen_make
    from bpfdoctor.judging.tools.tool_verdict import (
        ToolVerdict as ToolVerdict,
        misbehaving as misbehaving,
    )
    from bpfdoctor.judging.tools.version import older as older, version_in as version_in

    Find = FindTool
else:
    __getattr__, __dir__ = late_names(__name__)
