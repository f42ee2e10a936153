"""What an object needs is read from the object, and held against a kernel's BTF."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import compiled_text as compiled
from depth import cases
from hypothesis import HealthCheck, given, settings, strategies as st

from bpfdoctor.host.elf.ask_object import AskBpfObject, ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.host.elf.section_names import Named, named
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

KERNEL = """
enum bpf_func_id { BPF_FUNC_map_lookup_elem = 1, BPF_FUNC_trace_printk = 6 };
enum bpf_map_type { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_RINGBUF = 27 };
enum state { STATE_RUNNING = 1 };
struct inner { int low; };
struct task_struct { int pid; union { long __state; int other; }; struct inner in[4]; char *comm; };
struct numbers { enum state state; enum bpf_func_id f; enum bpf_map_type m; };
long use(struct task_struct *t, struct numbers *n) { return t->pid + n->state + n->f + n->m; }
"""

PROGRAM = """
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define exists(x) __builtin_preserve_field_info(x, 2)
struct inner { int low; int high; } CORE;
struct task_struct___old { long state; } CORE;
struct task_struct { int pid; long __state; struct inner in[8]; long gone; char *comm; } CORE;
enum state { STATE_IDLE = 0, STATE_RUNNING = 1 };
struct { int (*type)[27]; int (*max_entries)[4096]; } events SEC(".maps");
static void *(*lookup)(void *, void *) = (void *)1;
static long (*new_helper)(void) = (void *)200;
int counter;
SEC("tp/sched/sched_process_exec") int good(struct task_struct *t)
{ return t->pid + t->__state + t->in[2].low; }
SEC("kprobe/vfs_unlink") int lost(struct task_struct *t) { return t->gone + t->in[7].low; }
SEC("fentry/vfs_unlink") int deep(struct task_struct *t) { return t->in[1].high; }
SEC("iter/task") int guarded(struct task_struct___old *t)
{ return exists(t->state) ? t->state : 0; }
SEC("iter/task_file") int either(struct task_struct *t)
{ struct task_struct___old *o = (void *)t; return exists(t->__state) ? o->state : t->__state; }
SEC("lsm.s/bpf") int calls(void *ctx) { counter++; lookup(&events, ctx); return new_helper(); }
SEC("enumerated") int idle(void *ctx)
{ return __builtin_preserve_enum_value(*(typeof(enum state) *)STATE_IDLE, 1); }
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The paths of an object and of a kernel's BTF."""
    place = tmp_path_factory.mktemp("object")
    return compiled(place, "program", PROGRAM), btf_of(compiled(place, "kernel", KERNEL))


def btf_of(path: str) -> str:
    out = path + ".btf"
    subprocess.run(["llvm-objcopy", f"--dump-section=.BTF={out}", path], check=True)
    return out


@pytest.fixture(autouse=True)
def _tools(needs: Callable[..., None]) -> None:
    needs("clang", "llvm-objcopy")


def facts_of(built: tuple[str, str]) -> BpfObject:
    found = AskBpfObject(*built).put(Machine())
    assert isinstance(found, BpfObject), found
    return found


def program(built: tuple[str, str], name: str) -> ObjectProgram:
    (found,) = (each for each in facts_of(built).programs if each.name == name)
    return found


def test_programs_maps_and_license_are_read(built: tuple[str, str]) -> None:
    found = facts_of(built)
    assert [(each.kind, each.target) for each in found.programs] == [
        ("tp", "sched/sched_process_exec"),
        ("kprobe", "vfs_unlink"),
        ("fentry", "vfs_unlink"),
        ("iter", "task"),
        ("iter", "task_file"),
        ("lsm", "bpf"),
        ("", ""),
    ]
    assert found.maps == (ObjectMap("events", "ringbuf", 27, entries=4096),)
    assert (found.license, found.btf, found.kernel_btf) == ("GPL", True, True)
    assert found.global_data


