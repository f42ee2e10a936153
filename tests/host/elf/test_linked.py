"""What the whole code of a program refers to: global data, and fields by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import compiled_text

from bpfdoctor.host.elf.ask_object import ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.linked import is_data
from bpfdoctor.host.machine import Machine

PROGRAM = """
#define SEC(name) __attribute__((section(name), used))
#define IN(name) __attribute__((section(name)))
#define CORE __attribute__((preserve_access_index))
#define exists(x) __builtin_preserve_field_info(x, 2)
#define size(x) __builtin_preserve_field_info(x, 1)
#define NOINLINE __attribute__((noinline))
struct low { int deep; struct { int unnamed; }; } CORE;
struct task_struct___old { int pid; } CORE;
struct task_struct { int pid; struct low in[4]; char *comm; int low : 3; } CORE;
union both { int one; long two; } CORE;
enum state { STATE_IDLE = 0, STATE_RUNNING___new = 1 };
struct { int (*type)[1]; int (*max_entries)[8]; int *key; int *value; } seen SEC(".maps");
static void *(*lookup)(void *, void *) = (void *)1;
static long (*each)(void *, void *, void *, long) = (void *)164;
static long (*print)(const char *, int, ...) = (void *)6;
int counter, started = 3;
static int kept SEC(".data.mine");
const volatile int chosen;
extern int CONFIG_HZ IN(".kconfig");
extern const int ordinary IN(".ksyms");
static NOINLINE int counts(int more) { counter += more; return counter; }
static NOINLINE int calls(int more) { return counts(more) + 1; }
static NOINLINE int looks(void *key) { return !!lookup(&seen, key); }
static NOINLINE int reads(struct task_struct *t) { return t->in[2].unnamed; }
static long back(void *m, void *k, void *v, void *c) { return counter; }
SEC("xdp/a") int no_data(void *ctx) { char text[] = {ctx ? 'a' : 'b', 0}; return print(text, 2); }
SEC("xdp/b") int zero(void *ctx) { return counter; }
SEC("xdp/c") int set(void *ctx) { return started++; }
SEC("xdp/d") int constant(void *ctx) { return chosen; }
SEC("xdp/e") int mine(void *ctx) { return kept++; }
SEC("xdp/f") int called(void *ctx) { return calls((long)ctx); }
SEC("xdp/g") int by_address(void *ctx) { return each(&seen, back, 0, 0); }
SEC("xdp/h") int option(void *ctx) { return CONFIG_HZ; }
SEC("xdp/i") int kernels(void *ctx) { return ordinary; }
SEC("xdp/j") int maps(void *ctx) { return looks(ctx); }
SEC("tp/a") int old(struct task_struct___old *t) { return t->pid; }
SEC("tp/b") int array(struct task_struct *t) { return t->in[3].deep; }
SEC("tp/c") int other(struct task_struct *t) { return reads(t); }
SEC("tp/d") int asks(struct task_struct *t) { return exists(t->comm) + sizeof(t->comm); }
SEC("tp/e") int sized(struct task_struct *t) { return size(t->comm); }
SEC("tp/f") int whole(union both *b) { return b->two; }
SEC("tp/g") int bits(struct task_struct *t) { return t->low; }
SEC("tp/h") int named(void *ctx)
{ return __builtin_preserve_enum_value(*(typeof(enum state) *)STATE_RUNNING___new, 1); }
SEC("tp/i") int maybe(void *ctx)
{ return __builtin_preserve_enum_value(*(typeof(enum state) *)STATE_IDLE, 0); }
SEC("tp/j") int guarded(struct task_struct *t) { return exists(t->pid) ? t->pid : 0; }
SEC("tp/k") int typed(void *ctx)
{ return __builtin_preserve_type_info(*(struct task_struct *)0, 1); }
char LICENSE[] SEC("license") = "GPL";
"""

TASK = "struct task_struct"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ObjectProgram]:
    path = compiled_text(tmp_path_factory.mktemp("linked"), "linked", PROGRAM)
    found = ReadObject(path).put(Machine())
    assert isinstance(found, BpfObject)
    return {each.name: each for each in found.programs}


@pytest.fixture(autouse=True)
def _tools(needs: Callable[..., None]) -> None:
    needs("clang")


@pytest.mark.parametrize(
    "name", ["zero", "set", "constant", "mine", "called", "by_address", "option"]
)
def test_a_program_that_refers_to_global_data_needs_it(
    name: str, programs: dict[str, ObjectProgram]
) -> None:
    assert programs[name].data


@pytest.mark.parametrize("name", ["no_data", "kernels", "maps", "array", "other"])
def test_data_of_other_programs_is_not_needed(
    name: str, programs: dict[str, ObjectProgram]
) -> None:
    assert not programs[name].data


def test_a_map_that_a_called_function_uses_is_the_programs(
    programs: dict[str, ObjectProgram],
) -> None:
    assert programs["maps"].maps == programs["by_address"].maps == ("seen",)
    assert programs["zero"].maps == ()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("old", {(TASK, "pid")}),
        ("array", {(TASK, "in[3].deep")}),
        ("other", {(TASK, "in[2].unnamed")}),
        ("sized", {(TASK, "comm")}),
        ("whole", {("union both", "two")}),
        ("bits", {(TASK, "low")}),
        ("named", {("enum state", "STATE_RUNNING")}),
        ("guarded", {(TASK, "pid")}),
        ("asks", set()),
        ("maybe", set()),
        ("typed", set()),
        ("zero", set()),
    ],
)
def test_each_field_that_must_be_there_is_named(
    name: str, fields: set[tuple[str, str]], programs: dict[str, ObjectProgram]
) -> None:
    assert set(programs[name].fields) == fields


def test_a_string_that_nothing_refers_to_is_no_need(tmp_path: Path) -> None:
    text = "#define SEC(name) __attribute__((section(name), used))\n"
    text += 'const char unused[] SEC(".rodata.str1.1") = "unused";\n'
    text += 'SEC("xdp") int plain(void *ctx) { return 0; }\n'
    found = ReadObject(compiled_text(tmp_path, "strings", text)).put(Machine())
    assert isinstance(found, BpfObject)
    assert found.global_data
    assert [each.data for each in found.programs] == [False]


@pytest.mark.parametrize("name", [".data", ".data.mine", ".rodata.str1.1", ".bss", ".rodata"])
def test_sections_of_which_libbpf_makes_maps_hold_data(name: str) -> None:
    assert is_data(name)


@pytest.mark.parametrize("name", [".database", ".rodata_", ".text", "license", "", ".BTF"])
def test_other_sections_hold_none(name: str) -> None:
    assert not is_data(name)
