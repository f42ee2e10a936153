"""What a program of a checkout needs: the union of what its BPF programs say, by what is done
with them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bpfdoctor.engine.load import check_of, load_checks
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.c_source.loader import ANYTHING, Loader
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.model import Stage
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.projects.model import BpfWords, Program, Project, ProofPattern
from bpfdoctor.projects.needs import AroundObject, judged_nothing, judged_object
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.rules import Rules, rules

TRACEPOINT = ObjectProgram("tp_one", "tp/sched/x", "tracepoint", "tp", "sched/x")
KPROBE = ObjectProgram("kp_one", "kprobe/f", "kprobe", "kprobe", "f", maps=("counts",))
UPROBE = ObjectProgram("up_one", "uprobe", "kprobe", "uprobe")
FENTRY = ObjectProgram("fe_one", "fentry/f", "tracing", "fentry", "f")


def judged(
    *programs: ObjectProgram,
    known: Program | None = None,
    loader: Loader | None = None,
    libbpf: LibbpfSource | None = None,
    maps: tuple[ObjectMap, ...] = (),
) -> JudgedObject:
    facts = BpfObject(programs, maps, btf=True, kernel_btf=True)
    around = AroundObject("mine", known, loader, libbpf)
    return judged_object(facts, around, "compiled", "compiled from mine.bpf.c")


def needs(of: JudgedObject, stage: Stage = Stage.ATTACH) -> set[str]:
    return set(of.keys(stage))


def maybe(of: JudgedObject, stage: Stage = Stage.ATTACH) -> set[str]:
    return set(of.keys(stage, maybe=True))


def test_a_program_needs_what_all_of_its_bpf_programs_need() -> None:
    found = judged(TRACEPOINT, KPROBE)
    assert {"kernel.targets[tp/sched/x]", "kernel.targets[kprobe/f]"} <= needs(found)
    assert {"object.programs[mine/tp_one]", "object.programs[mine/kp_one]"} <= needs(found)
    assert {"object.file[mine]", "object.externs[mine]"} <= needs(found, Stage.LOAD)
    assert not maybe(found)


def test_it_is_one_of_the_project() -> None:
    kind = kind_named("libbpf-bootstrap")
    project = Project(kind, "/x", ("mine", "other"), judged=(judged(KPROBE),))
    assert "kernel.kprobes" in project.needs("mine", Stage.ATTACH)
    assert not project.needs("other", Stage.ATTACH)
    assert "toolchain.clang" in project.needs("other", Stage.BUILD)
    assert project.targets() == ("kprobe/f",)


@pytest.mark.parametrize(
    "loader", [Loader(optional=("kp_one",)), Loader(every_optional=True), ANYTHING], ids=repr
)
def test_what_its_loader_may_leave_out_is_no_need(loader: Loader) -> None:
    found = judged(TRACEPOINT, KPROBE, loader=loader)
    assert "kernel.kprobes" not in needs(found)
    assert {"kernel.kprobes", "object.programs[mine/kp_one]"} <= maybe(found)


def test_without_the_kernels_types_what_a_loader_brings_itself_is_unknown() -> None:
    moved = msgspec.structs.replace(TRACEPOINT, relocations=1)
    types = {"kernel.btf", "libraries.libbpf-btf"}
    assert types <= needs(judged(moved, loader=Loader()), Stage.LOAD)
    found = judged(moved, loader=Loader(own_btf=True))
    assert types <= maybe(found, Stage.LOAD) - needs(found, Stage.LOAD)
    assert "object.relocations[mine/tp_one]" in needs(found, Stage.LOAD)
    assert found.own_btf
    assert not judged(moved).own_btf


def test_a_section_that_is_not_loaded_by_itself_is_no_need() -> None:
    asked_for = msgspec.structs.replace(KPROBE, section="?kprobe/f")
    assert "kernel.kprobes" in maybe(judged(asked_for))
    assert "kernel.kprobes" not in needs(judged(asked_for))


def test_the_file_tells_better_than_the_loader() -> None:
    for load, expected in (("yes", "needs"), ("maybe", "maybe"), ("no", "")):
        known = Program("x", bpf={"kp_one": BpfWords(load=load)})  # type: ignore[arg-type]
        found = judged(KPROBE, known=known, loader=Loader(optional=("kp_one",)))
        assert ("kernel.kprobes" in needs(found)) is (expected == "needs")
        assert ("kernel.kprobes" in maybe(found)) is (expected == "maybe")


SOCKET = ObjectProgram("so_one", "socket", "socket_filter", "socket")
CLASSIFIER = ObjectProgram("tc_one", "tc", "sched_cls", "tc")


@pytest.mark.parametrize(
    ("program", "way"), [(KPROBE, "kprobes"), (UPROBE, "uprobes"), (CLASSIFIER, "tc")]
)
def test_a_probe_that_is_attached_by_hand_may_be_of_another_kind_than_its_section_says(
    program: ObjectProgram, way: str
) -> None:
    found = judged(program, loader=Loader(by_hand=(program.name,)))
    assert f"kernel.{way}" in maybe(found)
    assert f"kernel.{way}" not in needs(found)
    assert any(key.startswith("kernel.fires") for key in maybe(found, Stage.FIRES))
    assert "object.helpers[mine/" + program.name + "]" in needs(found, Stage.LOAD)
    assert f"kernel.{way}" in needs(judged(program))


def test_where_it_is_attached_by_hand_only_its_kind_is_a_need() -> None:
    found = judged(SOCKET, loader=Loader(by_hand=("so_one",)))
    assert "kernel.socket-filter" in needs(found)
    assert "object.programs[mine/so_one]" in maybe(found)


def test_where_it_is_attached_by_hand_its_target_is_no_need() -> None:
    found = judged(KPROBE, loader=Loader(by_hand=("kp_one",)))
    specific = {"object.programs[mine/kp_one]", "kernel.targets[kprobe/f]"}
    assert specific <= maybe(found)
    assert not specific & needs(found)
    assert found.parts[0].by_hand


@pytest.mark.parametrize("kind", ["kprobe", "kretprobe", "ksyscall", "kretsyscall", "tc"])
def test_a_kind_that_is_attached_in_several_ways_is_no_need_by_hand(kind: str) -> None:
    program = msgspec.structs.replace(KPROBE, section=kind, kind=kind)
    kinds = {key for stage in Stage for key in rules().kinds[kind].get(stage, ())}
    by_hand = judged(program, loader=Loader(by_hand=("kp_one",)))
    of_kind = {each.replace("{target}", f"{kind}/f") for each in kinds}
    for stage in (Stage.ATTACH, Stage.FIRES):
        assert not of_kind & needs(by_hand, stage)
    assert of_kind <= maybe(by_hand) | maybe(by_hand, Stage.FIRES)
    assert "kernel.program-types[kprobe]" in needs(by_hand, Stage.LOAD)


def test_a_tracepoint_that_is_attached_by_hand_may_be_of_another_category() -> None:
    category = "kernel.tracepoints[sched]"
    found = judged(TRACEPOINT, loader=Loader(by_hand=("tp_one",)))
    assert category in maybe(found) - needs(found)
    assert category in needs(judged(TRACEPOINT))


def test_where_its_loader_sends_it_elsewhere_the_target_is_no_need() -> None:
    found = judged(FENTRY, loader=Loader(retargeted=("fe_one",)))
    of_target = {"kernel.targets[fentry/f]", "object.helpers[mine/fe_one]"}
    of_target.add("object.context[mine/fe_one]")
    assert of_target <= maybe(found, Stage.LOAD)
    assert not of_target & needs(found, Stage.LOAD)
    assert "kernel.trampolines[load]" in needs(found, Stage.LOAD)
    assert of_target <= needs(judged(FENTRY), Stage.LOAD)
    assert not found.parts[0].by_hand


def test_of_what_its_loader_loads_as_something_else_nothing_is_a_need() -> None:
    found = judged(TRACEPOINT, FENTRY, loader=Loader(changed=("fe_one",)))
    assert "kernel.trampolines[load]" in maybe(found, Stage.LOAD) - needs(found, Stage.LOAD)
    assert found.parts[1].needs == {}


def test_the_file_says_to_what_it_is_attached_by_hand() -> None:
    known = Program("x", bpf={"up_one": BpfWords(attach="kprobe/g")})
    found = judged(UPROBE, known=known, loader=Loader(by_hand=("up_one",)))
    assert {"kernel.kprobes", "kernel.targets[kprobe/g]"} <= needs(found)
    assert "kernel.uprobes" not in needs(found)
    assert found.parts[0].target == "kprobe/g"
    assert not maybe(found)


def test_a_map_that_its_loader_sizes_is_no_need() -> None:
    maps = (ObjectMap("counts", "hash", 1),)
    sized = judged(KPROBE, maps=maps, loader=Loader(sized=("counts",)))
    assert "object.maps[mine/counts]" in maybe(sized, Stage.LOAD)
    assert "object.maps[mine/counts]" in needs(judged(KPROBE, maps=maps), Stage.LOAD)


@pytest.mark.parametrize(("tracefs", "needed"), [(True, False), (False, True)])
def test_an_old_libbpf_looks_for_tracepoints_below_debugfs(tracefs: bool, needed: bool) -> None:
    libbpf = LibbpfSource("0.7", (), tracefs, ("tp/", "tracepoint/", "kprobe/"))
    found = judged(TRACEPOINT, libbpf=libbpf)
    assert ("runtime.tracefs-debugfs" in needs(found)) is needed
    assert "runtime.tracefs-debugfs" not in needs(judged(KPROBE, libbpf=libbpf))


def test_what_no_object_tells_comes_from_the_file() -> None:
    known = Program(
        "x",
        also=("runtime.perf-events",),
        own_pid=True,
        trigger="packet",
        proof=ProofPattern("trace", "x"),
    )
    found = judged(KPROBE, known=known)
    assert "runtime.perf-events" in needs(found, Stage.ATTACH)
    fires = {"runtime.pid-namespace", "runtime.tracing-on", "runtime.loopback"}
    assert fires <= needs(found, Stage.FIRES)
    plain = judged(KPROBE, known=Program("x", proof=ProofPattern("output", "x")))
    assert not fires & needs(plain, Stage.FIRES)


def test_of_a_program_of_which_nothing_is_known_that_is_what_stands_in_the_way() -> None:
    found = judged_nothing(AroundObject("mine"), "there is no clang")
    assert "object.file[mine]" in needs(found, Stage.LOAD)
    assert not found.parts
    assert not found.fired


def test_that_it_fires_is_seen_where_every_one_is_of_a_kind_that_is_hit() -> None:
    sampler = ObjectProgram("p", "perf_event", "perf_event", "perf_event")
    assert judged(KPROBE).fired
    assert not judged(KPROBE, sampler).fired


def needs_of(program: ObjectProgram, stage: Stage) -> set[str]:
    return set(judged(program).keys(stage))


def test_its_type_must_load_where_that_can_be_tried() -> None:
    hook = ObjectProgram("p", "cgroup/connect4", "cgroup_sock_addr", "cgroup", "connect4")
    assert "kernel.program-types[cgroup_sock_addr]" in needs_of(hook, Stage.LOAD)
    traced = ObjectProgram("p", "fentry.s/f", "tracing", "fentry", "f", sleepable=True)
    assert not [key for key in needs_of(traced, Stage.LOAD) if "program-types" in key]
    assert "kernel.targets[fentry.s/f]" in needs_of(traced, Stage.LOAD)


def test_what_its_loader_must_name_is_open_when_it_is_loaded() -> None:
    for unnamed in (ObjectProgram("p", "foo/bar"), ObjectProgram("p", "lsm", "lsm", "lsm")):
        assert "object.programs[mine/p]" in needs_of(unnamed, Stage.LOAD)
    plain = ObjectProgram("p", "kprobe", "kprobe", "kprobe")
    assert "object.programs[mine/p]" not in needs_of(plain, Stage.LOAD)


def test_a_section_that_its_own_libbpf_does_not_know_is_open_when_it_is_loaded() -> None:
    old = LibbpfSource("0.7", (), True, ("kprobe/",))
    call = ObjectProgram("p", "ksyscall/kill", "kprobe", "ksyscall", "kill")
    assert "object.programs[mine/p]" in judged(call, libbpf=old).keys(Stage.LOAD)
    assert "object.programs[mine/p]" not in judged(KPROBE, libbpf=old).keys(Stage.LOAD)


def test_a_map_that_is_pinned_needs_the_bpf_file_system() -> None:
    program = ObjectProgram("p", "xdp", "xdp", "xdp", maps=("kept",))
    found = judged(program, maps=(ObjectMap("kept", "hash", 1, pinned=1),))
    assert "runtime.bpffs" in needs(found, Stage.LOAD)


def test_what_it_may_never_call_is_no_need() -> None:
    reads = ObjectProgram("p", "xdp", "xdp", "xdp", helpers=("probe_read",), conditional=True)
    assert "kernel.lockdown" not in needs_of(reads, Stage.LOAD)
    assert "kernel.lockdown" in maybe(judged(reads), Stage.LOAD)


def keys_of(known: Rules) -> Iterator[str]:
    for field in known.__struct_fields__:
        value = getattr(known, field)
        parts = value.values() if field in ("kinds", "maps", "helpers") else (value,)
        yield from (key for part in parts for keys in part.values() for key in keys)


def test_every_need_is_a_check() -> None:
    ids = {check.id for check in load_checks().checks}
    assert {check_of(key) for key in keys_of(rules())} <= ids