NAMELESS = """
char LICENSE[] __attribute__((section("license"))) = "GPL";
%s
__attribute__((section("tp/sched/x"), used)) long f(void *ctx) { return (long)first; }
"""


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ('const char *first = "a string";', (".data",)),
        ('const char *const first = "a string";', (".rodata",)),
        ("static int one = 1; int *first = &one;", (".data",)),
        ("int one = 1; int *first = &one;", ()),
        ("int first = 1;", ()),
    ],
)
def test_addresses_of_what_has_no_name_are_found_in_data(
    tmp_path: Path, data: str, where: tuple[str, ...]
) -> None:
    found = ReadObject(compiled(tmp_path, "nameless", NAMELESS % data)).put(Machine())
    assert isinstance(found, BpfObject)
    assert found.unlinkable == where


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ('return say("a string");', (".rodata.str1.1",)),
        ("return other;", (".data.mine",)),
        ("return plain;", ()),
        ("return 0;", ()),
    ],
)
def test_data_in_sections_of_their_own_is_told_where_code_takes_it(
    tmp_path: Path, text: str, sections: tuple[str, ...]
) -> None:
    written = f"""
    static long (*const say)(const char *) = (void *)6;
    int plain = 1;
    __attribute__((section(".data.mine"))) int other = 1;
    __attribute__((section("tp/sched/x"), used)) int f(void *ctx) {{ {text} }}
    """
    found = ReadObject(compiled(tmp_path, "named", written)).put(Machine())
    assert isinstance(found, BpfObject)
    assert found.named_data == sections


def test_the_kinds_of_its_own_types_are_told(built: tuple[str, str], tmp_path: Path) -> None:
    assert "STRUCT" in facts_of(built).btf_kinds
    assert "FLOAT" not in facts_of(built).btf_kinds
    text = NAMELESS % "struct of_floats { float one; } *first;"
    found = ReadObject(compiled(tmp_path, "floats", text)).put(Machine())
    assert isinstance(found, BpfObject)
    assert "FLOAT" in found.btf_kinds


def test_relocations_that_the_kernel_answers_lack_nothing(built: tuple[str, str]) -> None:
    good = program(built, "good")
    assert good.relocations == 3
    assert good.missing == ()


def test_a_missing_field_is_named_with_its_struct(built: tuple[str, str]) -> None:
    assert program(built, "lost").missing == (
        "struct task_struct has no field gone",
        "struct task_struct has no field in[7]",
    )
    assert program(built, "deep").missing == ("struct task_struct has no field in[1].high",)


def test_what_is_never_reached_by_what_it_asks_is_spared(built: tuple[str, str]) -> None:
    guarded = program(built, "guarded")
    assert guarded.missing == guarded.unreachable == ("struct task_struct has no field state",)
    assert not guarded.conditional
    lost = program(built, "lost")
    assert (lost.unreachable, lost.conditional) == ((), False)


def test_what_is_reached_although_it_asks_is_not_spared(built: tuple[str, str]) -> None:
    either = program(built, "either")
    assert either.missing == ("struct task_struct has no field state",)
    assert (either.unreachable, either.conditional) == ((), False)


def test_an_enumerator_is_looked_up_by_name(built: tuple[str, str]) -> None:
    assert program(built, "idle").missing == ("enum state has no STATE_IDLE",)


def test_helpers_are_named_by_the_kernel_that_has_them(built: tuple[str, str]) -> None:
    calls = program(built, "calls")
    assert calls.helpers == ("map_lookup_elem", "helper 200")
    assert calls.unknown_helpers == ("helper 200",)


def test_without_the_kernels_btf_nothing_is_missing(built: tuple[str, str], tmp_path: Path) -> None:
    found = facts_of((built[0], str(tmp_path / "absent")))
    assert not found.kernel_btf
    assert all(each.missing == each.unknown_helpers == () for each in found.programs)
    assert found.maps == (ObjectMap("events", "ringbuf", 27, entries=4096),)


def test_an_object_for_the_other_endianness_is_refused(
    tmp_path: Path, built: tuple[str, str]
) -> None:
    source, out = tmp_path / "p.c", tmp_path / "p.o"
    source.write_text(PROGRAM)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpfeb", "-c", source, "-o", out], check=True)
    refused = AskBpfObject(str(out), built[1]).put(Machine())
    assert isinstance(refused, NoAnswer)
    assert refused.detail == "an object of big endian, and this machine is not"


def test_programs_over_the_same_code_are_refused(built: tuple[str, str], tmp_path: Path) -> None:
    text = """
    __attribute__((section("tp/sched/x"), used)) int ours(void *ctx) { return 0; }
    int theirs(void *ctx) __attribute__((alias("ours")));
    """
    refused = AskBpfObject(compiled(tmp_path, "alias", text), built[1]).put(Machine())
    assert refused == NoAnswer("refused", "its programs in tp/sched/x overlap")


