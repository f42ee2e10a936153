"""What programs of a kind may read of what they are given, and what they may return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.bpf.asm import (
    BPF_B,
    BPF_DW,
    BPF_H,
    BPF_JEQ,
    BPF_REG_0,
    BPF_REG_1,
    BPF_REG_2,
    BPF_W,
    BYTES,
    Instruction,
)
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.call_probe import Calls, Refused
from bpfdoctor.host.bpf.calls import Attempt, LoadError
from bpfdoctor.host.bpf.macros import EXIT, assemble, jmp_imm, ld_imm64, ld_map_fd, ldx_mem
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.bpf.memlock import with_memory
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs, last_words
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.question import NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SIZES = {BYTES[size]: size for size in (BPF_B, BPF_H, BPF_W, BPF_DW)}
"""Sizes of loads, by how many bytes they read."""


class TryContext(Question[Calls], frozen=True):
    """May a program like this one read that of its context, and return that?

    `reads` are offsets and sizes in bytes, tried in one program; `returns` constants of 64 bits,
    and `returned` offsets of words of the context that are returned as they are, each in a program
    of its own. So is what is read `through` a word (the word's offset, then offset and size), once
    that is not null, and each of `maps`, where the kernel makes it.
    """

    like: ProgramAttrs
    reads: tuple[tuple[int, int], ...] = ()
    returns: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()
    through: tuple[tuple[int, int, int], ...] = ()
    maps: tuple[TryMap, ...] = ()
    privileged = True
    asks = "kernel"

    def put(self, machine: Machine) -> Calls | NoAnswer:
        like = self.like.looked_up(machine)
        if isinstance(like, Attempt):
            return Calls(like)
        return with_memory(Calls, self._try, like)

    def source(self) -> str:
        reads = [f"r0 = *(u{8 * size} *)(r1 + {offset})" for offset, size in self.reads]
        reads += [f"r2 = {through_name(*each)}" for each in self.through]
        maps = [f"r1 = {each.source()}" for each in self.maps]
        steps = "; ".join((*reads, *maps, f"r0 = {' or '.join(self._values()) or 0}"))
        return f"bpf(BPF_PROG_LOAD, {self.like.shown()}: {steps}; exit)"

    @property
    def ends(self) -> frozenset[str]:
        """What a refusal of a value that is returned is of; any other is of what is read."""
        return frozenset(returning(each) for each in self._values())

    def _values(self) -> dict[str, bytes]:
        """What is returned, in words, and how it comes into the register."""
        constants = {str(each - (each >> 63 << 64)): _constant(each) for each in self.returns}
        words = {word(each): assemble(_read(each, 8)) for each in self.returned}
        return {**constants, **words}

    def _try(self, like: ProgramAttrs) -> Calls:
        try:
            plain = like.plain()
        except OSError as error:
            return Calls(Attempt.refused(Call.PROG_LOAD, error))
        loads = [_read(offset, size) for offset, size in self.reads]
        codes = {READING: assemble(*loads) + plain} if loads else {}
        codes |= {through_name(*each): _through(*each) + plain for each in self.through}
        codes |= {returning(each): code + EXIT for each, code in self._values().items()}
        refusals = [(what, _refusal(like, code)) for what, code in codes.items()]
        refusals += [(each.source(), _unusable(like, each, plain)) for each in self.maps]
        return Calls(Attempt(), tuple(Refused(what, why) for what, why in refusals if why))


def _unusable(like: ProgramAttrs, each: TryMap, plain: bytes) -> str:
    """The verifier's words on a program that names this map; empty where there is no such map."""
    with Steps() as steps:
        try:
            descriptor = each.made(steps)
        except OSError:
            return ""
        return _refusal(like, assemble(*ld_map_fd(BPF_REG_1, descriptor)) + plain)


READING, RETURNING = "its context", "returning "
"""What is refused where something that is read of it is not there; before a value's words."""


def returning(value: str) -> str:
    """What a refusal is of where a value is returned that may not be."""
    return RETURNING + value


def word(offset: int) -> str:
    """A word of the context."""
    return f"*(u64 *)(r1 + {offset})"


def through_name(word_at: int, offset: int, size: int) -> str:
    """What is read through a word, in C."""
    return f"*(u{8 * size} *)({word(word_at)} + {offset})"


def _through(word_at: int, offset: int, size: int) -> bytes:
    """`r2 = word; if r2 == 0 goto +1; r2 = *(r2 + offset)`"""
    return assemble(
        ldx_mem(BPF_DW, BPF_REG_2, BPF_REG_1, word_at),
        jmp_imm(BPF_JEQ, BPF_REG_2, 0, 1),
        ldx_mem(SIZES[size], BPF_REG_2, BPF_REG_2, offset),
    )


def _read(offset: int, size: int) -> Instruction:
    return ldx_mem(SIZES[size], BPF_REG_0, BPF_REG_1, offset)


def _constant(value: int) -> bytes:
    return assemble(*ld_imm64(BPF_REG_0, value))


def _refusal(like: ProgramAttrs, code: bytes) -> str:
    """The verifier's words where it does not load; empty where it does."""
    try:
        like.load(code)
    except LoadError as error:
        return last_words(error.log) or str(error)
    return ""
