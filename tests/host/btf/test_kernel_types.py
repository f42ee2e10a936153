"""Questions about types, symbols, tracepoints and USDT probes, on real files and this kernel."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.btf.kernel_types import (
    AskField,
    AskFunction,
    AskKernelBtf,
    BtfFacts,
    FieldFacts,
    FunctionFacts,
)
from bpfdoctor.host.elf.usdt import AskUsdt, UsdtProbes, probes_in
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.symbols import (
    AskData,
    AskSymbols,
    Symbols,
    functions,
    has_function,
    symbols,
)
from bpfdoctor.host.system.tracefs import AskTracefs, Tracefs

TYPES = """
struct inner { int low; };
struct outer {
    const struct inner *pointer;
    union { long whole; char parts[8]; };
    unsigned flag : 3;
    struct inner nested;
};
int described_function(struct outer *first, long second) { return first->flag + (int)second; }
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


def test_btf_of_a_compiler_is_sound_and_no_kernels(live: LiveHost, compiled: str) -> None:
    found = live.ask(AskKernelBtf(compiled))
    assert isinstance(found, BtfFacts)
    assert (found.wrong, found.kernel, found.native) == ("", False, True)
    assert found.size == Path(compiled).stat().st_size


def test_a_function_is_found_with_its_parameters(live: LiveHost, compiled: str) -> None:
    found = live.ask(AskFunction("described_function", compiled))
    assert isinstance(found, FunctionFacts)
    assert found.id
    assert found.parameters == 2
    assert live.ask(AskFunction("described", compiled)) == FunctionFacts(None)


@pytest.mark.parametrize(
    ("struct_name", "field", "expected"),
    [
        ("outer", "pointer", FieldFacts(True, True, "struct inner *")),
        ("outer", "parts", FieldFacts(True, True, "array")),
        ("outer", "flag", FieldFacts(True, True, "unsigned int")),
        ("outer", "nested", FieldFacts(True, True, "struct inner")),
        ("outer", "low", FieldFacts(True)),
        ("nowhere", "low", FieldFacts(False)),
    ],
)
def test_a_field_is_found_with_its_type(
    live: LiveHost, compiled: str, struct_name: str, field: str, expected: FieldFacts
) -> None:
    assert live.ask(AskField(struct_name, field, compiled)) == expected


def test_what_is_not_btf_answers_and_does_not_raise(live: LiveHost, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("x" * 100)
    found = live.ask(AskKernelBtf(str(path)))
    assert isinstance(found, BtfFacts)
    assert "magic" in found.wrong
    assert isinstance(live.ask(AskFunction("f", str(path))), NoAnswer)
    absent = live.ask(AskKernelBtf(str(tmp_path / "absent")))
    assert isinstance(absent, NoAnswer)
    assert absent.absent


def test_a_symbol_is_a_whole_name_of_a_function() -> None:
    table = b"00 T vfs_unlink\n00 d unlink_data\n00 t mod_fn\t[mod]\n00 W weak_one"
    names = ("vfs_unlink", "mod_fn", "weak_one")
    assert all(has_function(table, name) for name in names)
    assert not any(has_function(table, name) for name in ("vfs_unlin", "unlink", "unlink_data"))
    assert len(list(functions(table + table, names[0]))) == 2
    assert any(symbols(table, "unlink_data"))
    assert not any(symbols(table, "unlink"))


def test_this_kernels_symbols_are_read(live: LiveHost) -> None:
    found = live.ask(AskSymbols(("vfs_unlink", "no_such_function")))
    if isinstance(found, NoAnswer):
        assert found.reason in ("ENOENT", "broken")
    else:
        assert found == Symbols(("vfs_unlink",))
        assert live.ask(AskData(("no_such_symbol", "_stext"))) == Symbols(("_stext",))


@pytest.mark.parametrize(("old", "more"), [(False, []), (True, ["/sys/kernel/debug/tracing"])])
def test_tracefs_is_looked_for_at_its_former_place_where_somebody_needs_it(
    live: LiveHost, old: bool, more: list[str]
) -> None:
    found = live.ask(AskTracefs(old=old))
    assert isinstance(found, Tracefs)
    if found.places[0].magic:
        assert [place.path for place in found.places] == ["/sys/kernel/tracing", *more]


def note(owner: bytes, kind: int, description: bytes) -> bytes:
    """An ELF note, padded."""
    head = struct.pack("<III", len(owner), len(description), kind)
    padded = (part + bytes(-len(part) % 4) for part in (owner, description))
    return head + b"".join(padded)


PROBE = bytes(24) + b"libc\0setjmp\x008@%rdi\0"


def test_probes_are_read_from_their_notes() -> None:
    data = note(b"GNU\0", 3, b"build-id") + note(b"stapsdt\0", 3, PROBE) * 2
    assert list(probes_in(data, "<", 8)) == ["libc:setjmp", "libc:setjmp"]


@given(st.binary(max_size=200), st.sampled_from("<>"), st.sampled_from([4, 8]))
def test_garbled_notes_never_raise(data: bytes, order: str, word: int) -> None:
    assert all(":" in probe for probe in probes_in(data, order, word))
    garbled = note(b"stapsdt\0", 3, PROBE)[: len(data)] + data
    assert all(":" in probe for probe in probes_in(garbled, order, word))


SOURCE = r"""
__asm__(".pushsection .note.stapsdt,\"?\",\"note\"\n.balign 4\n.4byte 8, 3f-2f, 3\n"
        ".asciz \"stapsdt\"\n2: .8byte 0, 0, 0\n.asciz \"ours\"\n.asciz \"fired\"\n.asciz \"\"\n"
        "3: .balign 4\n.popsection\n");
int main(void) { return 0; }
"""


def test_a_real_executable_shows_its_probes(
    live: LiveHost, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("cc")
    source, with_probe, without = (tmp_path / name for name in ("p.c", "with", "without"))
    source.write_text(SOURCE)
    subprocess.run(["cc", source, "-o", with_probe], check=True)
    assert live.ask(AskUsdt(str(with_probe))) == UsdtProbes(True, ("ours:fired",))
    source.write_text("int main(void) { return 0; }")
    subprocess.run(["cc", source, "-o", without], check=True)
    assert live.ask(AskUsdt(str(without))) == UsdtProbes(False)
    assert isinstance(live.ask(AskUsdt(str(source))), NoAnswer)