def test_stripped_of_btf_its_programs_are_still_read(
    built: tuple[str, str], tmp_path: Path
) -> None:
    bare = tmp_path / "bare.o"
    drop = ["--remove-section=.BTF", "--remove-section=.BTF.ext", "--remove-section=.rel.BTF"]
    drop += ["--remove-section=.rel.BTF.ext"]
    subprocess.run(["llvm-objcopy", *drop, built[0], bare], check=True)
    found = facts_of((str(bare), built[1]))
    assert not found.btf
    assert len(found.programs) == 7
    assert found.maps == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"", "not ELF"), (b"#!/bin/sh\n", "not ELF"), (b"\x7fELF" + bytes(60), "not ELF")],
)
def test_what_is_no_object_is_said(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    found = AskBpfObject(str(path)).put(Machine())
    assert isinstance(found, NoAnswer)
    assert (found.reason, found.detail.partition(":")[0]) == ("refused", sentence)


def test_a_section_of_zeros_of_any_size_costs_nothing(
    built: tuple[str, str], tmp_path: Path
) -> None:
    data = bytearray(Path(built[0]).read_bytes())
    (table,) = struct.unpack_from("<Q", data, 40)  # e_shoff
    size, count = struct.unpack_from("<HH", data, 58)  # e_shentsize, e_shnum
    types = [table + at * size + 4 for at in range(count)]
    (bss,) = (at for at in types if struct.unpack_from("<I", data, at) == (8,))  # SHT_NOBITS
    struct.pack_into("<Q", data, bss + 28, 1 << 40)  # sh_size
    path = tmp_path / "zeros.o"
    path.write_bytes(data)
    assert facts_of((str(path), built[1])) == facts_of(built)


def headers(data: bytes) -> tuple[int, int, int]:
    """Where the section headers are, the size of one, and their number."""
    (table,) = struct.unpack_from("<Q", data, 40)  # e_shoff
    return (table, *struct.unpack_from("<HH", data, 58))  # e_shentsize, e_shnum


def spoiled(whole: str, path: Path, form: str, at: int, value: int) -> str:
    data = bytearray(Path(whole).read_bytes())
    struct.pack_into(form, data, at, value)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (16, 2, "no relocatable ELF file of 64 bits, as clang -c makes it"),  # e_type
        (18, 62, "an object for EM_X86_64, not for BPF"),  # e_machine
    ],
)
def test_what_libbpf_does_not_open_is_refused(
    built: tuple[str, str], tmp_path: Path, at: int, value: int, said: str
) -> None:
    path = spoiled(built[0], tmp_path / "x.o", "<H", at, value)
    refused = AskBpfObject(path, built[1]).put(Machine())
    assert isinstance(refused, NoAnswer)
    assert (refused.reason, refused.detail) == ("refused", said)


@pytest.mark.parametrize("more", [0, 1])
def test_a_section_lies_in_the_file_to_its_last_byte(
    built: tuple[str, str], tmp_path: Path, more: int
) -> None:
    data = Path(built[0]).read_bytes()
    table, size, count = headers(data)
    text = table + size * next(
        at
        for at in range(count)
        if struct.unpack_from("<I", data, table + at * size + 4) == (0x6FFF4C03,)
    )  # SHT_LLVM_ADDRSIG, which nothing of ours reads
    offset, held = struct.unpack_from("<QQ", data, text + 24)
    path = spoiled(built[0], tmp_path / "x.o", "<Q", text + 24, len(data) - held + more)
    found = AskBpfObject(path, built[1]).put(Machine())
    assert offset
    assert isinstance(found, NoAnswer) == bool(more)


def test_a_section_whose_name_is_nowhere_is_refused(built: tuple[str, str], tmp_path: Path) -> None:
    data = Path(built[0]).read_bytes()
    table, size, count = headers(data)
    (names,) = struct.unpack_from("<H", data, 62)  # e_shstrndx
    (held,) = struct.unpack_from("<Q", data, table + names * size + 32)
    for beyond, at in ((0, held - 1), (1, held)):
        path = spoiled(built[0], tmp_path / "x.o", "<I", table + (count - 1) * size, at)
        found = AskBpfObject(path, built[1]).put(Machine())
        assert isinstance(found, NoAnswer) == bool(beyond)


