"""A compiled object is a project: its programs, and the needs that it shows."""

from __future__ import annotations

from bpfdoctor.engine.load import check_of, load_checks
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.model import Stage
from bpfdoctor.projects.object import project_of_object, rules

FACTS = BpfObject(
    programs=(
        ObjectProgram("seen", "tp/sched/x", "tracepoint", "tp", "sched/x", (), (), 2),
        ObjectProgram("plain", "uprobe", "kprobe", "uprobe"),
        ObjectProgram("hook", "lsm/bpf", "lsm", "lsm", "bpf"),
        ObjectProgram("odd", "xdp", "xdp", "xdp", helpers=("probe_read_kernel",)),
    ),
    maps=(ObjectMap("events", "ringbuf"), ObjectMap("counts", "hash")),
    btf=True,
    kernel_btf=True,
    global_data=True,
)
PROJECT = project_of_object("/tmp/some.bpf.o", FACTS)


def test_each_program_of_the_object_is_one_of_the_project() -> None:
    assert PROJECT.programs == ("seen", "plain", "hook", "odd")
    assert PROJECT.object == "/tmp/some.bpf.o"
    seen = PROJECT.program("seen")
    assert seen
    assert seen.targets == ("tp/sched/x",)
    assert seen.summary == 'SEC("tp/sched/x")'


def test_needs_follow_from_kind_relocations_and_maps() -> None:
    load = PROJECT.needs("seen", Stage.LOAD)
    assert {"kernel.btf", "object.relocations[seen]", "kernel.ringbuf"} <= set(load)
    assert "kernel.targets[tp/sched/x]" in PROJECT.needs("seen", Stage.ATTACH)
    assert "kernel.btf" not in PROJECT.needs("plain", Stage.LOAD)
    assert PROJECT.needs("plain", Stage.ATTACH) == ("object.programs[plain]", "kernel.uprobes")
    assert "kernel.global-data" in PROJECT.needs("plain", Stage.LOAD)
    assert "kernel.lsm[load]" in PROJECT.needs("hook", Stage.LOAD)
    assert "kernel.lockdown" in PROJECT.needs("odd", Stage.LOAD)
    assert "kernel.lockdown" not in PROJECT.needs("seen", Stage.LOAD)
    assert PROJECT.needs("odd", Stage.ATTACH) == ("object.programs[odd]",)


def needs_of(program: ObjectProgram, stage: Stage) -> set[str]:
    facts = BpfObject((program,), (), btf=True, kernel_btf=True)
    return set(project_of_object("/tmp/some.bpf.o", facts).needs(program.name, stage))


def test_its_type_must_load_where_that_can_be_tried() -> None:
    hook = ObjectProgram("p", "cgroup/connect4", "cgroup_sock_addr", "cgroup", "connect4")
    assert "kernel.program-types[cgroup_sock_addr]" in needs_of(hook, Stage.LOAD)
    traced = ObjectProgram("p", "fentry.s/f", "tracing", "fentry", "f", sleepable=True)
    assert not [key for key in needs_of(traced, Stage.LOAD) if "program-types" in key]
    assert "kernel.targets[fentry.s/f]" in needs_of(traced, Stage.LOAD)


def test_what_its_loader_must_name_is_open_when_it_is_loaded() -> None:
    for unnamed in (ObjectProgram("p", "foo/bar"), ObjectProgram("p", "lsm", "lsm", "lsm")):
        assert "object.programs[p]" in needs_of(unnamed, Stage.LOAD)
    plain = ObjectProgram("p", "kprobe", "kprobe", "kprobe")
    assert "object.programs[p]" not in needs_of(plain, Stage.LOAD)


def test_a_map_that_is_pinned_needs_the_bpf_file_system() -> None:
    facts = BpfObject(
        (ObjectProgram("p", "xdp", "xdp", "xdp"),),
        (ObjectMap("kept", "hash", 1, pinned=1),),
        btf=True,
        kernel_btf=True,
    )
    assert "runtime.bpffs" in project_of_object("/tmp/x.bpf.o", facts).needs("p", Stage.LOAD)


def test_what_it_may_never_call_is_no_need() -> None:
    reads = ObjectProgram("p", "xdp", "xdp", "xdp", helpers=("probe_read",), conditional=True)
    assert "kernel.lockdown" not in needs_of(reads, Stage.LOAD)


def test_every_need_is_a_check() -> None:
    known = rules()
    ids = {check.id for check in load_checks().checks}
    named = (known.kinds, known.maps, known.helpers)
    parts = [
        known.every,
        known.relocated,
        known.global_data,
        known.pinned,
        known.typed,
        known.unnamed,
        *(needs for each in named for needs in each.values()),
    ]
    keys = {check_of(key) for part in parts for needs in part.values() for key in needs}
    assert keys <= ids
