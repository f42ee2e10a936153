"""Reads of kernel memory at offsets that stay, in objects that clang makes here."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from loud import require

from bpfdoctor.host.elf.ask_fixed_reads import AskFixedReads
from bpfdoctor.host.elf.fixed_reads import RETURNED, FixedRead, FixedReads
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer

BEGINNING = """
#define SEC(name) __attribute__((section(name), used))
#define BPF_PROBE_READ(src, one, two) ({ \\
    void *__p; int __n; \\
    read(&__p, sizeof(__p), &(src)->one); \\
    read(&__n, sizeof(__n), &((typeof((src)->one))__p)->two); __n; })
typedef unsigned long long word;
static long (*bpf_probe_read_kernel)(void *, unsigned, const void *) = (void *)113;
#define read bpf_probe_read_kernel
static void *(*lookup)(void *, const void *) = (void *)1;
static word (*bpf_get_current_task)(void) = (void *)35;
static struct task_struct *(*typed_task)(void) = (void *)158;
struct pt_regs { long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di; };
struct cred { int usage, uid; };
struct inner { int low, high; };
struct task_struct {
    char pad[96]; int pid; char comm[16]; struct inner both; struct task_struct *parent;
    const struct cred *cred;
} MOVED;
struct sock { char pad[40]; int rcvbuf; } MOVED;
struct socks {
    int (*type)[1]; int (*max_entries)[4]; int *key; struct sock **value;
} socks SEC(".maps");
struct bpf_iter__task { void *meta; struct task_struct *task; };
const volatile int wanted;
int out;
char LICENSE[] SEC("license") = "GPL";
"""

PROGRAMS = {
    "current": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\nread(&out, 4, &t->pid);",
    ),
    "array": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\nchar to[16];\n"
        "read(to, sizeof(to),\nt->comm);\nout = to[2];",
    ),
    "nested": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\nread(&out, 4, &t->both.high);",
    ),
    "followed": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\nconst struct cred *c;\n"
        "read(&t, 8, &t->parent);\nread(&c, 8, &t->cred);\nread(&out, 4, &c->uid);",
    ),
    "by_macro": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\n"
        "out = BPF_PROBE_READ(t, parent, pid);",
    ),
    "typed": ('SEC("tp/a/b")', "void *ctx", "out = typed_task()->pid;"),
    "entry": (
        'SEC("fentry/some")',
        "word *ctx",
        "struct sock *sk = (void *)ctx[1];\nout = sk->rcvbuf;",
    ),
    "traced": (
        'SEC("tp_btf/some")',
        "word *ctx",
        "struct task_struct *t = (void *)ctx[0];\nout = t->parent->pid;",
    ),
    "probe": (
        'SEC("kprobe/some")',
        "struct pt_regs *ctx",
        "struct sock *sk = (void *)ctx->si;\nread(&out, 4, &sk->rcvbuf);",
    ),
    "returned": (
        'SEC("kretprobe/some")',
        "struct pt_regs *ctx",
        "struct sock *sk = (void *)ctx->ax;\nread(&out, 4, &sk->rcvbuf);",
    ),
    "kept": (
        'SEC("kretprobe/some")',
        "struct pt_regs *ctx",
        "int k = 0; struct sock **p = lookup(&socks, &k);\nif (!p) return 0;\n"
        "struct sock *sk = *p;\nread(&out, 4, &sk->rcvbuf);",
    ),
    "iterated": (
        'SEC("iter/task")',
        "struct bpf_iter__task *ctx",
        "struct task_struct *t = ctx->task;\nif (!t) return 0;\nout = t->pid;",
    ),
    "guarded": (
        'SEC("tp/a/b")',
        "void *ctx",
        "struct task_struct *t = (void *)bpf_get_current_task();\n"
        "if (wanted == 7) read(&out, 4, &t->pid);",
    ),
    "called": ('SEC("kprobe/some")', "struct pt_regs *ctx", "apart((void *)ctx->di);"),
    "uncertain": (
        'SEC("kprobe/some")',
        "struct pt_regs *ctx",
        "int k = 0; void *p = lookup(&socks, &k);\nif (p) apart(p + out);",
    ),
}
APART = (
    "__attribute__((noinline)) static void apart(struct sock *sk)\n{ read(&out, 4, &sk->rcvbuf); }"
)

SOCK = {"offset": 40, "size": 4, "member": "rcvbuf"}
PID = {"offset": 96, "size": 4, "member": "pid", "struct": "task_struct"}
PARENT = {"offset": 128, "size": 8, "member": "parent", "struct": "task_struct"}
EXPECTED: dict[str, list[dict[str, object]]] = {
    "current": [PID],
    "array": [PID | {"offset": 100, "size": 16, "member": "comm"}],
    "nested": [PID | {"offset": 120, "member": "both.high"}],
    "followed": [
        PARENT,
        PARENT | {"offset": 136, "member": "cred", "members": ("parent",)},
        PID | {"offset": 4, "member": "uid", "members": ("parent", "cred")},
    ],
    "by_macro": [PARENT, PID | {"members": ("parent",)}],
    "typed": [PID | {"direct": True}],
    "entry": [SOCK | {"parameter": 1, "direct": True}],
    "traced": [
        PARENT | {"struct": "", "parameter": 0, "direct": True},
        PID | {"struct": "", "parameter": 0, "members": ("parent",), "direct": True},
    ],
    "probe": [SOCK | {"parameter": 1}],
    "returned": [SOCK | {"parameter": RETURNED}],
    "kept": [SOCK | {"struct": "sock"}],
    "iterated": [PID | {"struct": "bpf_iter__task", "members": ("task",), "direct": True}],
    "guarded": [PID | {"guarded": True}],
    "called": [SOCK | {"parameter": 0}],
    "uncertain": [SOCK | {"struct": "sock", "doubtful": True}],
}


def source() -> str:
    """All of them, each statement in a line of its own."""
    programs = (
        f"{section} int {name}({context})\n{{\n{body}\nreturn 0;\n}}"
        for name, (section, context, body) in PROGRAMS.items()
    )
    return "\n".join([BEGINNING, APART, *programs])


def built(place: Path, moved: str) -> FixedReads:
    require("clang", "llvm-objcopy")
    (place / "p.bpf.c").write_text(source())
    argv = ["clang", "-g", "-O2", "-target", "bpf", f"-DMOVED={moved}", "-c", "p.bpf.c"]
    subprocess.run([*argv, "-o", "p.o"], check=True, cwd=place)
    found = AskFixedReads(str(place / "p.o")).put(Machine())
    assert isinstance(found, FixedReads)
    return found


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> FixedReads:
    """The reads of all of them, where nothing is relocated."""
    return built(tmp_path_factory.mktemp("fixed"), "")


def reads(found: FixedReads, name: str) -> tuple[FixedRead, ...]:
    return next((each.reads for each in found.programs if each.program == name), ())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_read_that_stays_is_told_with_what_it_is_of(fixed: FixedReads, name: str) -> None:
    keys = ("struct", "parameter", "members", "direct", "doubtful", "guarded")
    kept = ("offset", "size", "member", *keys)
    plain = FixedRead(0)
    found = [{key: getattr(each, key) for key in kept} for each in reads(fixed, name)]
    wanted = [{key: getattr(plain, key) for key in keys} | each for each in EXPECTED[name]]
    assert found == wanted


def test_a_read_that_the_loader_moves_is_not_told(tmp_path: Path) -> None:
    found = built(tmp_path, "__attribute__((preserve_access_index))")
    told = {each.program: [read.member for read in each.reads] for each in found.programs}
    assert told == {"followed": ["uid"]}, "cred alone has no such attribute"


def test_the_line_of_the_source_is_told(fixed: FixedReads) -> None:
    (read,) = reads(fixed, "current")
    number = source().splitlines().index(PROGRAMS["current"][2].splitlines()[1]) + 1
    assert (read.file, read.line, read.text) == ("p.bpf.c", number, "read(&out, 4, &t->pid);")
    assert read.declared == ("task_struct",)


def test_what_the_objects_types_have_there_is_told(fixed: FixedReads) -> None:
    (read,) = reads(fixed, "called")
    assert dict(read.laid) == {"sock": ("rcvbuf",)}


def test_what_a_program_is_attached_to_is_named_as_the_kernel_does(fixed: FixedReads) -> None:
    attached = {each.program: each.attached for each in fixed.programs}
    assert [attached[each] for each in ("probe", "traced", "current")] == [
        "some", "btf_trace_some", "",
    ]  # fmt: skip


def test_an_object_without_lines_is_read_too(tmp_path: Path) -> None:
    built(tmp_path, "")
    for section in (".BTF.ext", ".BTF"):
        argv = ["llvm-objcopy", f"--remove-section={section}", "p.o"]
        subprocess.run(argv, check=True, cwd=tmp_path)
        found = AskFixedReads(str(tmp_path / "p.o")).put(Machine())
        assert isinstance(found, FixedReads)
        assert not any(read.line for each in found.programs for read in each.reads)


def test_whatever_the_file_is_it_ends(tmp_path: Path) -> None:
    built(tmp_path, "")
    data, chance = bytearray((tmp_path / "p.o").read_bytes()), random.Random(11)
    for _ in range(60):
        spoilt = bytearray(data)
        for _ in range(chance.choice((1, 4, 40))):
            spoilt[chance.randrange(64, len(spoilt))] = chance.randrange(256)
        (tmp_path / "spoilt.o").write_bytes(spoilt)
        assert isinstance(
            AskFixedReads(str(tmp_path / "spoilt.o")).put(Machine()), FixedReads | NoAnswer
        )


@pytest.mark.parametrize("path", ["/bin/sh", "/", "/nowhere", "\0"])
def test_what_is_no_object_has_no_answer(path: str) -> None:
    assert isinstance(AskFixedReads(path).put(Machine()), NoAnswer)