def test_an_executable_of_this_machine_is_not_for_bpf(tmp_path: Path) -> None:
    found = AskBpfObject("/bin/sh").put(Machine())
    assert isinstance(found, NoAnswer)
    assert "not for BPF" in found.detail
    assert isinstance(AskBpfObject(str(tmp_path)).put(Machine()), NoAnswer)


@settings(
    max_examples=cases(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_a_spoilt_object_never_raises(
    built: tuple[str, str], tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(Path(built[0]).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "spoilt.o"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert isinstance(AskBpfObject(str(path), built[1]).put(Machine()), (BpfObject, NoAnswer))


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "tracepoint/syscalls/sys_enter_write",
            Named("tracepoint", "tp", "syscalls/sys_enter_write"),
        ),
        ("kretprobe/vfs_unlink", Named("kprobe", "kretprobe", "vfs_unlink")),
        ("?fentry.s/vfs_unlink", Named("tracing", "fentry", "vfs_unlink", sleepable=True)),
        ("tc/ingress", Named("sched_cls", "tc", "ingress")),
        ("tcx/ingress", Named("sched_cls", "tcx", "ingress")),
        ("tc/foo", None),
        ("xdp.frags/devmap", Named("xdp", "xdp.frags", "devmap", attach=33)),
        ("socket/foo", None),
        ("kprobe.s/vfs_unlink", None),
        ("cgroup/connect4", Named("cgroup_sock_addr", "cgroup", "connect4", attach=10)),
        ("cgroup/skb", Named("cgroup_skb", "cgroup", "skb")),
        ("sk_skb/verdict", Named("sk_skb", "sk_skb", "verdict")),
        ("raw_tracepoint.w/x", Named("raw_tracepoint_writable", "raw_tp.w", "x")),
        ("uprobe.session", Named("kprobe", "uprobe.session")),
        ("uprobe.multi.s/a:b", Named("kprobe", "uprobe.multi", "a:b", sleepable=True)),
        ("socket", Named("socket_filter", "socket")),
        ("socket1", None),
        ("", None),
    ],
)
def test_a_sections_name_says_type_and_target(section: str, expected: Named | None) -> None:
    assert named(section) == expected


HEAD = """
#define exists(x) __builtin_preserve_field_info(x, 2)
#define CORE __attribute__((preserve_access_index))
struct task_struct { int pid; } CORE;
struct task_struct___other { int never_a_field; int pid; } CORE;
struct never_a_struct { int field; } CORE;
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
#define SIZE(x) __builtin_preserve_type_info(*(x *)0, 1)
__attribute__((section("iter/task"), used)) int one(struct { void *meta; void *task; } *ctx)
{ struct task_struct *t = ctx->task; struct task_struct___other *o = ctx->task;
  if (!t) return 0;
"""


@pytest.mark.bpf
@pytest.mark.parametrize(
    ("code", "loads"),
    [
        ("return t->pid != 0;", True),
        ("return o->never_a_field != 0;", False),
        ("if (exists(o->never_a_field)) return o->never_a_field != 0; return 0;", True),
        ("if (exists(o->pid)) return o->never_a_field != 0; return 0;", False),
        ("if (!exists(o->never_a_field) || t->pid) return 0; return o->never_a_field;", True),
        ("return SIZE(struct never_a_struct) != 0;", True),
    ],
)
def test_libbpf_and_the_kernel_say_the_same(
    code: str, loads: bool, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root", "bpftool", "unshare")
    path = compiled(tmp_path, "one", HEAD + code + "}")
    found = AskBpfObject(path).put(Machine())
    assert isinstance(found, BpfObject)
    assert found.kernel_btf
    script = 'mount -t bpf bpf /sys/fs/bpf && bpftool prog load "$0" /sys/fs/bpf/one'
    argv = ["unshare", "-m", "sh", "-c", script, path]
    loaded = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (loaded.returncode == 0) is loads, loaded.stderr
    (program,) = found.programs
    assert (set(program.missing) <= set(program.unreachable)) is loads
    assert loads or not program.conditional
