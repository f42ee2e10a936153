"""Where members of structs lie and what functions are given, by BTF that clang writes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.btf.field_places import (
    AskFieldPlaces,
    AskParameterStructs,
    FieldPlace,
    FieldPlaces,
    ParameterStructs,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer

TYPES = """
struct first { long flags; int cpu; };
struct inner { int low, high; };
struct outer {
    struct first info;
    int flags, high, pid;
    union { long whole; char parts[8]; };
    unsigned lead : 3, flag : 7;
    struct inner nested;
    struct outer *parent;
    int *number;
};
struct around { struct outer begins; long pid; };
typedef void (*btf_trace_some)(void *own, struct outer *o, int n);
struct outer *function(const struct outer *o, long n, struct around *a, btf_trace_some t)
{ return a->begins.parent; }
"""


@pytest.fixture
def compiled(tmp_path: Path, needs: Callable[..., None]) -> str:
    """The BTF of TYPES, as a file of its own."""
    needs("clang", "llvm-objcopy")
    source, out, btf = tmp_path / "t.c", tmp_path / "t.o", tmp_path / "t.btf"
    source.write_text(TYPES)
    subprocess.run(["clang", "-g", "-O2", "-target", "bpf", "-c", source, "-o", out], check=True)
    subprocess.run(["llvm-objcopy", f"--dump-section=.BTF={btf}", out], check=True)
    return str(btf)


PLACES = {
    ("outer", "parts"): FieldPlace(True, 32, 8),
    ("outer", "whole"): FieldPlace(True, 32, 8),
    ("outer", "nested.high"): FieldPlace(True, 48, 4),
    ("outer", "info.cpu"): FieldPlace(True, 8, 4),
    ("outer", "lead"): FieldPlace(True, 40, 4, (0, 3)),
    ("outer", "flag"): FieldPlace(True, 40, 4, (3, 7)),
    ("outer", "parent"): FieldPlace(True, 56, 8, target="outer"),
    ("outer", "number"): FieldPlace(True, 64, 8),
    ("outer", "flags"): FieldPlace(True, 16, 4, shared=True),  # `first` lies there, and has it
    ("outer", "high"): FieldPlace(True, 20, 4, shared=True),  # `nested` has it
    ("outer", "pid"): FieldPlace(True, 24, 4, shared=True),  # `around` begins with it, and has it
    ("outer", "cpu"): FieldPlace(True),
    ("outer", "nested.none"): FieldPlace(True),
    ("outer", ""): FieldPlace(True),
    ("nowhere", "pid"): FieldPlace(),
}


def test_every_member_is_placed(live: LiveHost, compiled: str) -> None:
    found = live.ask(AskFieldPlaces(tuple(PLACES), compiled))
    assert isinstance(found, FieldPlaces)
    assert dict(zip(PLACES, found.places, strict=True)) == PLACES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("function", ParameterStructs(True, ("outer", "", "around", ""), "outer")),
        ("btf_trace_some", ParameterStructs(True, ("outer", ""))),
        ("nowhere", ParameterStructs(False)),
    ],
)
def test_what_is_given_is_told(
    live: LiveHost, compiled: str, name: str, expected: ParameterStructs
) -> None:
    assert live.ask(AskParameterStructs(name, compiled)) == expected


def test_structs_of_one_name_that_differ_have_no_place(
    live: LiveHost, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "llvm-objcopy")
    text = (
        "int one(void) { static volatile struct same { int a, b; } x; return x.b++; }\n"
        "int two(void) { static volatile struct same { int b, a; } x; return x.b++; }\n"
    )
    (tmp_path / "t.c").write_text(text)
    argv = ["clang", "-g", "-O2", "-target", "bpf", "-c", "t.c", "-o", "t.o"]
    subprocess.run(argv, check=True, cwd=tmp_path)
    dump = ["llvm-objcopy", "--dump-section=.BTF=t.btf", "t.o"]
    subprocess.run(dump, check=True, cwd=tmp_path)
    found = live.ask(AskFieldPlaces((("same", "b"),), str(tmp_path / "t.btf")))
    assert found == FieldPlaces((FieldPlace(True),))


def test_what_is_no_btf_has_no_answer(live: LiveHost, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_bytes(b"\0" * 64)
    for path in (str(tmp_path / "wrong"), str(tmp_path / "nowhere")):
        assert isinstance(live.ask(AskFieldPlaces((("a", "b"),), path)), NoAnswer)
        assert isinstance(live.ask(AskParameterStructs("a", path)), NoAnswer)
