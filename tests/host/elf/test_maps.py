"""What an object says of its maps, by its BTF."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.elf.ask_object import AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.host.machine import Machine

SOURCE = """
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, of) of *name
typedef unsigned long long number;
struct two { number one; const int two[3]; };
struct { __uint(type, 1); __uint(max_entries, 10); __type(key, number); __type(value, struct two);
  __uint(map_flags, 1); __uint(pinning, 1); } hash SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 5000); } ring SEC(".maps");
struct { __uint(type, 27); } loaders SEC(".maps");
struct { __uint(type, 7); __uint(key_size, 4); __uint(max_entries, 8); } stacks SEC(".maps");
int f(void *ctx);
struct { __uint(type, 3); __uint(max_entries, 2); __type(key, int); int (*values[])(void *); }
  calls SEC(".maps") = { .values = { [1] = f } };
struct { __uint(max_entries, 8); } untyped SEC(".maps");
SEC("xdp") int f(void *ctx) { return 2; }
char LICENSE[] SEC("license") = "GPL";
"""


@pytest.fixture
def found(tmp_path: Path, needs: Callable[..., None]) -> dict[str, ObjectMap]:
    needs("clang")
    source, out = tmp_path / "p.c", tmp_path / "p.o"
    source.write_text(SOURCE)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    answer = AskBpfObject(str(out), str(tmp_path / "absent")).put(Machine())
    assert isinstance(answer, BpfObject), answer
    return {each.name: each for each in answer.maps}


def test_sizes_are_given_as_numbers_or_by_types(found: dict[str, ObjectMap]) -> None:
    assert found["hash"] == ObjectMap("hash", "hash", 1, 8, 24, 10, 1, typed=True, pinned=1)
    assert found["stacks"].value_size == 0
    assert (found["stacks"].key_size, found["stacks"].entries) == (4, 8)
    assert (found["ring"].entries, found["loaders"].entries) == (5000, 0)


def test_what_has_no_type_is_no_map(found: dict[str, ObjectMap]) -> None:
    assert "untyped" not in found


def test_a_map_that_names_its_programs_holds_their_descriptors(
    found: dict[str, ObjectMap],
) -> None:
    assert found["calls"] == ObjectMap("calls", "type 3", 3, 4, 4, 2)
