"""object.externs: what an object declares extern is looked for as libbpf does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AskData,
    AskIdentity,
    AskKernelBtf,
    AskKernelOption,
    AskSymbols,
    BpfObject,
    Finding,
    Identity,
    KernelOption,
    ListDirectory,
    Names,
    NoAnswer,
    ObjectExtern,
    ObjectProgram,
    Question,
    Status,
    Symbols,
)
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
INT = (1 << 31) - 1


def found_for(
    *externs: ObjectExtern,
    answers: dict[Question[Any], Answer] | None = None,
    kernel_btf: bool = True,
) -> Finding:
    programs = (ObjectProgram("ours", "xdp", "xdp", "xdp"),)
    whole = BpfObject(programs, (), btf=True, kernel_btf=kernel_btf, externs=externs)
    known: dict[Question[Any], Answer] = {
        AskBpfObject(PATH): whole,
        ListDirectory("/sys/kernel/btf"): Names(("vmlinux",)),
        AskIdentity(): Identity(0, (1 << 41) - 1, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1)),
    }
    host = FakeHost({**known, **(answers or {})})
    return one(run_check("object.externs", host, project_of_object(PATH, whole)))


def option(name: str = "CONFIG_HZ", **more: Any) -> ObjectExtern:
    return ObjectExtern(name, "option", **{"type": "int", "most": INT, **more})


@pytest.mark.parametrize(
    ("extern", "value", "status"),
    [
        (option(), "250", Status.PASS),
        (option(), "0x10", Status.PASS),
        (option(), "y", Status.FAIL),
        (option(), '"text"', Status.FAIL),
        (option(), "n", Status.FAIL),
        (option(weak=True), "n", Status.PASS),
        (option(type="char", most=127), "250", Status.FAIL),
        (option(type="bool", most=1), "y", Status.PASS),
        (option(type="bool", most=1), "m", Status.FAIL),
        (option(type="bool", most=1), "1", Status.PASS),
        (option(type="bool", most=1), "2", Status.FAIL),
        (option(type="char", most=127), "127", Status.PASS),
        (option(type="char", most=127), "128", Status.FAIL),
        (option(type="char", most=127), "-127", Status.PASS),
        (option(type="char", most=127), "-129", Status.FAIL),
        (option(type="char", most=127), "m", Status.PASS),
        (option(type="int"), "12 monkeys", Status.FAIL),
        (option(type="tristate", most=0), "m", Status.PASS),
        (option(type="string", most=0), '"text"', Status.PASS),
        (option(type="", most=0), "y", Status.FAIL),
    ],
)
def test_an_option_must_be_set_and_fit(extern: ObjectExtern, value: str, status: Status) -> None:
    answer = KernelOption(value, "/boot/config-6.1")
    assert found_for(extern, answers={AskKernelOption("CONFIG_HZ"): answer}).status is status


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (KernelOption("250", "/lib/modules/6.1/config"), Status.FAIL),
        (NoAnswer("ENOENT"), Status.FAIL),
        (NoAnswer("EACCES"), Status.UNKNOWN),
        (NoAnswer("not-recorded"), Status.UNKNOWN),
    ],
)
def test_an_option_is_read_where_libbpf_reads_it(answer: Answer, status: Status) -> None:
    assert found_for(option(), answers={AskKernelOption("CONFIG_HZ"): answer}).status is status


@pytest.mark.parametrize(
    ("extern", "status"),
    [
        (option("LINUX_KERNEL_VERSION"), Status.PASS),
        (option("LINUX_HAS_NOTHING"), Status.FAIL),
        (option("LINUX_HAS_NOTHING", weak=True), Status.PASS),
        (option("OTHER", weak=True), Status.FAIL),
        (ObjectExtern("bare", ""), Status.FAIL),
        (ObjectExtern("known", "function", known=True), Status.PASS),
        (ObjectExtern("may", "variable", weak=True), Status.PASS),
        (ObjectExtern("gone", "variable"), Status.FAIL),
    ],
)
def test_what_libbpf_finds_or_fills_in_itself(extern: ObjectExtern, status: Status) -> None:
    assert found_for(extern).status is status


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Symbols(("it",)), Status.PASS),
        (Symbols(()), Status.FAIL),
        (NoAnswer("EACCES"), Status.UNKNOWN),
    ],
)
@pytest.mark.parametrize("extern", [ObjectExtern("it", "symbol"),
                                    ObjectExtern("it", "variable", known=True)])  # fmt: skip
def test_a_symbol_is_looked_up_in_the_kernels_table(
    extern: ObjectExtern, answer: Answer, status: Status
) -> None:
    assert found_for(extern, answers={AskData(("it",)): answer}).status is status
    assert found_for(msgspec.structs.replace(extern, weak=True)).status is Status.PASS


def test_only_a_symbol_without_a_type_is_looked_for_in_the_table_by_hand() -> None:
    asked: dict[Question[Any], Answer] = {AskData(("it",)): NoAnswer("EACCES")}
    for extern, commands in (
        (ObjectExtern("it", "symbol"), ["grep -wE 'it' /proc/kallsyms", "Load it"]),
        (ObjectExtern("it", "variable", known=True), ["Load it"]),
    ):
        weak = ObjectExtern("may_be_missing", "symbol", weak=True)
        fixes = found_for(extern, weak, answers=asked).fixes
        assert [fix.text.partition(": ")[0] for fix in fixes] == commands


def test_what_may_be_a_modules_takes_privilege_to_be_looked_for() -> None:
    user = Identity(1000, 1 << 38 | 1 << 39, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
    weak = ObjectExtern("may", "function", weak=True)
    assert found_for(weak, answers={AskIdentity(): user}).status is Status.UNKNOWN
    assert found_for(weak).status is Status.PASS


def test_a_function_that_no_module_has_either_is_missing() -> None:
    new, modules = ObjectExtern("bpf_new___v2", "function"), ListDirectory("/sys/kernel/btf")
    names, there = AskSymbols(("bpf_new",)), Names(("nf_conntrack", "vmlinux"))
    gone = found_for(new, answers={names: Symbols(()), modules: there})
    assert (gone.status, gone.summary) == (Status.FAIL, "this kernel has no function bpf_new___v2")
    present = Symbols(("bpf_new",))
    assert found_for(new, answers={names: present}).status is Status.FAIL
    assert found_for(new, answers={names: present, modules: there}).status is Status.UNKNOWN


def test_without_the_kernels_btf_functions_wait_for_it() -> None:
    wanted = ObjectExtern("bpf_new", "function")
    absent: dict[Question[Any], Answer] = {AskKernelBtf(): NoAnswer("ENOENT")}
    assert found_for(wanted, answers=absent, kernel_btf=False).blocked_by == ("kernel.btf",)


def test_all_that_is_missing_is_named_at_once() -> None:
    found = found_for(ObjectExtern("one", "variable"), ObjectExtern("two", "variable"))
    assert all(name in found.summary for name in ("one", "two"))


def test_an_object_that_declares_nothing_needs_nothing() -> None:
    whole = BpfObject((), (), btf=True, kernel_btf=True)
    found = one(run_check("object.externs", FakeHost(), project_of_object(PATH, whole)))
    assert (found.key, found.status) == ("object.externs", Status.PASS)
