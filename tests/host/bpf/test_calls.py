"""bpf(2) and perf_event_open(2) through ctypes, on the real kernel."""

from __future__ import annotations

import os
import struct

import pytest

from bpfdoctor.host.bpf.calls import (
    Attempt,
    LoadError,
    ProgramSpec,
    create_map,
    load_program,
    lookup,
    update,
)
from bpfdoctor.host.bpf.features.map_types import MAP_TYPES
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import EXIT, RETURN_ZERO
from bpfdoctor.host.bpf.perf import one_bit
from bpfdoctor.host.bpf.probes import AskBpf, AskHelper, CreateMap, LoadProgram, OpenPerfEvent
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.syscalls import ARCHITECTURES, UnknownArchitectureError, numbers

bpf = pytest.mark.bpf


def test_the_numbers_are_those_of_the_headers_of_this_machine() -> None:
    assert numbers().bpf in (280, 321, 351, 361, 5315)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_the_perf_ioctls_of_each_architecture_are_distinct_numbers(architecture: str) -> None:
    known = ARCHITECTURES[architecture]
    assert len({known.bpf, known.perf_event_open, known.getcpu}) == 3
    assert known.ioctl_none != known.ioctl_write


def test_an_unknown_architecture_is_no_answer_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    monkeypatch.setattr("bpfdoctor.host.syscalls.machine_architecture", lambda: "vax")
    with pytest.raises(UnknownArchitectureError, match="vax"):
        numbers()
    for question in (AskBpf(), LoadProgram("tracepoint"), OpenPerfEvent()):
        answer = question.put(machine)
        assert isinstance(answer, NoAnswer)
        assert answer.reason == "refused"


@bpf
def test_a_map_keeps_what_is_put_into_it(kernel: None) -> None:
    descriptor = create_map(MAP_TYPES["array"].number, 4, 8, 2)
    try:
        update(descriptor, struct.pack("=I", 1), b"bpfdoct.")
        assert lookup(descriptor, struct.pack("=I", 1), 8) == b"bpfdoct."
        assert lookup(descriptor, bytes(4), 8) == bytes(8)
        with pytest.raises(FileNotFoundError):
            lookup(descriptor, struct.pack("=I", 2), 8)
    finally:
        os.close(descriptor)


@bpf
def test_a_refused_program_brings_the_verifiers_log(kernel: None) -> None:
    with pytest.raises(LoadError) as refused:
        load_program(ProgramSpec(PROGRAM_TYPES["tracepoint"].number, EXIT))  # r0 was never set
    assert refused.value.errno == 13
    assert "R0 !read_ok" in refused.value.log


@bpf
@pytest.mark.parametrize("kind", ["tracepoint", "kprobe", "raw_tracepoint", "socket_filter"])
def test_a_trivial_program_loads(kernel: None, live: LiveHost, kind: str) -> None:
    assert live.ask(LoadProgram(kind)) == Attempt()


@bpf
def test_a_loaded_program_is_closed_with_its_descriptor(kernel: None) -> None:
    descriptor = load_program(ProgramSpec(PROGRAM_TYPES["tracepoint"].number, RETURN_ZERO))
    assert os.readlink(f"/proc/self/fd/{descriptor}") == "anon_inode:bpf-prog"
    os.close(descriptor)


@bpf
def test_a_map_of_an_impossible_size_is_refused_by_name(kernel: None, live: LiveHost) -> None:
    answer = live.ask(CreateMap("array", 3, 8, 1))
    assert isinstance(answer, Attempt)
    assert (answer.error, answer.call) == ("EINVAL", "bpf(BPF_MAP_CREATE)")


@bpf
def test_a_helper_is_known_or_the_verifier_names_it(kernel: None, live: LiveHost) -> None:
    known = live.ask(AskHelper("tracepoint", "map_lookup_elem"))
    assert known == Attempt()
    foreign = live.ask(AskHelper("socket_filter", "override_return"))
    assert isinstance(foreign, Attempt)
    assert not foreign.worked
    assert "override_return#58" in foreign.log


@bpf
@pytest.mark.parametrize("helper", ["get_ns_current_pid_tgid", "trace_vprintk"])
def test_helpers_that_a_tracepoint_may_call_are_known(
    kernel: None, live: LiveHost, helper: str
) -> None:
    assert live.ask(AskHelper("tracepoint", helper)) == Attempt()
    assert live.ask(AskHelper("kprobe", "get_attach_cookie")) == Attempt()


def test_bpf_answers_anyone_with_an_errno(live: LiveHost) -> None:
    answer = live.ask(AskBpf())
    assert isinstance(answer, Attempt)
    assert not answer.worked
    assert answer.error in ("E2BIG", "EPERM", "ENOSYS")


@bpf
def test_root_may_open_an_event_for_every_process(kernel: None, live: LiveHost) -> None:
    assert live.ask(OpenPerfEvent()) == Attempt()


def test_one_bit_fields_begin_at_the_other_end_of_a_big_endian_word() -> None:
    assert [one_bit(field, "little") for field in (0, 10)] == [1, 1 << 10]
    assert [one_bit(field, "big") for field in (0, 10)] == [1 << 63, 1 << 53]
