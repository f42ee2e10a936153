"""The LLVM that bpftool's makefile finds by itself, and then links its bpftool to."""

from __future__ import annotations

import shlex

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.compile import Compile, Compiled
from bpfdoctor.judging.tools.choice import tool_words
from bpfdoctor.judging.tools.tool_verdict import Argv

_CODE = """\
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
int main(void)
{
	char *triple = LLVMNormalizeTargetTriple("");
	LLVMDisposeMessage(triple);
	return 0;
}
"""
"""What its Makefile.feature compiles to see whether LLVM is there."""


def llvm_flags(host: Host, cc: Argv, makefile: str) -> tuple[str, ...]:
    """What this makefile of bpftool adds to the flags of its compiler for LLVM.

    Nothing where the makefile knows of none, or where its probe of LLVM fails with `cc`. The
    bpftool that a build makes needs no LLVM, but gets these flags, and with them the library.
    """
    if "$(LLVM_CONFIG) --cflags --libs" not in makefile:
        return ()
    compiled = _said(host, "--cflags")
    linked = (*_said(host, "--libs", "target"), *_said(host, "--ldflags"))
    if not compiled or not linked:
        return ()
    probe = host.ask(Compile(cc, _CODE, compiled, link=True, libraries=linked))
    if not isinstance(probe, Compiled) or not probe.ok:
        return ()
    return _said(host, "--cflags", "--libs", "mcdisassembler", "all-targets")


def _said(host: Host, *arguments: str) -> tuple[str, ...]:
    argv = (*tool_words(host, "LLVM_CONFIG", "llvm-config"), *arguments)
    answer = host.ask(RunCommand(argv, cwd="/"))
    done = isinstance(answer, Completed) and answer.ok
    return tuple(shlex.split(answer.stdout)) if done and isinstance(answer, Completed) else ()
