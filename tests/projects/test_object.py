"""A compiled object is a project: its programs, and the needs that it shows."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.model import Stage
from bpfdoctor.projects.object import project_of_object

FACTS = BpfObject(
    programs=(
        ObjectProgram(
            "seen", "tp/sched/x", "tracepoint", "tp", "sched/x", (), (), 2, maps=("events",)
        ),
        ObjectProgram("plain", "uprobe", "kprobe", "uprobe", data=True),
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
    assert PROJECT.targets() == ("tp/sched/x", "lsm/bpf")
    seen = PROJECT.program("seen")
    assert seen
    assert seen.summary == 'SEC("tp/sched/x")'


def test_needs_follow_from_kind_relocations_and_maps() -> None:
    load = PROJECT.needs("seen", Stage.LOAD)
    assert {"kernel.btf", "object.relocations[seen]", "kernel.ringbuf"} <= set(load)
    assert {"object.file", "object.externs", "object.maps[events]"} <= set(load)
    assert "kernel.targets[tp/sched/x]" in PROJECT.needs("seen", Stage.ATTACH)
    assert "kernel.btf" not in PROJECT.needs("plain", Stage.LOAD)
    assert PROJECT.needs("plain", Stage.ATTACH) == ("object.programs[plain]", "kernel.uprobes")
    assert "kernel.lsm[load]" in PROJECT.needs("hook", Stage.LOAD)
    assert "kernel.lockdown" in PROJECT.needs("odd", Stage.LOAD)
    assert "kernel.lockdown" not in PROJECT.needs("seen", Stage.LOAD)
    assert PROJECT.needs("odd", Stage.ATTACH) == ("object.programs[odd]",)


def test_global_data_is_a_need_of_the_programs_that_refer_to_it() -> None:
    assert "kernel.global-data" in PROJECT.needs("plain", Stage.LOAD)
    assert "kernel.global-data" not in PROJECT.needs("seen", Stage.LOAD)


def test_a_map_stops_the_programs_that_use_it_and_leaves_the_others_unknown() -> None:
    assert "kernel.ringbuf" not in PROJECT.needs("plain", Stage.LOAD)
    assert {"kernel.ringbuf", "object.maps[events]"} <= set(PROJECT.maybe("plain", Stage.LOAD))
    assert "object.maps[counts]" in PROJECT.maybe("seen", Stage.LOAD)
    assert "object.maps[events]" not in PROJECT.maybe("seen", Stage.LOAD)


def test_a_program_that_its_loader_may_leave_out_is_unknown_at_worst() -> None:
    project = project_of_object("/tmp/some.bpf.o", FACTS, Loader(optional=("hook",)))
    assert not [key for key in project.needs("hook", Stage.LOAD) if "lsm" in key]
    assert "kernel.lsm[load]" in project.maybe("hook", Stage.LOAD)
    assert "kernel.lockdown" in project.needs("odd", Stage.LOAD)


def test_a_section_that_is_loaded_where_its_loader_says_so_is_unknown_at_worst() -> None:
    asked_for = msgspec.structs.replace(FACTS.programs[0], section="?tp/sched/x")
    facts = msgspec.structs.replace(FACTS, programs=(asked_for,))
    alone, loaded = (project_of_object("/tmp/x.o", facts, each) for each in (None, Loader()))
    need = "kernel.targets[tp/sched/x]"
    assert need in alone.needs("seen", Stage.ATTACH)
    assert need in loaded.maybe("seen", Stage.ATTACH)
    assert need not in loaded.needs("seen", Stage.ATTACH)


def test_what_its_loader_raises_the_limit_to_is_a_need() -> None:
    for limit, about in ((-1, "infinity"), (128 << 20, "134217728")):
        key = f"runtime.memlock-raised[{about}]"
        project = project_of_object("/tmp/some.bpf.o", FACTS, Loader(memlock=limit))
        assert key in project.needs("odd", Stage.LOAD)
        assert key not in project.maybe("odd", Stage.LOAD)
        unsure = Loader(memlock=limit, may_carry_on=True)
        project = project_of_object("/tmp/some.bpf.o", FACTS, unsure)
        assert key in project.maybe("odd", Stage.LOAD)
        assert key not in project.needs("odd", Stage.LOAD)
    assert not [k for k in PROJECT.needs("odd", Stage.LOAD) if k.startswith("runtime.memlock-")]
