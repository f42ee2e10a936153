"""Facts of the running kernel are remembered until the next boot, and for the same file alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loud import missing

from bpfdoctor.host.btf import file as btf_file, kernel_types
from bpfdoctor.host.btf.kernel_types import AskFunction, AskKernelBtf, BtfFacts, FunctionFacts
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.system import booted, symbols
from bpfdoctor.host.system.booted import keep_fact, recall_fact
from bpfdoctor.host.system.symbols import AskSymbols, Symbols

VERSION = "/proc/version"
QUESTION, ANSWER = AskSymbols(("vfs_unlink",)), Symbols(("vfs_unlink",))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """This machine with an empty cache."""
    return Machine(environ={}, cache=tmp_path)


def recalled(machine: Machine, path: str = VERSION, beginning: bytes = b"a") -> Symbols | None:
    return recall_fact(machine, QUESTION, Symbols, path, beginning)


def test_a_fact_is_recalled_on_the_same_boot(machine: Machine) -> None:
    assert recalled(machine) is None
    keep_fact(machine, QUESTION, ANSWER, VERSION, b"a")
    assert recalled(machine) == ANSWER


def test_another_boot_file_or_beginning_knows_nothing_of_it(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_fact(machine, QUESTION, ANSWER, VERSION, b"a")
    assert recalled(machine, beginning=b"b") is None
    assert recalled(machine, "/proc/cmdline") is None
    monkeypatch.setattr(booted, "BOOT_ID", "/proc/sys/kernel/random/uuid")  # new each time
    assert recalled(machine) is None


def test_what_is_not_the_kernels_own_file_is_never_kept(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy"
    copy.write_text("text")
    keep_fact(machine, QUESTION, ANSWER, str(copy), b"a")
    monkeypatch.setattr(booted, "BOOT_ID", str(copy))  # a file mounted over it
    keep_fact(machine, QUESTION, ANSWER, VERSION, b"a")
    assert not list(tmp_path.glob("proof-*"))


def test_without_a_cache_nothing_is_kept() -> None:
    machine = Machine(environ={}, cache=None)
    keep_fact(machine, QUESTION, ANSWER, VERSION, b"a")
    assert recalled(machine) is None


def refuse(*arguments: object) -> bytes:
    raise AssertionError("it was read again")


def test_the_table_of_symbols_is_not_read_again_for_what_is_known(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.access(symbols.KALLSYMS, os.R_OK):
        missing(symbols.KALLSYMS)
    assert QUESTION.put(machine) == ANSWER
    monkeypatch.setattr(symbols, "_table", refuse)
    assert QUESTION.put(machine) == ANSWER
    with pytest.raises(AssertionError, match="read again"):
        AskSymbols(("no_such_function", "vfs_unlink")).put(machine)


def test_a_function_of_a_module_is_looked_up_anew(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(symbols, "_readable", lambda: True)
    monkeypatch.setattr(symbols, "_table", lambda: b"00 t vfs_unlink\t[mod]\n")
    assert QUESTION.put(machine) == ANSWER
    monkeypatch.setattr(symbols, "_table", lambda: b"00 t other\n")
    assert QUESTION.put(machine) == Symbols(())


@pytest.mark.bpf
def test_the_kernels_btf_is_not_read_again_for_what_is_known(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path(btf_file.VMLINUX).exists():
        missing(btf_file.VMLINUX)
    whole, function = AskKernelBtf(), AskFunction("vfs_unlink")
    cold = (whole.put(machine), function.put(machine))
    monkeypatch.setattr(kernel_types, "open_btf", refuse)
    assert (whole.put(machine), function.put(machine)) == cold
    assert isinstance(cold[0], BtfFacts)
    assert isinstance(cold[1], FunctionFacts)
    with pytest.raises(AssertionError, match="read again"):
        AskFunction("no_such_function").put(machine)
