"""What a build does with its C compilers, each step as something to try without variables."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.compile import Compile
from bpfdoctor.judging.tools.bpftool_llvm import llvm_flags
from bpfdoctor.judging.tools.build_flags import BuildFlags
from bpfdoctor.judging.tools.compilers import C_FLAGS
from bpfdoctor.judging.tools.steering import BuildStep, Names, compiling
from bpfdoctor.judging.tools.tool_verdict import Argv

_C_LIBRARY = """\
#include <byteswap.h>
#include <ctype.h>
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
int nothing;
"""
"""What libbpf's sources include of the C library."""

_LIBRARIES = """\
#include <gelf.h>
#include <libelf.h>
#include <zlib.h>
int main(void)
{
	return elf_version(EV_CURRENT) == EV_NONE || zlibVersion()[0] != ZLIB_VERSION[0];
}
"""

_LINKED = ("-lelf", "-lz")

_FOR_THE_LINKER = {"LDFLAGS", "EXTRA_LDFLAGS", "LIBRARY_PATH"}
"""Variables that only a linker minds."""


class CSteps:
    """The steps of a build with these compilers; an empty one does nothing."""

    def __init__(self, host: Host, cc: Argv, host_cc: Argv, flags: BuildFlags) -> None:
        self.host, self.cc, self.host_cc, self.flags = host, cc, host_cc, flags

    def steps(self, names: Names) -> Iterator[BuildStep]:
        """Libbpf's objects, the link of a program, and that of the build's own bpftool, which runs.

        `names` are the variables that are set.
        """
        if self.cc:
            yield compiling(self.host, lambda without: self._object(_C_LIBRARY, without))
            yield compiling(self.host, lambda without: self._object(_LIBRARIES, without))
            yield compiling(self.host, self._program)
        if self.host_cc:
            links = self.cc and _FOR_THE_LINKER & {*names}
            llvm = llvm_flags(self.host, self.cc, self.flags.bpftool) if links else ()
            yield compiling(self.host, lambda without: self._bpftool(llvm, without))

    def _object(self, code: str, without: Names) -> Compile:
        return Compile(self.cc, code, self.flags.of_libbpf(without), without=without)

    def _program(self, without: Names) -> Compile:
        libraries = (*self.flags.linking(without), *_LINKED)
        return Compile(
            self.cc, _LIBRARIES, C_FLAGS, link=True, libraries=libraries, without=without
        )

    def _bpftool(self, llvm: tuple[str, ...], without: Names) -> Compile:
        flags = (*self.flags.of_bpftool(without), *llvm)
        libraries = (*self.flags.linking_bpftool(without), *_LINKED)
        return Compile(
            self.host_cc,
            _LIBRARIES,
            flags,
            link=True,
            libraries=libraries,
            run=True,
            without=without,
        )
