"""A dozen instructions that count how often they see one number: the heart of our live proofs.

The program has one array map, whose only element is two 64-bit numbers: a magic one, and its count
of hits. The magic number is random, so that only our own call carries it.
"""

from __future__ import annotations

import os
import struct

from bpfdoctor.host.bpf.asm import (
    BPF_ADD,
    BPF_DW,
    BPF_JEQ,
    BPF_JNE,
    BPF_REG_0,
    BPF_REG_1,
    BPF_REG_2,
    BPF_REG_7,
    BPF_REG_10,
    BPF_W,
    STEP,
    Instruction,
    decode,
)
from bpfdoctor.host.bpf.calls import create_map, lookup, update
from bpfdoctor.host.bpf.features.helpers import HELPERS
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.macros import (
    alu64_imm,
    assemble,
    atomic_op,
    call,
    exit_insn,
    jmp_imm,
    jmp_reg,
    ld_map_fd,
    ldx_mem,
    mov64_imm,
    mov64_reg,
    st_mem,
)

VALUE = struct.Struct("=QQ")
"""The element of the map: the magic number, and how often it was seen."""

KEY = bytes(4)


def magic_number(bits: int) -> int:
    """A random number of exactly so many bits."""
    return int.from_bytes(os.urandom(8), "little") % (1 << (bits - 1)) | 1 << (bits - 1)


def counting_code(*read: Instruction, returns: int) -> tuple[bytes, int]:
    """Instructions that end with `returns`, and the index of the one that names the map.

    `read` puts the number to look at into r7; r1 is the context there.
    """
    before = (
        *read,
        st_mem(BPF_W, BPF_REG_10, -4, 0),  # the key, on the stack
        mov64_reg(BPF_REG_2, BPF_REG_10),
        alu64_imm(BPF_ADD, BPF_REG_2, -4),
    )
    after = (
        call(HELPERS["map_lookup_elem"].number),
        jmp_imm(BPF_JEQ, BPF_REG_0, 0, 4),
        ldx_mem(BPF_DW, BPF_REG_1, BPF_REG_0, 0),  # the magic number
        jmp_reg(BPF_JNE, BPF_REG_1, BPF_REG_7, 2),
        mov64_imm(BPF_REG_1, 1),
        atomic_op(BPF_DW, BPF_ADD, BPF_REG_0, BPF_REG_1, 8),  # the hits
        mov64_imm(BPF_REG_0, returns),  # where both jumps go
        exit_insn(),
    )
    return assemble(*before, *ld_map_fd(BPF_REG_1, 0), *after), len(before)


def counting_map(magic: int) -> int:
    """A new map of that kind, with no hits: a descriptor. Raises OSError."""
    descriptor = create_map(MAP_TYPES["array"].number, 4, VALUE.size, 1)
    update(descriptor, KEY, VALUE.pack(magic, 0))
    return descriptor


def hits_in(descriptor: int) -> int:
    """How often the program saw the number. Raises OSError."""
    hits: int = VALUE.unpack(lookup(descriptor, KEY, VALUE.size))[1]
    return hits


def with_map(code: bytes, references: tuple[int, ...], descriptor: int) -> bytes:
    """`code` with the map's descriptor in each of its references (instruction indices)."""
    for index in references:
        at = index * STEP
        named = assemble(*ld_map_fd(decode(code, at).dst, descriptor))
        code = code[:at] + named + code[at + len(named) :]
    return code
