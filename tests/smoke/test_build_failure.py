"""What a build broke at, and whether two broke at one thing: in the words of real builds."""

from __future__ import annotations

import pytest

from bpfdoctor.smoke.build_failure import stopped_at

LIBRARY = """\
  CC       /tree/.output//libbpf/staticobjs/str_error.o
make[1]: nonesuch: No such file or directory
make[1]: *** [Makefile:111: /tree/bootstrap/libbpf.a] Error 127
make: *** [Makefile:87: /tree/bootstrap/libbpf.a] Error 2
make: *** Waiting for unfinished jobs...."""

SKELETON = """\
  GEN-SKEL {}.skel.h
Error: no skeleton today
make: *** [Makefile:116: .output/{}.skel.h] Error 255
make: *** Deleting file '.output/{}.skel.h'"""

SOURCE = """\
{}.c:1:1: error: unknown type name 'no'
make: *** [Makefile:123: .output/{}.o] Error 1"""

REFERENCE = """\
/usr/bin/ld: /tree/{0}.c:7: undefined reference to `{0}_only'
collect2: error: ld returned 1 exit status
make: *** [Makefile:130: {0}] Error 1"""


def same(text: str, other: str) -> bool:
    logs = [each.replace("{}", name) for each, name in ((text, "minimal"), (other, "bootstrap"))]
    one, two = stopped_at(logs[0], "minimal"), stopped_at(logs[1], "bootstrap")
    assert one
    assert two
    return one == two


@pytest.mark.parametrize("log", [LIBRARY, SKELETON])
def test_what_is_shared_and_a_tool_that_breaks_in_each_are_one_thing(log: str) -> None:
    assert same(log, log)


def test_sources_that_are_wrong_in_the_same_way_are_two_things() -> None:
    assert not same(SOURCE, SOURCE)


def test_one_step_that_breaks_in_two_ways_is_two_things() -> None:
    assert not same(SKELETON, SKELETON.replace("no skeleton today", "no such map"))
    assert not same(REFERENCE.format("minimal"), REFERENCE.format("bootstrap"))
    assert not same(SKELETON, LIBRARY)


def test_what_make_does_not_say_is_not_known() -> None:
    assert stopped_at("", "minimal") == frozenset()
    assert stopped_at("make: *** No rule to make target 'x'.  Stop.", "minimal") == frozenset()


GCC = """\
{0}.c:6:10: fatal error: argp.h: No such file or directory
make: *** [Makefile:9: {0}.o] Error 1"""

CLANG = """\
{0}.bpf.c:3:10: fatal error: 'vmlinux.h' file not found
make: *** [Makefile:7: {0}.bpf.o] Error 1"""


@pytest.mark.parametrize("log", [GCC, CLANG])
def test_a_header_that_is_not_found_is_one_fault_wherever_it_is_included(log: str) -> None:
    one, two = (stopped_at(log.format(name), name) for name in ("minimal", "bootstrap"))
    assert one == two
    assert len(one) == 1
