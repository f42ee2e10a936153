"""Commands, compilers and libraries: which one a build takes, and whether it is fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.api.late import late_names

if TYPE_CHECKING:
    from bpfdoctor.host.c_source.ask_libbpf import AskLibbpf as AskLibbpf
    from bpfdoctor.host.c_source.ask_loader import AskLoader as AskLoader
    from bpfdoctor.host.c_source.libbpf_source import (
        NAMED_DATA as NAMED_DATA,
        SINCE as SINCE,
        LibbpfSource as LibbpfSource,
    )
    from bpfdoctor.host.c_source.loader import ANYTHING as ANYTHING, Loader as Loader
    from bpfdoctor.host.elf.object import AskExecutable as AskExecutable
    from bpfdoctor.host.shell_words import to_paste as to_paste
    from bpfdoctor.host.tools.build_place import (
        AskBuildPlace as AskBuildPlace,
        BuildPlace as BuildPlace,
    )
    from bpfdoctor.host.tools.built_files import BuiltFile as BuiltFile, Shut as Shut
    from bpfdoctor.host.tools.commands import Completed as Completed, RunCommand as RunCommand
    from bpfdoctor.host.tools.compile import Compile as Compile, Compiled as Compiled
    from bpfdoctor.host.tools.compile_source import (
        CompileSource as CompileSource,
        SourceObject as SourceObject,
    )
    from bpfdoctor.host.tools.crates import AskCrates as AskCrates
    from bpfdoctor.host.tools.emulated import TryExecutable as TryExecutable
    from bpfdoctor.host.tools.libc import AskLibc as AskLibc, Libc as Libc
    from bpfdoctor.host.tools.search import (
        FindExecutables as FindExecutables,
        FindTool as FindTool,
        FoundTools as FoundTools,
        ToolPath as ToolPath,
    )
    from bpfdoctor.host.tools.sources import ReadSources as ReadSources, SourcesRead as SourcesRead
    from bpfdoctor.host.tools.version import AskVersion as AskVersion
    from bpfdoctor.judging.checkout.kept import (
        for_the_tool as for_the_tool,
        tool_of_the_build as tool_of_the_build,
    )
    from bpfdoctor.judging.checkout.own_place import (
        OwnPlace as OwnPlace,
        ask_own_place as ask_own_place,
        own_place as own_place,
    )
    from bpfdoctor.judging.checkout.stale import (
        stale_trouble as stale_trouble,
        tool_trouble as tool_trouble,
        wanted_machine as wanted_machine,
    )
    from bpfdoctor.judging.libbpf import LinkedLibbpf as LinkedLibbpf
    from bpfdoctor.judging.tools.archiver import chosen_archivers as chosen_archivers
    from bpfdoctor.judging.tools.bpf_headers import compile_headers as compile_headers
    from bpfdoctor.judging.tools.bpftool import (
        chosen_bpftool as chosen_bpftool,
        judge_bpftool as judge_bpftool,
    )
    from bpfdoctor.judging.tools.build_flags import (
        FLAGS as FLAGS,
        SUBMODULE_MAKEFILES as SUBMODULE_MAKEFILES,
        BuildFlags as BuildFlags,
        build_flags as build_flags,
        link_words as link_words,
    )
    from bpfdoctor.judging.tools.c_steps import CSteps as CSteps
    from bpfdoctor.judging.tools.choice import (
        ToolChoice as ToolChoice,
        odd_word as odd_word,
        setting_words as setting_words,
        tool_words as tool_words,
        unbuilt_tool as unbuilt_tool,
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
        how_it_ran as how_it_ran,
        is_cross_build as is_cross_build,
    )
    from bpfdoctor.judging.tools.error_line import first_error as first_error
    from bpfdoctor.judging.tools.finding import (
        LEAD_THERE as LEAD_THERE,
        verdict_on as verdict_on,
        verdict_on_all as verdict_on_all,
    )
    from bpfdoctor.judging.tools.llvm_strip import chosen_llvm_strip as chosen_llvm_strip
    from bpfdoctor.judging.tools.make import chosen_make as chosen_make
    from bpfdoctor.judging.tools.owners import LostFile as LostFile, lost_in as lost_in
    from bpfdoctor.judging.tools.steering import (
        BuildStep as BuildStep,
        Cause as Cause,
        cause_of as cause_of,
        compiling as compiling,
        starting as starting,
    )
    from bpfdoctor.judging.tools.tool_verdict import (
        ToolVerdict as ToolVerdict,
        misbehaving as misbehaving,
    )
    from bpfdoctor.judging.tools.version import older as older, version_in as version_in

    Find = FindTool
else:
    __getattr__, __dir__ = late_names(__name__)
