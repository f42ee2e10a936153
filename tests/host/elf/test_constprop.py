"""Which code is reached, by the constants that a loader fills in; and never too little of it."""

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
from bpfdoctor.host.elf.constprop import Address, Number, Value, Walk
from bpfdoctor.host.machine import Machine

MOVE, COPY, LOAD = asm.ALU64_MOV_K, asm.ALU64_MOV_X, asm.LD_IMM_DW
ADD, AND, TIMES = (asm.BPF_ALU64 | op for op in (asm.BPF_ADD, asm.BPF_AND, asm.BPF_MUL))
GO, EXIT, CALL = asm.JMP_JA, asm.JMP_EXIT, asm.JMP_CALL
EQUAL, UNEQUAL, LESS_SIGNED = (asm.BPF_JMP | op for op in (asm.BPF_JEQ, asm.BPF_JNE, asm.BPF_JSLT))
UNEQUAL_TO = UNEQUAL | asm.BPF_X
BYTE, STORE = asm.LDX_MEM[asm.BPF_B], asm.BPF_STX | asm.BPF_MEM | asm.BPF_DW


def step(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    return Instruction(code, dst, src, off, imm).encode()


def walk(code: bytes, filled: dict[int, Value | None] | None = None) -> Walk:
    return Walk(code, 0, len(code), filled or {}, 1000)


def lines(code: bytes, filled: dict[int, Value | None] | None = None) -> set[int]:
    """The numbers of the instructions that are reached."""
    found = walk(code, filled)
    assert found.whole
    return {at // 8 for at in found.seen}


def branch(operation: int, number: int = 0) -> bytes:
    """`r1 = 1; if r1 … number goto +1; r0 = 0; exit`."""
    return step(MOVE, 1, imm=1) + step(operation, 1, off=1, imm=number) + (step(MOVE) + step(EXIT))


@pytest.mark.parametrize(
    ("operation", "number", "value", "expected"),
    [
        (EQUAL, 0, 1, {0, 1, 2, 3}),
        (EQUAL, 0, 0, {0, 1, 3}),
        (UNEQUAL, 0, 1, {0, 1, 3}),
        (UNEQUAL, 0, 0, {0, 1, 2, 3}),
        (LESS_SIGNED, -1, (1 << 64) - 2, {0, 1, 3}),
        (LESS_SIGNED, -1, 0, {0, 1, 2, 3}),
    ],
)
def test_a_jump_on_a_constant_goes_one_way(
    operation: int, number: int, value: int, expected: set[int]
) -> None:
    taken = lines(branch(operation, number), {0: Number(value)})
    assert taken == expected


def test_what_is_filled_in_and_not_known_goes_both_ways() -> None:
    assert lines(branch(EQUAL), {0: None}) == {0, 1, 2, 3}


def test_an_option_is_read_from_its_address() -> None:
    code = (
        step(LOAD, 2)
        + step(0)
        + step(BYTE, 2, 2)
        + branch(EQUAL)[8:].replace(step(EQUAL, 1, off=1), step(EQUAL, 2, off=1))
    )
    assert lines(code, {0: Address(0)}) == {0, 2, 3, 5}
    assert lines(code, {0: Address(1)}) == {0, 2, 3, 4, 5}
    assert lines(code, {0: Address(None)}) == {0, 2, 3, 4, 5}
    assert lines(code, {0: None}) == {0, 2, 3, 4, 5}


def test_where_two_ways_meet_only_what_both_know_is_known() -> None:
    code = (
        step(UNEQUAL, 6, off=2)  # r6 is not known
        + step(MOVE, 1, imm=1)
        + step(GO, off=1)
        + step(MOVE, 1, imm=0)
        + step(EQUAL, 1, off=1)
        + step(MOVE)
        + step(EXIT)
    )
    assert lines(code) == set(range(7))


def test_a_call_forgets_what_it_may_change() -> None:
    kept = step(MOVE, 6, imm=0) + step(CALL) + step(EQUAL, 6, off=1) + step(MOVE) + step(EXIT)
    lost = step(MOVE, 1, imm=0) + step(CALL) + step(EQUAL, 1, off=1) + step(MOVE) + step(EXIT)
    assert lines(kept) == {0, 1, 2, 4}
    assert lines(lost) == {0, 1, 2, 3, 4}


def test_a_loop_ends_and_too_many_steps_are_not_taken() -> None:
    loop = step(ADD, 1, imm=1) + step(GO, off=-2)
    assert lines(loop) == {0, 1}
    far = walk(step(MOVE) * 2000 + step(EXIT))
    assert (far.whole, far.lost) == (False, True)


@given(st.binary(min_size=8, max_size=400), st.integers(0, 1))
def test_whatever_the_code_is_it_ends(code: bytes, value: int) -> None:
    code = code[: len(code) // 8 * 8]
    filled: dict[int, Value | None]
    filled = {0: Number(value), 8: Address(value), 16: None, 24: Address(None)}
    assert walk(code, filled).seen.keys() <= set(range(0, len(code), 8))


@given(st.lists(st.sampled_from([
    step(MOVE, 1, imm=1), step(MOVE, 2), step(COPY, 1, 2), step(CALL), step(EQUAL, 1, off=2),
    step(UNEQUAL, 2, off=1, imm=1), step(GO, off=1), step(AND, 1, imm=1), step(EXIT),
]), min_size=1, max_size=30), st.integers(0, 29), st.integers(0, 1))  # fmt: skip
def test_more_that_is_known_never_reaches_more(steps: list[bytes], place: int, value: int) -> None:
    code = b"".join(steps)
    known = lines(code, {place * 8: Number(value)})
    assert known <= lines(code, {place * 8: None})


@pytest.mark.parametrize(
    ("code", "lost"),
    [
        (step(COPY, 2, 1), False),
        (step(AND, 1, imm=1), False),
        (step(TIMES, 1, imm=3), True),  # a product is not followed
        (step(STORE, 10, 1, -8), True),  # nor what lies on the stack
        (step(STORE, 10, 2, -8), False),
        (step(CALL, imm=5), False),
        (step(CALL, 0, 1, 0, 5), True),  # nor what a function is given
        (step(MOVE, 1), False),
        (step(UNEQUAL_TO, 1, 2, 0), True),  # a jump by what is not known
        (step(EQUAL, 1, off=0), False),
    ],
)
def test_what_is_not_followed_is_noticed(code: bytes, lost: bool) -> None:
    whole = step(MOVE, 1, imm=1) + code + step(EXIT)
    assert walk(whole, {0: Number(1)}).lost is lost
    assert not walk(whole).lost


def test_what_is_not_known_and_decides_is_noticed() -> None:
    address = step(LOAD, 1) + step(0)
    assert walk(address + step(BYTE, 2, 1) + step(EXIT), {0: Address(None)}).lost
    assert walk(address + step(EQUAL, 1) + step(EXIT), {0: Address(None)}).lost
    assert not walk(address + step(CALL, imm=6) + step(EXIT), {0: Address(None)}).lost
    assert not walk(address + step(BYTE, 2, 1) + step(EXIT), {0: Address(1)}).lost


SOURCE = """
#define SEC(name) __attribute__((section(name), used))
#define exists(x) __builtin_preserve_field_info(x, 2)
#define value(x, kind) __builtin_preserve_enum_value(*(typeof(enum bpf_func_id) *)x, kind)
enum bpf_func_id { BPF_FUNC_never = 9999, BPF_FUNC_map_lookup_elem = 1 };
struct task_struct { int pid; } __attribute__((preserve_access_index));
struct task_struct___other { int never_a_field; } __attribute__((preserve_access_index));
static long (*never)(void) = (void *)9999;
extern _Bool LINUX_HAS_BPF_COOKIE __attribute__((section(".kconfig")));
extern int LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
SEC("tp/a/one") int field(struct task_struct *t)
{ struct task_struct___other *o = (void *)t;
  return exists(o->never_a_field) ? o->never_a_field : t->pid; }
SEC("tp/a/two") int helper(void *ctx) { return value(BPF_FUNC_never, 0) ? never() : 0; }
SEC("tp/a/three") int cookie(void *ctx) { return LINUX_HAS_BPF_COOKIE ? 0 : never(); }
SEC("tp/a/four") int version(void *ctx) { return LINUX_KERNEL_VERSION > 0x7fff0000 ? never() : 0; }
SEC("tp/a/five") int reaches(struct task_struct *t)
{ struct task_struct___other *o = (void *)t; return exists(t->pid) ? o->never_a_field : 0; }
"""


@pytest.mark.bpf
def test_a_compilers_code_is_followed(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("clang", "root")
    source, out = tmp_path / "p.c", tmp_path / "p.o"
    source.write_text(SOURCE)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    found = AskBpfObject(str(out)).put(Machine())
    assert isinstance(found, BpfObject)
    assert found.kernel_btf
    spared = {each.name: bool(each.unreachable) for each in found.programs if each.missing}
    assert spared == {"field": True, "reaches": False}
    cookie = next(each for each in found.externs if each.name == "LINUX_HAS_BPF_COOKIE")
    unknown = {each.name for each in found.programs if each.unknown_helpers}
    assert unknown == (set() if cookie.value else {"cookie"})
