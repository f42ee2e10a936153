"""The headers that a project's BPF code includes, asked for as its makefile has clang look."""

from __future__ import annotations

from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskKernel
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.judging.tools.choice import tool_words
from bpfdoctor.judging.tools.clang import BPF_FLAGS
from bpfdoctor.judging.tools.tool_verdict import Argv

SYSTEM_INCLUDES = "CLANG_BPF_SYS_INCLUDES"
"""The variable by which a makefile has clang look in the host's directories of headers."""

_CODE = """\
#include <asm/types.h>
#include <linux/bpf.h>
__u32 probe = BPF_PROG_TYPE_TRACEPOINT;
"""


def compile_headers(
    host: Host,
    clang: Argv,
    include: tuple[str, ...],
    without: tuple[str, ...] = (),
    *,
    plain: bool = False,
) -> Compile:
    """The question whether this clang finds asm/types.h and linux/bpf.h for BPF code.

    `include` are the directories that the makefile gives it (`{arch}`: the kernel's name of the
    architecture), `without` the variables of the environment that it does not get.
    `plain`: the makefile does not add the directories that clang searches for the host.
    """
    running = host.ask(AskKernel())
    arch = "" if isinstance(running, NoAnswer) else target_architecture(running.architecture)
    own = [f"-I{place.replace('{arch}', arch)}" for place in include]
    unset = SYSTEM_INCLUDES in without
    given = ("",) if unset else tool_words(host, SYSTEM_INCLUDES, "")
    flags = (*BPF_FLAGS, f"-D__TARGET_ARCH_{arch}", *own, *(word for word in given if word))
    # ("",): the variable is not set; set to nothing, it takes the directories away
    return Compile(clang, _CODE, flags, host_includes=given == ("",) and not plain, without=without)
