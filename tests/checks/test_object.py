"""object.*: what of a compiled object this kernel cannot answer, on real objects and prepared."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    AskField,
    AskIdentity,
    AskKernelBtf,
    AskLibc,
    AskUsdt,
    AttachIterator,
    AttachTracepoint,
    Attempt,
    BpfObject,
    FieldFacts,
    Finding,
    Identity,
    Libc,
    NoAnswer,
    ObjectProgram,
    Project,
    Question,
    Stage,
    Status,
    UsdtProbes,
    tools,
)
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource, of_release
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.context import ContextUse
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.needs import AroundObject, judged_nothing, judged_object
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
LOST = "struct task_struct has no field gone"
KINDS = ("file", "relocations", "programs")


def program(**changes: Any) -> ObjectProgram:
    plain = ObjectProgram("ours", "tp/sched/x", "tracepoint", "tp", "sched/x", ("ktime",), (), 2)
    return msgspec.structs.replace(plain, **changes)


def the_object(*programs: ObjectProgram, **changes: Any) -> BpfObject:
    whole = BpfObject(programs or (program(),), (), btf=True, kernel_btf=True, license="GPL")
    return msgspec.structs.replace(whole, **changes)


FULL = Identity(0, (1 << 41) - 1, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))


def project_at(path: str) -> Project:
    return project_of_object(path, the_object())


def found_by(kind: str, answer: Answer, more: dict[Question[Any], Answer] | None = None) -> Finding:
    known: dict[Question[Any], Answer] = {
        AskBpfObject(PATH): answer,
        AskIdentity(): Identity(0, 0, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1)),
    }
    host = FakeHost({**known, **(more or {})})
    facts = answer if isinstance(answer, BpfObject) else the_object()
    return one(run_check(f"object.{kind}", host, project_of_object(PATH, facts)))


def test_a_sound_object_passes_every_check() -> None:
    assert {found_by(kind, the_object()).status for kind in KINDS} == {Status.PASS}


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        (the_object(btf=False, needs_btf=True), Status.FAIL),
        (the_object(old_maps=True), Status.UNKNOWN),
    ],
)
def test_what_libbpf_does_not_read_of_it_is_said(facts: BpfObject, status: Status) -> None:
    found = found_by("file", facts)
    assert found.status is status
    assert found.fixes


LINKED = AroundObject("mine", linked=True)


def test_data_that_the_linker_refuses_keeps_it_from_being_built() -> None:
    facts = the_object(unlinkable=(".data",))
    judged = judged_object(facts, LINKED, "compiled", "compiled from mine.bpf.c")
    found = of_the_checkout(judged)
    assert found.status is Status.FAIL
    assert found.summary.startswith(".data holds addresses")
    project = Project(kind_named("libbpf-bootstrap"), "/x", ("mine",), judged=(judged,))
    assert "object.file[mine]" in project.needs("mine", Stage.BUILD)


@pytest.mark.parametrize(
    ("around", "facts"),
    [(AroundObject("mine"), the_object(unlinkable=(".data",))), (LINKED, the_object())],
)
def test_where_nothing_is_linked_it_is_no_need_of_the_build(
    around: AroundObject, facts: BpfObject
) -> None:
    judged = judged_object(facts, around, "compiled", "compiled from mine.bpf.c")
    assert of_the_checkout(judged).status is Status.PASS
    project = Project(kind_named("libbpf-bootstrap"), "/x", ("mine",), judged=(judged,))
    assert "object.file[mine]" not in project.needs("mine", Stage.BUILD)


@pytest.mark.parametrize(
    ("release", "facts", "status"),
    [
        ("0.5", the_object(btf_kinds=("INT", "DECL_TAG")), Status.FAIL),
        ("0.6", the_object(btf_kinds=("INT", "DECL_TAG")), Status.PASS),
        ("0.5", the_object(btf_kinds=("INT",)), Status.PASS),
        ("0.5", the_object(program(relocations=0), btf_kinds=("DECL_TAG",)), Status.PASS),
        (
            "0.5",
            the_object(program(relocations=0), btf_kinds=("DECL_TAG",), needs_btf=True),
            Status.FAIL,
        ),
    ],
)
def test_an_old_libbpf_may_not_read_the_objects_own_btf(
    release: str, facts: BpfObject, status: Status
) -> None:
    around = AroundObject("mine", libbpf=of_release(release))
    found = of_the_checkout(judged_object(facts, around, "compiled", "compiled from mine.bpf.c"))
    assert found.status is status
    assert ("DECL_TAG" in found.summary) is (status is Status.FAIL)


@pytest.mark.parametrize(
    ("release", "named", "status"),
    [
        ("0.5", (".rodata.str1.1",), Status.FAIL),
        ("0.6", (".rodata.str1.1",), Status.PASS),
        ("0.5", (), Status.PASS),
    ],
)
def test_an_old_libbpf_knows_no_sections_of_strings(
    release: str, named: tuple[str, ...], status: Status
) -> None:
    around, facts = AroundObject("mine", libbpf=of_release(release)), the_object(named_data=named)
    judged = judged_object(facts, around, "compiled", "compiled from mine.bpf.c")
    found = of_the_checkout(judged)
    assert found.status is status
    project = Project(kind_named("libbpf-bootstrap"), "/x", ("mine",), judged=(judged,))
    doubted = "object.file[mine]" in project.maybe("mine", Stage.BUILD)
    assert doubted is (status is Status.FAIL), "bpftool in such a tree is as old, mostly"
    if found.status is Status.FAIL:
        assert "checkout v0.6.0" in getattr(found.fixes[0], "text", "")


def test_of_an_object_without_the_btf_that_it_needs_nothing_more_is_said() -> None:
    project = project_of_object(PATH, the_object(btf=False, needs_btf=True))
    assert run_check("object.relocations", FakeHost(), project) == ()


def of_the_checkout(judged: JudgedObject) -> Finding:
    project = Project(kind_named("libbpf-bootstrap"), "/x", ("mine",), judged=(judged,))
    host = FakeHost({tools.AskLibbpf("/x/libbpf"): judged.libbpf or NoAnswer("ENOENT")})
    return one(run_check("object.file", host, project))


def test_a_program_of_a_checkout_says_where_its_facts_come_from() -> None:
    around, said = AroundObject("mine"), "compiled from mine.bpf.c"
    found = of_the_checkout(judged_object(the_object(), around, "compiled", said))
    assert (found.key, found.status) == ("object.file[mine]", Status.PASS)
    assert said in found.summary


def test_the_facts_of_another_source_leave_a_program_unknown() -> None:
    around = AroundObject("mine")
    doubted = judged_object(the_object(), around, "recorded", "of 80334a2", doubt="no clang")
    found = of_the_checkout(doubted)
    assert (found.status, "no clang" in found.summary) == (Status.UNKNOWN, True)
    found = of_the_checkout(judged_nothing(around, "no source"))
    assert (found.status, found.summary) == (Status.UNKNOWN, "no source")


@pytest.mark.parametrize(("version", "status"), [("0.3", Status.PASS), ("1.1", Status.UNKNOWN)])
def test_maps_as_they_were_before_libbpf_1_are_read_by_such_a_libbpf(
    version: str, status: Status
) -> None:
    around = AroundObject("mine", libbpf=LibbpfSource(version, (), True, ()))
    judged = judged_object(the_object(old_maps=True), around, "compiled", "compiled")
    assert of_the_checkout(judged).status is status


def test_a_missing_field_fails_unless_it_is_never_reached() -> None:
    found = found_by("relocations", the_object(program(missing=(LOST,))))
    assert (found.status, found.summary) == (Status.FAIL, LOST)
    assert found.key == "object.relocations[ours]"
    spared = found_by("relocations", the_object(program(missing=(LOST,), unreachable=(LOST,))))
    assert spared.status is Status.PASS
    assert LOST in spared.summary


def test_without_the_kernels_btf_relocations_wait_for_it() -> None:
    absent: dict[Question[Any], Answer] = {AskKernelBtf(): NoAnswer("ENOENT")}
    found = found_by("relocations", the_object(kernel_btf=False), absent)
    assert found.blocked_by == ("kernel.btf",)
    none = the_object(program(relocations=0), kernel_btf=False)
    assert run_check("object.relocations", FakeHost(), project_of_object(PATH, none)) == ()


def test_without_the_kernels_btf_a_loader_may_bring_its_own() -> None:
    facts = the_object(kernel_btf=False)
    host = FakeHost({AskBpfObject(PATH): facts, AskKernelBtf(): NoAnswer("ENOENT")})
    project = project_of_object(PATH, facts, Loader(own_btf=True))
    found = one(run_check("object.relocations", host, project))
    assert found.status is Status.UNKNOWN
    assert not found.blocked_by


def test_without_maps_no_btf_is_needed() -> None:
    assert found_by("file", the_object(btf=False)).status is Status.PASS


def test_a_type_of_a_module_may_be_in_its_own_btf() -> None:
    gone = program(missing=("there is no struct s",), absent=("there is no struct s",))
    assert found_by("relocations", the_object(gone)).status is Status.FAIL
    assert found_by("relocations", the_object(gone, modules=True)).status is Status.UNKNOWN
    field = the_object(program(missing=(LOST,)), modules=True)
    assert found_by("relocations", field).status is Status.FAIL, "its type is the kernel's own"


def test_a_type_that_is_looked_for_in_modules_takes_privilege() -> None:
    asks = the_object(program(needs_module_btf=True))
    assert found_by("relocations", asks, {AskIdentity(): FULL}).status is Status.PASS
    assert found_by("relocations", asks).status is Status.UNKNOWN


def test_what_is_missing_where_something_else_is_asked_is_unknown() -> None:
    found = found_by("relocations", the_object(program(missing=(LOST,), conditional=True)))
    assert found.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "target", "status"),
    [
        ("kprobe", "vfs_unlink", Status.PASS),
        ("uprobe", "", Status.PASS),
        ("uprobe", "/bin/sh:main", Status.UNKNOWN),
        ("xdp", "", Status.UNKNOWN),
        ("lsm", "", Status.UNKNOWN),
        ("fentry", "", Status.UNKNOWN),
        ("", "", Status.UNKNOWN),
    ],
)
def test_what_no_check_tries_is_unknown(kind: str, target: str, status: Status) -> None:
    found = found_by("programs", the_object(program(kind=kind, target=target)))
    assert found.status is status


def test_a_usdt_program_that_names_no_probe_is_not_looked_for_in_any_file() -> None:
    found = found_by("programs", the_object(program(kind="usdt", section="usdt", target="")))
    assert found.summary == "usdt: only running it tells whether it attaches"


LINK = "bpf(BPF_LINK_CREATE)"


@pytest.mark.parametrize(
    ("able", "said", "status", "root"),
    [
        (Attempt(), Attempt(), Status.PASS, ()),
        (Attempt(), Attempt("EBADF", LINK), Status.UNKNOWN, ()),
        (
            Attempt(),
            Attempt("EINVAL", "bpf(BPF_PROG_LOAD)"),
            Status.SKIP,
            ("kernel.targets[iter/x]",),
        ),
        (Attempt("EINVAL", LINK), None, Status.SKIP, ("kernel.iterators[attach]",)),
    ],
)
def test_what_is_loaded_for_its_target_is_attached_to_it(
    able: Attempt, said: Attempt | None, status: Status, root: tuple[str, ...]
) -> None:
    walked = the_object(program(kind="iter", type="tracing", target="x"))
    more: dict[Question[Any], Answer] = {AttachIterator(): able}
    if said is not None:
        more[AttachIterator("x")] = said
    found = found_by("programs", walked, more)
    assert found.status is status
    assert (set(root) <= set(found.blocked_by)) if root else not found.blocked_by


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        (UsdtProbes(True, ("libc:setjmp",)), Status.PASS),
        (UsdtProbes(False), Status.FAIL),
        (NoAnswer("EACCES"), Status.UNKNOWN),
    ],
)
def test_a_usdt_probe_is_looked_for_in_its_file(probes: Answer, status: Status) -> None:
    usdt = the_object(program(kind="usdt", target="libc.so.6:libc:setjmp"))
    more: dict[Question[Any], Answer] = {
        AskLibc(): Libc("/lib/libc.so.6", "glibc", "/lib/libc.so.6"),
        AskUsdt("/lib/libc.so.6"): probes,
    }
    assert found_by("programs", usdt, more).status is status


def test_a_program_whose_object_was_not_asked_for_is_not_judged() -> None:
    project = Project(kind_named("libbpf-bootstrap"), "", ("minimal",))
    for kind in KINDS:
        assert run_check(f"object.{kind}", FakeHost(), project) == ()


RECORDED = program(
    fields=(("struct task_struct", "tgid"), ("struct old", "gone")), asks=("struct old",)
)


@pytest.mark.parametrize(
    ("there", "status"), [(FieldFacts(True, True), "pass"), (FieldFacts(True), "unknown")]
)
def test_recorded_facts_are_held_against_the_kernel_by_name(there: FieldFacts, status: str) -> None:
    facts = the_object(RECORDED, alone=True, kernel_btf=False)
    judged = judged_object(facts, AroundObject("mine"), "recorded", "of 80334a2")
    project = Project(kind_named("libbpf-bootstrap"), "", ("mine",), judged=(judged,))
    host = FakeHost({AskField("task_struct", "tgid"): there})
    found = one(run_check("object.relocations", host, project))
    assert (found.key, found.status.value) == ("object.relocations[mine/ours]", status)


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (Loader(by_hand=("ours",)), Status.UNKNOWN),
        (Loader(), Status.PASS),
    ],
)
def test_what_its_loader_attaches_only_running_it_tells(part: Loader, status: Status) -> None:
    judged = judged_object(the_object(), AroundObject("mine", loader=part), "compiled", "compiled")
    project = Project(kind_named("libbpf-bootstrap"), "", ("mine",), judged=(judged,))
    assert one(run_check("object.programs", FakeHost(), project)).status is status


def test_a_section_that_its_own_libbpf_does_not_know_fails() -> None:
    libbpf = LibbpfSource("0.7", (), True, ("kprobe/",))
    around = AroundObject("mine", libbpf=libbpf)
    judged = judged_object(the_object(), around, "compiled", "compiled")
    project = Project(kind_named("libbpf-bootstrap"), "", ("mine",), judged=(judged,))
    found = one(run_check("object.programs", FakeHost(), project))
    assert (found.status, "(0.7) knows no section" in found.summary) == (Status.FAIL, True)


SOURCE = """
__attribute__((section("tp/sched/sched_process_exec"), used)) int ours(void *ctx) { return 0; }
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
"""


def test_a_real_object_passes(tmp_path: Path, live: LiveHost, needs: Callable[..., None]) -> None:
    needs("clang")
    source, out = tmp_path / "p.c", tmp_path / "p.bpf.o"
    source.write_text(SOURCE)
    flags = ("-g", "-O2", "-target", "bpf")
    subprocess.run(["clang", *flags, "-c", source, "-o", out], check=True)
    found = [
        each for kind in KINDS for each in run_check(f"object.{kind}", live, project_at(str(out)))
    ]
    assert {each.status for each in found} == {Status.PASS}
    assert found[0].summary == "1 programs, 0 maps, license GPL"


PLAIN, READING = AttachTracepoint("sched", "x"), AttachTracepoint("sched", "x", 16)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({PLAIN: Attempt(), READING: Attempt()}, Status.PASS),
        ({PLAIN: Attempt(), READING: Attempt("EACCES", "ioctl")}, Status.FAIL),
        ({PLAIN: Attempt("EACCES", "perf_event_open")}, Status.PASS),
    ],
)
def test_a_tracepoint_is_attached_to_with_what_is_read_of_it(
    said: dict[Question[Any], Answer], status: Status
) -> None:
    reads = program(context=ContextUse(reads=((0, 8), (8, 8))))
    assert found_by("programs", the_object(reads), said).status is status
