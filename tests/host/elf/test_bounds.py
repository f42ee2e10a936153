"""Whatever an object claims, reading it takes little memory and little time."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from bounded import MOST_MEMORY, measured
from made_elf import (
    EXECUTABLE,
    EXIT,
    GLOBAL_FUNCTION,
    REL,
    STRTAB,
    SYMTAB,
    Part,
    btf,
    btf_ext,
    call,
    symbol,
    write_elf,
    write_object,
)

SECONDS = 20
"""Of CPU; measured: 4 s for the worst. A busy machine has the rest."""


def sections_over_the_same_bytes(path: Path) -> Path:
    count, size = 60, 60 << 20
    functions = b"".join(symbol(0, GLOBAL_FUNCTION, at + 3, at * 8, 8) for at in range(count))
    parts = [Part(".strtab", b"\0", STRTAB), Part(".symtab", bytes(24) + functions, SYMTAB, link=1)]
    parts += [Part(f"tp/a/{at}", b"", flags=EXECUTABLE, size=size) for at in range(count)]
    write_elf(path, parts)
    with path.open("r+b") as file:
        file.truncate(64 << 20)
    return path


def symbols_without_end(path: Path) -> Path:
    table = Part(".symtab", bytes(24 * 2_000_000), SYMTAB, link=1)
    return write_elf(path, [Part(".strtab", b"\0", STRTAB), table])


def functions_that_call_each_other(path: Path) -> Path:
    count = 16_000
    code = call(0, 1) * count
    table = b"".join(symbol(0, GLOBAL_FUNCTION, 3, at * 8, 8) for at in range(count))
    table += symbol(0, GLOBAL_FUNCTION, 4, 0, 16)
    parts = [
        Part(".strtab", b"\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part(".text", code, flags=EXECUTABLE),
        Part("tp/a/b", call(-1, 1) + EXIT, flags=EXECUTABLE),
        Part(".reltp/a/b", struct.pack("=QQ", 0, 0), REL, link=2, info=4),
    ]
    return write_elf(path, parts)


def functions_without_end(path: Path) -> Path:
    table = b"".join(symbol(0, GLOBAL_FUNCTION, 3, at * 8, 8) for at in range(200_000))
    parts = [
        Part(".strtab", b"\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part(".text", EXIT * 200_000, flags=EXECUTABLE),
    ]
    return write_elf(path, parts)


def programs_that_take_much_along(path: Path) -> Path:
    count, text = 1000, EXIT * 100_000
    program = call(-1, 1) + EXIT
    table = symbol(0, GLOBAL_FUNCTION, 3, 0, len(text))
    table += b"".join(symbol(0, GLOBAL_FUNCTION, 4, at * 16, 16) for at in range(count))
    parts = [
        Part(".strtab", b"\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part(".text", text, flags=EXECUTABLE),
        Part("tp/a/b", program * count, flags=EXECUTABLE),
        Part(".rel", b"".join(struct.pack("=QQ", at * 16, 0) for at in range(count)), REL, info=4),
    ]
    return write_elf(path, parts)


def programs_over_the_same_code(path: Path) -> Path:
    code = call(6) * 200_000
    table = symbol(0, GLOBAL_FUNCTION, 3, 0, len(code)) * 2000
    parts = [
        Part(".strtab", b"\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part("tp/a/b", code, flags=EXECUTABLE),
    ]
    return write_elf(path, parts)


def programs_without_end(path: Path) -> Path:
    count = 100_000
    table = b"".join(symbol(0, GLOBAL_FUNCTION, 3, at * 8, 8) for at in range(count))
    parts = [
        Part(".strtab", b"\0", STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part("tp/a/b", EXIT * count, flags=EXECUTABLE),
    ]
    return write_elf(path, parts)


def a_name_without_end(path: Path) -> Path:
    names = b"\0" + b"x" * (7 << 20) + b"\0"
    table = b"".join(symbol(1 + at, GLOBAL_FUNCTION, 3, at * 8, 8) for at in range(1000))
    parts = [
        Part(".strtab", names, STRTAB),
        Part(".symtab", table, SYMTAB, link=1),
        Part("tp/a/b", EXIT * 1000, flags=EXECUTABLE),
    ]
    return write_elf(path, parts)


def relocations_without_end(path: Path) -> Path:
    records = [(0, 1, 1, 0)] * 400_000
    types = btf([[1, 4 << 24, 4]], b"\x000:0\0tp/sched/x\0")
    ext = btf_ext(5, records)
    return write_object(path, EXIT, Part(".BTF", types), Part(".BTF.ext", ext))


def relocations_into_a_wide_struct(path: Path) -> Path:
    """Each names another member of a struct that the kernel has."""
    count = 65_000
    accesses = [f"0:{at}".encode() for at in range(count)]
    strings = b"\0task_struct\0tp/sched/x\0pid\0" + b"\0".join(accesses) + b"\0"
    pid, place, records = strings.index(b"pid"), strings.index(b"0:0\0"), []
    for access in accesses:
        records.append((0, 1, place, 0))
        place += len(access) + 1
    members = [word for _ in range(count) for word in (pid, 2, 0)]
    types = btf([[1, 4 << 24 | count, 4, *members], [0, 1 << 24, 4, 32]], strings)
    ext = btf_ext(strings.index(b"tp/"), records)
    return write_object(path, EXIT, Part(".BTF", types), Part(".BTF.ext", ext))


def questions_that_meet_again_and_again(path: Path) -> Path:
    """Jumps back from everywhere to code in which ever less is known."""
    move = b"".join(struct.pack("=BBhi", 0xB7, at, 0, 7) for at in range(10))
    code = b"".join(
        struct.pack("=BBhi", 0xB7, at % 10, 0, at) + struct.pack("=BBhi", 0x15, 10, -2 * at - 2, 0)
        for at in range(16_000)
    )
    strings = b"\0tp/sched/x\x000:0\0never_a_type\0"
    types = btf([[strings.index(b"never"), 4 << 24, 4]], strings)
    ext = btf_ext(1, [(0, 1, strings.index(b"0:0"), 8)])
    return write_object(path, move + code * 2 + EXIT, Part(".BTF", types), Part(".BTF.ext", ext))


def enumerators_of_endless_names(path: Path) -> Path:
    strings = b"\0tp/sched/x\x000:0\0bpf_func_id\0" + b"e" * (4 << 20) + b"\0"
    name, access = strings.index(b"bpf_func_id"), strings.index(b"0:0")
    values = [word for at in range(65_535) for word in (len(strings) - 5000 - at, at)]
    types = btf([[name, 6 << 24 | 65_535, 4, *values]], strings)
    ext = btf_ext(1, [(0, 1, access, 10)])
    return write_object(path, EXIT, Part(".BTF", types), Part(".BTF.ext", ext))


def types_that_the_kernel_has_not(path: Path) -> Path:
    names = [f"never_a_type_{at}".encode() for at in range(2000)]
    strings = b"\0tp/sched/x\x000:0\0" + b"\0".join(names) + b"\0"
    place, types, records = strings.index(b"never"), [], []
    for at, name in enumerate(names):
        types.append([place, 4 << 24, 4])
        records.append((0, at + 1, strings.index(b"0:0"), 0))
        place += len(name) + 1
    ext = btf_ext(1, records)
    return write_object(path, EXIT, Part(".BTF", btf(types, strings)), Part(".BTF.ext", ext))


def sections_without_end(path: Path) -> Path:
    parts = [Part("x" * 200, b"")] * 60_000
    return write_elf(path, parts)


MADE = (
    sections_over_the_same_bytes,
    symbols_without_end,
    functions_that_call_each_other,
    functions_without_end,
    programs_that_take_much_along,
    programs_over_the_same_code,
    programs_without_end,
    a_name_without_end,
    relocations_without_end,
    relocations_into_a_wide_struct,
    enumerators_of_endless_names,
    questions_that_meet_again_and_again,
    types_that_the_kernel_has_not,
    sections_without_end,
)


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_no_object_takes_much_memory_or_time(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    found = measured(make(tmp_path / "made.o"))
    assert found.memory < MOST_MEMORY, found
    assert found.seconds < SECONDS, found


def test_a_section_that_lies_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = write_object(tmp_path / "cut.o", EXIT)
    path.write_bytes(path.read_bytes()[:-8])
    assert measured(path).said == "refused: not ELF: it ends too early"


def test_made_by_hand_and_sound_it_is_read(tmp_path: Path) -> None:
    assert measured(write_object(tmp_path / "ours.o", call(6) + EXIT)).said.startswith(
        "ours (tp/sched/x): 1 helpers"
    )
