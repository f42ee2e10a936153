"""Which instructions of a function are reached, where the loader fills in constants.

The verifier never looks at what it sees is not reached: a program may ask (`bpf_core_field_exists`)
and have code for either answer. Only constants in registers are followed, which the verifier does
too: what is not reached here, it does not reach. What is reached here, it may yet see is not, if a
constant was lost on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bpfdoctor.host.bpf.asm import (
    ALU64_MOV_K,
    ALU64_MOV_X,
    ALU_MOV_K,
    ALU_MOV_X,
    BPF_LD,
    BPF_LDX,
    BPF_PSEUDO_CALL,
    BPF_ST,
    BPF_STX,
    JMP32_JA,
    JMP_CALL,
    JMP_CALL_X,
    JMP_EXIT,
    JMP_JA,
    LD_IMM_DW,
    LDX_MEM,
    STEP,
    STX_ATOMIC_DW,
    STX_ATOMIC_W,
    Instruction,
    decode,
)
from bpfdoctor.host.elf.alu import ALL, LOWER, compared, computed

ARGUMENTS = range(1, 6)
"""Registers that a function is given."""

LEFT_BY_A_CALL = (0, *ARGUMENTS)
"""Registers that hold something else after a call; loads from packets are as one."""

CALLS, LOADS = (JMP_CALL, JMP_CALL_X), tuple(LDX_MEM.values())


class Number(NamedTuple):
    """A constant of 64 bits; `filled`: the loader's, or what was made of one."""

    value: int
    filled: bool = True


class Address(NamedTuple):
    """The address of an option or the like, and the value that is read there, if it is known.

    Without: also what was a constant of the loader's on some way here, and is not on all.
    """

    value: int | None


class Other:
    """What a walk of another kind follows beside constants; to this one it is not known."""


Value = Number | Address | Other
Filled = Mapping[int, "Value | None"]
"""What the loader fills in, by place; None for what is no constant to the program's ways."""

Registers = dict[int, "Value"]


