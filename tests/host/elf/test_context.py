"""What a program reads of its context and returns, as far as that can be followed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.bpf import asm
from bpfdoctor.host.bpf.asm import Instruction
from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.constprop import Number, Value
from bpfdoctor.host.elf.context import ContextUse, ContextWalk
from bpfdoctor.host.machine import Machine

MOVE, COPY, COPY32, ADD = asm.ALU64_MOV_K, asm.ALU64_MOV_X, asm.ALU_MOV_X, asm.BPF_ALU64
EXIT, CALL, OVER, EQUAL = asm.JMP_EXIT, asm.JMP_CALL, asm.JMP_JA, asm.BPF_JMP | asm.BPF_JEQ
WORD, HALF = asm.LDX_MEM[asm.BPF_DW], asm.LDX_MEM[asm.BPF_H]
CONTEXT = 1


def step(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return Instruction(code, dst, src, off, imm).encode()


def use(*steps: bytes, filled: dict[int, Value | None] | None = None) -> ContextUse:
    code = b"".join(steps)
    return ContextWalk(code, 0, len(code), filled or {}, 1000).use({})


def test_a_word_that_is_returned_as_it_was_read_is_followed() -> None:
    found = use(step(WORD, 0, CONTEXT, 24), step(EXIT))
    assert found == ContextUse(reads=((24, 8),), returned=(24,))
    kept = use(
        step(COPY, 6, CONTEXT), step(ADD, 6, imm=16), step(CALL, imm=7),
        step(WORD, 7, 6, 8), step(COPY, 0, 7), step(EXIT),
    )  # fmt: skip
    assert kept == found


def test_a_constant_that_is_returned_is_followed() -> None:
    assert use(step(MOVE, imm=-1), step(EXIT)).returns == ((1 << 64) - 1,)
    filled: dict[int, Value | None] = {0: Number(7)}
    assert use(step(MOVE), step(EXIT), filled=filled).returns == (7,)


def test_both_ways_to_an_exit_count() -> None:
    found = use(
        step(WORD, 0, CONTEXT, 24), step(EQUAL, 0, off=1), step(OVER, off=1),
        step(MOVE, imm=5), step(EXIT),
    )  # fmt: skip
    assert found == ContextUse(reads=((24, 8),), returns=(5,), returned=(24,))


@pytest.mark.parametrize(
    "lost",
    [
        step(CALL, imm=7),
        step(HALF, 0, CONTEXT, 2),
        step(WORD, 0, 2),
        step(WORD, 3, CONTEXT) + step(COPY32, 0, 3),
    ],
)
def test_what_is_not_followed_is_something_else(lost: bytes) -> None:
    found = use(lost, step(EXIT))
    assert (found.returns, found.returned, found.others) == ((), (), True)


def test_a_read_that_is_relocated_is_left_to_btf() -> None:
    filled: dict[int, Value | None] = {0: None}
    assert use(step(WORD, 2, CONTEXT, 24), step(EXIT), filled=filled).reads == ()


def test_what_is_read_through_a_word_is_told_with_its_place() -> None:
    steps = step(WORD, 2, CONTEXT, 8), step(HALF, 3, 2, 6), step(WORD, 4, 2), step(EXIT)
    code = b"".join(steps)
    walk = ContextWalk(code, 0, len(code), {16: None}, 1000)
    assert walk.use({16: 64}).through == ((8, 6, 2), (8, 64, 8))
    assert walk.use({}).through == ((8, 0, 1), (8, 6, 2)), "relocated, to where is not known"


def test_a_word_that_is_weighed_may_be_known_better() -> None:
    for number, weighed in ((0, ()), (5, (24,))):
        compared = step(EQUAL, 0, off=1, imm=number), step(MOVE, imm=0)
        found = use(step(WORD, 0, CONTEXT, 24), *compared, step(EXIT))
        assert (found.returned, found.weighed) == ((24,), weighed)


def test_too_many_values_are_not_told() -> None:
    ways = b"".join(step(EQUAL, 2, imm=each, off=0) for each in range(2))
    many = [step(EQUAL, 2, off=2) + step(MOVE, imm=each) + step(OVER, off=30 - 3 * each)
            for each in range(10)]  # fmt: skip
    found = use(ways, *many, *(step(MOVE, 9) for _ in range(3)), step(EXIT))
    assert found.returns == ()


@given(st.binary(min_size=8, max_size=400))
def test_whatever_the_code_is_it_ends(code: bytes) -> None:
    code = code[: len(code) // 8 * 8]
    found = ContextWalk(code, 0, len(code), {8: None, 16: Number(1)}, 16 * len(code)).use({})
    assert all(size in (1, 2, 4, 8) for _, size in found.reads)


PROGRAM = """
#define SEC(name) __attribute__((section(name), used))
typedef unsigned long long word;
SEC("lsm/bpf") int hook(word *ctx) { int before = ctx[3]; return before; }
SEC("fentry/vfs_unlink") int entry(word *ctx) { return ctx[1] == 5 ? 7 : 9; }
char LICENSE[] SEC("license") = "GPL";
"""


def test_what_clang_makes_is_followed(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("clang")
    source, out = tmp_path / "p.c", tmp_path / "p.o"
    source.write_text(PROGRAM)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    facts = AskBpfObject(str(out)).put(Machine())
    assert isinstance(facts, BpfObject)
    hook, entry = (each.context for each in facts.programs)
    assert (hook.reads, hook.returned, hook.others) == (((24, 8),), (24,), False)
    assert (entry.reads, entry.returns) == (((8, 8),), (7, 9))


KERNEL = """
struct inode { long a; union { int other; long i_ino; }; };
long use(struct inode *i) { return i->i_ino; }
"""
READER = """
#define SEC(name) __attribute__((section(name), used))
struct inode { long i_ino; } __attribute__((preserve_access_index));
SEC("fentry/vfs_unlink") int entry(struct inode **ctx) { return ctx[1]->i_ino == 5; }
char LICENSE[] SEC("license") = "GPL";
"""


def test_a_field_is_looked_for_where_the_kernel_has_it(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "llvm-objcopy")
    for name, text in (("kernel", KERNEL), ("reader", READER)):
        (tmp_path / f"{name}.c").write_text(text)
        argv = ["clang", "-g", "-O2", "-target", "bpf", "-c", f"{name}.c", "-o", f"{name}.o"]
        subprocess.run(argv, check=True, cwd=tmp_path)
    dump = ["llvm-objcopy", "--dump-section=.BTF=kernel.btf", "kernel.o"]
    subprocess.run(dump, check=True, cwd=tmp_path)
    facts = AskBpfObject(str(tmp_path / "reader.o"), str(tmp_path / "kernel.btf")).put(Machine())
    assert isinstance(facts, BpfObject)
    assert [each.context.through for each in facts.programs] == [((8, 8, 8),)]
