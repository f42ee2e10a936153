"""What brings a file that a build lacks."""

from __future__ import annotations

import pytest

from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.owner import AskOwner, Owner
from bpfdoctor.judging.tools.owners import OWNERS, lost_in, owner_of
from bpfdoctor.model import Install
from bpfdoctor.testing import FakeHost

NOBODY = FakeHost(otherwise=NoAnswer("ENOENT"))


def test_every_owner_is_a_capability_that_can_be_installed() -> None:
    assert set(OWNERS.values()) <= catalogue().capabilities.keys()


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("elf.h", "libc-headers"),
        ("argp.h", "argp"),
        ("bits/libc-header-start.h", "libc-headers"),
        ("sys/cdefs.h", "libc-headers"),
        ("crt1.o", "libc-headers"),
        ("libelf.h", "libelf-headers"),
        ("gelf.h", "libelf-headers"),
        ("/usr/lib/x86_64-linux-gnu/libelf.so.1", "libelf-headers"),
        ("zconf.h", "zlib-headers"),
        ("libz.so", "zlib-headers"),
        ("asm/types.h", "linux-headers"),
        ("asm-generic/int-ll64.h", "linux-headers"),
        ("as", "binutils"),
        ("crtbegin.o", "cc"),
        ("nobody.h", ""),
        ("my/linux/bpf.h", ""),
    ],
)
def test_a_files_name_says_which_capability_brings_it(name: str, capability: str) -> None:
    assert owner_of(name) == capability


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("probe.c:1:10: fatal error: elf.h: No such file or directory", "elf.h"),
        ("probe.c:1:10: fatal error: 'elf.h' file not found", "elf.h"),
        ("/usr/bin/ld: cannot find -lelf: No such file or directory", "libelf.so"),
        ("ld.lld: error: unable to find library -lz", "libz.so"),
        ("program: error while loading shared libraries: libelf.so.1: cannot open", "libelf.so.1"),
        ("/usr/include/zlib.h:1:2: error: #error no", "/usr/include/zlib.h"),
        ("/usr/bin/ld: /usr/lib/libz.so: file not recognized: file truncated", "/usr/lib/libz.so"),
        ("/usr/bin/ld:/usr/lib/gcc/../libz.so:0: syntax error", "/usr/lib/gcc/../libz.so"),
    ],
)
def test_a_log_names_the_file(log: str, name: str) -> None:
    lost = lost_in(NOBODY, f"In file included from x:\n{log}\ncompilation terminated.")
    assert lost is not None
    assert lost.name == name


@pytest.mark.parametrize(
    "log",
    [
        "",
        "probe.c:3:1: error: expected ';'",
        "nobody.h: No such file",
        "/home/me/tree/include/linux/types.h:1:2: error: mine",
        "/usr/local/include/zlib.h:1:2: error: mine",
    ],
)
def test_a_log_that_names_no_known_file_says_nothing(log: str) -> None:
    assert lost_in(NOBODY, log) is None


GONE = "fatal error: elf.h: No such file or directory"
BAD = "/usr/include/elf.h:1:2: error: stray"


@pytest.mark.parametrize(
    ("log", "there", "again"),
    [(GONE, False, True), (GONE, True, False), (BAD, True, True)],
)
def test_the_package_that_owns_it_is_installed_again_where_the_file_is_gone_or_broken(
    log: str, there: bool, again: bool
) -> None:
    host = FakeHost(otherwise=Owner("libc6-dev", "/usr/include/elf.h", there))
    lost = lost_in(host, log)
    assert lost is not None
    assert lost.fix.packages == (("libc6-dev",) if again else ())
    assert lost.fix.capabilities == (() if again else ("libc-headers",))
    assert bool(lost.seen) == again


def test_a_package_of_this_machine_comes_before_the_table() -> None:
    places = ("/usr/include/elf.h", "/usr/include/*-linux-*/elf.h")
    host = FakeHost({AskOwner(places): NoAnswer("ENOENT")})
    lost = lost_in(host, GONE)
    assert lost is not None
    assert lost.fix == Install(("libc-headers",))