class Walk:
    """All ways through a function from its beginning, as far as `steps` go.

    `seen` holds the places that are reached. `lost`: a constant of the loader's was used in a way
    that is not followed here, or is not known, or there are more steps.
    """

    beginning: Registers = {}  # noqa: RUF012  (never changed)
    """What the registers hold at its beginning."""

    def __init__(self, code: bytes, start: int, end: int, filled: Filled, steps: int) -> None:
        self.code, self.start, self.end, self.filled = code, start, end, filled
        self.seen: dict[int, Registers] = {start: dict(self.beginning)}
        self.lost = False
        left = [start]
        while left and steps:
            steps -= 1
            left += self._from(left.pop())
        self.whole = not left
        self.lost |= not self.whole

    def _from(self, at: int) -> list[int]:
        """Where new is learnt by the instruction at a place."""
        registers = dict(self.seen[at])
        following = [each for each in self._step(at, registers) if self.start <= each < self.end]
        return [place for place in following if self._learn(place, registers)]

    def _learn(self, place: int, registers: Registers) -> bool:
        """Note what is known when a place is reached; whether that is new there."""
        known = self.seen.get(place)
        if known is None:
            self.seen[place] = dict(registers)
            return True
        both = {
            each: self._both(known.get(each), registers.get(each)) for each in known | registers
        }
        self.seen[place] = {each: value for each, value in both.items() if value is not None}
        return self.seen[place] != known

    def _both(self, one: Value | None, other: Value | None) -> Value | None:
        """What is known of a register where two ways meet."""
        if one == other:
            return one
        return Address(None) if _of_the_loader(one) or _of_the_loader(other) else None

    def _lose(self, *values: Value | None) -> None:
        """Something depends on these, and it is not followed how."""
        self.lost |= any(map(_of_the_loader, values))

    def _step(self, at: int, registers: Registers) -> Iterator[int]:
        """Do one instruction to the registers, and say where it can go on."""
        this = decode(self.code, at)
        if this.code in (JMP_JA, JMP32_JA):
            yield at + STEP * (1 + (this.off if this.code == JMP_JA else this.imm))
        elif this.jumps:
            taken = self._taken(this, registers)
            if taken is not False:
                yield at + STEP * (1 + this.off)
            if taken is not True:
                yield at + STEP
        elif this.code != JMP_EXIT:
            self._change(this, registers, at)
            yield at + STEP * (2 if this.code == LD_IMM_DW else 1)

    def _taken(self, this: Instruction, registers: Registers) -> bool | None:
        """Whether a jump is taken; None for one of which that is not known."""
        left, right = registers.get(this.dst), _second(this, registers)
        if isinstance(left, Number) and isinstance(right, Number):
            taken = compared(this, left.value, right.value)
            if taken is not None:
                return taken
        self._lose(left, right)
        return None

    def _change(self, this: Instruction, registers: Registers, at: int) -> None:
        """What the registers hold after an instruction that does not jump."""
        value = None
        if this.code in CALLS:
            own = this.code == JMP_CALL and this.src == BPF_PSEUDO_CALL
            self._lose(*(registers.get(each) for each in ARGUMENTS if own))
        elif this.insn_class in (BPF_ST, BPF_STX):
            stored = registers.get(this.src) if this.insn_class == BPF_STX else None
            self._lose(stored, self.filled.get(at))
        elif at in self.filled and this.code in (LD_IMM_DW, ALU64_MOV_K, ALU_MOV_K):
            value = self.filled[at]
        else:
            self._lose(self.filled.get(at))
            value = None if at in self.filled else self._result(this, registers, at)
        for each in _overwritten(this):
            registers.pop(each, None)
        if value is not None:
            registers[this.dst] = value

    def _result(self, this: Instruction, registers: Registers, at: int) -> Value | None:
        """What `dst` of an instruction holds then, where it is known."""
        code = this.code
        if code == LD_IMM_DW and at + 2 * STEP <= len(self.code):
            upper = decode(self.code, at + STEP).imm & LOWER
            return Number(this.imm & LOWER | upper << 32, filled=False)
        if code in (ALU64_MOV_K, ALU_MOV_K):
            return Number(this.imm & (ALL if code == ALU64_MOV_K else LOWER), filled=False)
        if code in (ALU64_MOV_X, ALU_MOV_X):
            return self._copied(this, registers.get(this.src))
        if this.insn_class == BPF_LDX:
            return self._loaded(this, registers.get(this.src))
        return None if this.insn_class == BPF_LD else self._computed(this, registers)

    def _copied(self, this: Instruction, source: Value | None) -> Value | None:
        if this.code == ALU64_MOV_X and not this.off:
            return source
        if isinstance(source, Number) and not this.off:
            return source._replace(value=source.value & LOWER)
        self._lose(source)
        return None

    def _loaded(self, this: Instruction, source: Value | None) -> Value | None:
        whole = this.code in LOADS and not this.off
        if whole and isinstance(source, Address) and source.value is not None:
            return Number(source.value)
        self._lose(source)
        return None

    def _computed(self, this: Instruction, registers: Registers) -> Value | None:
        before, other = registers.get(this.dst), _second(this, registers)
        if isinstance(before, Number) and isinstance(other, Number):
            value = computed(this, before.value, other.value)
            if value is not None:
                return Number(value, before.filled or other.filled)
        self._lose(before, other)
        return None


def _of_the_loader(value: Value | None) -> bool:
    return isinstance(value, Address) or (isinstance(value, Number) and value.filled)


def _second(this: Instruction, registers: Registers) -> Value | None:
    if this.by_register:
        return registers.get(this.src)
    return Number(this.imm & ALL, filled=False)


def _overwritten(this: Instruction) -> tuple[int, ...]:
    from_packet = this.insn_class == BPF_LD and this.code != LD_IMM_DW
    if this.code in CALLS or from_packet:
        return LEFT_BY_A_CALL
    if this.insn_class in (BPF_ST, BPF_STX):
        return (0, this.src) if this.code in (STX_ATOMIC_W, STX_ATOMIC_DW) else ()
    return (this.dst,)
