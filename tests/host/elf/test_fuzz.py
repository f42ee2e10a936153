"""Spoilt files, as many as asked for: each ends in an answer, within bounds of memory and time.

A failure names the seed and the case, which spoil the same bytes again.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bounded import MOST_MEMORY, spoilt
from depth import cases

from bpfdoctor.host.btf.file import VMLINUX

USUAL = 300
SECONDS = 0.05
"""Of CPU for one case on average; measured: 0.0004 s for an object, 0.0003 s for BTF."""

SOURCE = """
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define exists(x) __builtin_preserve_field_info(x, 2)
enum state { STATE_IDLE = 0, STATE_RUNNING = 1 };
struct inner { int low; struct { long deep; }; } CORE;
struct task_struct { int pid; long __state; struct inner in[8]; enum state s; char *comm; } CORE;
struct { int (*type)[27]; int (*max_entries)[4096]; } events SEC(".maps");
static void *(*lookup)(void *, void *) = (void *)1;
extern int bpf_must(int) __attribute__((section(".ksyms")));
extern int bpf_may(int) __attribute__((section(".ksyms"), weak));
extern int CONFIG_HZ __attribute__((section(".kconfig")));
const volatile int constant;
int counter;
__attribute__((noinline)) int taken(struct task_struct *t) { return t->in[2].low + bpf_must(1); }
SEC("tp/sched/sched_process_exec") int first(struct task_struct *t)
{ counter++; return t->pid + taken(t) + (exists(t->__state) ? t->__state : CONFIG_HZ); }
SEC("fentry/vfs_unlink") int second(struct task_struct *t)
{ lookup(&events, t); return constant ? t->in[1].deep : bpf_may ? bpf_may(2) : t->s; }
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture
def built(tmp_path: Path, needs: Callable[..., None]) -> tuple[Path, Path]:
    """An object with something of everything, and its BTF in a file of its own."""
    needs("clang", "llvm-objcopy")
    source, out, types = tmp_path / "p.c", tmp_path / "p.o", tmp_path / "p.btf"
    source.write_text(SOURCE)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    subprocess.run(["llvm-strip", "-g", out], check=True)
    subprocess.run(["llvm-objcopy", f"--dump-section=.BTF={types}", out], check=True)
    return out, types


@pytest.mark.parametrize("kind", ["object", "btf"])
def test_a_spoilt_file_never_raises_or_takes_much(built: tuple[Path, Path], kind: str) -> None:
    many = cases(USUAL)
    path, btf = built[0] if kind == "object" else built[1], VMLINUX if many == USUAL else built[1]
    found = spoilt(kind, path, many, secrets.randbelow(1 << 30), str(btf))
    assert found.memory < MOST_MEMORY, found
    assert found.seconds < 2 + SECONDS * many, found
