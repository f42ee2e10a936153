"""What a program uses: its own code, the functions that it takes along, and no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.host.catalog import encode
from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.externs import ObjectExtern
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.record import NEUTRAL

HEAD = """
#define SEC(name) __attribute__((section(name), used))
#define IN(name) __attribute__((section(name)))
#define AWAY __attribute__((noinline))
static void *(*lookup)(void *, void *) = (void *)1;
static long (*now)(void) = (void *)5;
static long (*print)(const char *, int, ...) = (void *)6;
static long (*loop)(int, void *, void *, long) = (void *)181;
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };
"""


@pytest.fixture
def programs(tmp_path: Path, needs: Callable[..., None]) -> Callable[[str], BpfObject]:
    """The facts of an object that is compiled of this text."""
    needs("clang")

    def build(text: str) -> BpfObject:
        source, out = tmp_path / "p.c", tmp_path / "p.o"
        source.write_text(HEAD + text)
        flags = ("-g", "-O2", "-target", "bpf")
        subprocess.run(["clang", *flags, "-c", source, "-o", out], check=True)
        found = AskBpfObject(str(out), str(tmp_path / "absent")).put(Machine())
        assert isinstance(found, BpfObject), found
        return found

    return build


def named(found: BpfObject, name: str) -> ObjectProgram:
    return next(each for each in found.programs if each.name == name)


def test_only_the_functions_that_it_calls_count(programs: Callable[[str], BpfObject]) -> None:
    found = programs("""
    AWAY int deepest(void) { return now(); }
    AWAY int deep(int a) { return a + deepest(); }
    AWAY int other(void *ctx) { return print(ctx, 1); }
    SEC("tp/a/one") int one(void *ctx) { return deep(1); }
    SEC("tp/a/two") int two(void *ctx) { return other(ctx); }
    SEC("tp/a/none") int none(void *ctx) { return 0; }
    """)
    numbers = {each.name: each.numbers for each in found.programs}
    assert numbers == {"one": (5,), "two": (6,), "none": ()}


def test_a_function_whose_address_is_taken_counts(programs: Callable[[str], BpfObject]) -> None:
    found = programs("""
    static int turn(int at, void *data) { return now(); }
    static int unused(int at, void *data) { return print(data, at); }
    SEC("tp/a/one") int one(void *ctx) { return loop(4, turn, 0, 0); }
    SEC("tp/a/two") int two(void *ctx) { return loop(4, unused, 0, 0); }
    """)
    assert named(found, "one").numbers == (5, 181)
    assert named(found, "two").numbers == (6, 181)


def test_a_static_function_in_the_same_section_is_its_own(
    programs: Callable[[str], BpfObject],
) -> None:
    found = programs("""
    SEC("tp/a/one") int one(void *ctx) { return now(); }
    SEC("tp/a/one") int two(void *ctx) { return lookup(ctx, ctx) ? 1 : 0; }
    """)
    assert [each.numbers for each in found.programs] == [(5,), (1,)]


def test_what_is_declared_extern_is_told_with_its_sort(
    programs: Callable[[str], BpfObject],
) -> None:
    found = programs("""
    extern int bpf_must(void) IN(".ksyms");
    extern int bpf_may(void) IN(".ksyms") __attribute__((weak));
    extern int CONFIG_HZ IN(".kconfig");
    extern _Bool CONFIG_BPF IN(".kconfig") __attribute__((weak));
    extern enum libbpf_tristate CONFIG_NET IN(".kconfig");
    extern char CONFIG_NAME[16] IN(".kconfig");
    extern const void untyped IN(".ksyms");
    extern const struct queue typed IN(".ksyms");
    SEC("tp/a/one") int one(void *ctx)
    { return bpf_must() + (bpf_may ? bpf_may() : CONFIG_HZ) + CONFIG_BPF + CONFIG_NET
             + CONFIG_NAME[1] + (long)&untyped + (long)&typed; }
    """)
    assert {each.name: each for each in found.externs} == {
        "bpf_must": ObjectExtern("bpf_must", "function"),
        "bpf_may": ObjectExtern("bpf_may", "function", weak=True),
        "CONFIG_HZ": ObjectExtern("CONFIG_HZ", "option", type="int", most=(1 << 31) - 1),
        "CONFIG_BPF": ObjectExtern("CONFIG_BPF", "option", True, type="bool", most=1),
        "CONFIG_NET": ObjectExtern("CONFIG_NET", "option", type="tristate"),
        "CONFIG_NAME": ObjectExtern("CONFIG_NAME", "option", type="string"),
        "untyped": ObjectExtern("untyped", "symbol"),
        "typed": ObjectExtern("typed", "variable"),
    }
    assert named(found, "one").functions == ("bpf_may", "bpf_must")


@pytest.mark.parametrize(
    ("declared", "used", "guarded"),
    [
        ('extern int LINUX_KERNEL_VERSION IN(".kconfig");', "LINUX_KERNEL_VERSION", False),
        ('extern int CONFIG_HZ IN(".kconfig");', "CONFIG_HZ", True),
        ('extern int may(void) IN(".ksyms") __attribute__((weak));', "may ? may() : 0", True),
        ("const volatile int chosen = 1;", "chosen", True),
        ('extern int must(void) IN(".ksyms");', "must()", False),
        ("int counter;", "counter++", False),
        ('static const char text[] = "text";', "print(text, 4)", False),
    ],
)
def test_what_may_keep_code_from_being_reached_is_seen(
    programs: Callable[[str], BpfObject], declared: str, used: str, guarded: bool
) -> None:
    found = programs(f"""
    {declared}
    SEC("tp/a/one") int one(void *ctx) {{ return {used}; }}
    SEC("tp/a/two") int two(void *ctx) {{ return 0; }}
    """)
    assert named(found, "one").conditional is guarded
    assert not named(found, "two").conditional


def test_the_license_ends_where_its_text_does(programs: Callable[[str], BpfObject]) -> None:
    found = programs("""
    SEC("tp/a/one") int one(void *ctx) { return 0; }
    char LICENSE[8] SEC("license") = "GPL";
    """)
    assert found.license == "GPL"


def test_newer_instructions_can_be_written_into_a_snapshot(
    programs: Callable[[str], BpfObject],
) -> None:
    found = programs("""
    static long count;
    SEC("xdp") int adds(void *ctx) { return __sync_fetch_and_add(&count, 1) & 1; }
    """)
    (adds,) = found.programs
    assert adds.newer
    redacted = NEUTRAL.value(found)
    assert msgspec.json.decode(encode(redacted), type=BpfObject) == found
