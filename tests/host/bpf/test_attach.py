"""Attaching for a moment, on the real kernel: what it answers, and that nothing stays."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from loud import missing

from bpfdoctor.host.bpf.attach import (
    AttachKprobe,
    AttachRawTracepoint,
    AttachTracepoint,
    AttachUprobe,
)
from bpfdoctor.host.bpf.attach_btf import (
    AttachIterator,
    AttachTrampoline,
)
from bpfdoctor.host.bpf.attach_lsm import FireLsm, LsmFired
from bpfdoctor.host.bpf.attach_net import AttachClassifier, AttachSocketFilter
from bpfdoctor.host.bpf.call_names import Call
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.event_probes import DEVICES, EventSource, ProbePlace
from bpfdoctor.host.bpf.steps import Steps
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.scratch import MARKER
from bpfdoctor.host.system import security
from bpfdoctor.host.system.modules import AskLoadable, Modules
from bpfdoctor.host.system.mounted import superblock_magic
from bpfdoctor.host.system.security import refuse_in_confidentiality
from bpfdoctor.host.system.trace import tracefs_path

pytestmark = pytest.mark.bpf

REFUSED = ("EPERM", "ENOENT", "EINVAL", "ENOTSUPP")
"""What a kernel without the ability, or that forbids it, may say to root."""


def network_devices() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


@pytest.mark.parametrize(
    "question",
    [
        AttachTracepoint("syscalls", "sys_enter_getcpu"),
        AttachTracepoint("sched", "sched_process_exec"),
        AttachRawTracepoint("sched_process_exec"),
        AttachSocketFilter(),
    ],
)
def test_what_every_kernel_has_attaches(
    kernel: None, live: LiveHost, question: Question[Attempt]
) -> None:
    assert live.ask(question) == Attempt()


@pytest.mark.parametrize("returns", [False, True])
def test_a_kprobe_attaches_where_the_kernel_has_them(
    kernel: None, live: LiveHost, returns: bool
) -> None:
    answer = live.ask(AttachKprobe(returns))
    assert isinstance(answer, Attempt)
    assert answer.worked or answer.error in REFUSED
    if not Path(DEVICES, "kprobe").is_dir():
        assert (answer.error, answer.call) == ("ENOENT", f"{DEVICES}/kprobe")


@pytest.mark.parametrize("returns", [False, True])
def test_a_uprobe_attaches_to_a_file_of_ours(kernel: None, machine: Machine, returns: bool) -> None:
    if not Path(DEVICES, "uprobe").is_dir():
        missing("a kernel with uprobes")
    assert AttachUprobe(returns).put(machine) == Attempt()
    held = [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]
    assert not any("memfd:bpfdoctor" in each for each in held)
    assert [each.name for each in machine.scratch.iterdir()] == [MARKER]


def test_a_uprobe_takes_no_place_on_a_disk(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path(DEVICES, "uprobe").is_dir():
        missing("a kernel with uprobes")
    nowhere = property(lambda machine: Path("/nonexistent"))
    monkeypatch.setattr(Machine, "scratch", nowhere)
    assert AttachUprobe(returns=True).put(machine) == Attempt()


def test_before_linux_4_17_a_uprobe_is_made_in_tracefs_and_removed(
    kernel: None, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Path(tracefs_path() or "", "uprobe_events")
    if not events.exists():
        missing("a kernel with uprobes")
    monkeypatch.setattr("bpfdoctor.host.bpf.event_probes.DEVICES", "/nonexistent")
    monkeypatch.setattr("bpfdoctor.host.bpf.event_probes.kernel_version", lambda _: (4, 16))
    assert AttachUprobe().put(machine) == Attempt()
    assert f"p{os.getpid()}_" not in events.read_text()


def test_a_function_that_is_not_there_is_enoent(kernel: None, live: LiveHost) -> None:
    answer = live.ask(AttachTrampoline("fentry", ("no_such_function_at_all",)))
    assert isinstance(answer, Attempt)
    assert answer.error == "ENOENT"
    assert "no_such_function_at_all" in answer.call
    kprobe = live.ask(AttachKprobe(functions=("no_such_function_at_all",)))
    assert isinstance(kprobe, Attempt)
    assert kprobe.error == "ENOENT"


@pytest.mark.parametrize(
    "question", [AttachTrampoline("fentry"), AttachTrampoline("fexit"), AttachIterator()]
)
def test_what_goes_by_btf_works_or_says_why_not(
    kernel: None, live: LiveHost, question: Question[Any]
) -> None:
    answer = live.ask(question)
    assert isinstance(answer, Attempt)
    assert answer.worked or answer.error in REFUSED
    assert answer.worked is not bool(answer.call)


def test_an_iterator_over_nothing_known_is_enoent(kernel: None, live: LiveHost) -> None:
    answer = live.ask(AttachIterator("no_such_thing"))
    assert isinstance(answer, Attempt)
    assert answer.error == "ENOENT"


def test_an_lsm_program_that_is_attached_is_called_or_counted_as_silent(
    kernel: None, live: LiveHost
) -> None:
    answer = live.ask(FireLsm())
    assert isinstance(answer, LsmFired)
    assert (answer.hits is not None) is answer.attached.worked
    assert answer.hits in (None, 0, 1)


def test_a_classifier_attaches_and_our_network_is_as_it_was(kernel: None, live: LiveHost) -> None:
    before = network_devices(), Path("/proc/self/ns/net").stat().st_ino
    loadable = live.ask(AskLoadable(("sch_ingress", "cls_bpf")))
    assert isinstance(loadable, Modules)
    if loadable.loadable:
        missing(f"a kernel that has {loadable.loadable} already")
    answer = live.ask(AttachClassifier())
    assert isinstance(answer, Attempt)
    assert answer.worked or answer.error in REFUSED
    assert (network_devices(), Path("/proc/self/ns/net").stat().st_ino) == before


def test_where_no_namespace_can_be_made_nothing_is_said_of_tc(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: AttachClassifier, steps: Steps) -> None:
        steps.call = refused
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(AttachClassifier, "_attach", refuse)
    refused = Call.UNSHARE
    answer = AttachClassifier().put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "EPERM"
    refused = Call.ADD_QDISC
    assert AttachClassifier().put(machine) == Attempt("EPERM", "tc qdisc add dev lo clsact")


@pytest.mark.parametrize(
    ("first", "tried"),
    [(errno.ENOENT, ["gone", "there"]), (errno.EINVAL, ["gone"]), (0, ["gone"])],
)
def test_another_function_is_tried_only_where_the_one_before_is_not_there(
    first: int, tried: list[str], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def attach(steps: Steps, source: EventSource, place: ProbePlace) -> None:
        seen.append(place.where)
        if first and place.where == "gone":
            raise OSError(first, "no")

    monkeypatch.setattr("bpfdoctor.host.bpf.attach.event_source", EventSource)
    monkeypatch.setattr("bpfdoctor.host.bpf.attach.attach_probe", attach)
    AttachKprobe(functions=("gone", "there"))._attach()
    assert seen == tried


def test_without_a_source_of_kprobes_no_function_is_tried(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.host.bpf.event_probes.DEVICES", str(tmp_path))
    said = Attempt("ENOENT", f"{tmp_path}/kprobe")
    assert AttachKprobe(functions=("gone", "there")).put(machine) == said


def test_confidentiality_is_refused_without_asking_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    monkeypatch.setattr(security, "PLACE", str(tmp_path))
    monkeypatch.setattr(security, "MAGIC", superblock_magic(str(tmp_path)))
    (tmp_path / "lockdown").write_text("none [integrity] confidentiality\n")
    refuse_in_confidentiality()
    (tmp_path / "lockdown").write_text("none integrity [confidentiality]\n")
    with pytest.raises(PermissionError):
        refuse_in_confidentiality()
    answer = AttachKprobe().put(machine)
    assert isinstance(answer, Attempt)
    assert answer.error in ("EPERM", "ENOENT")
    if Path(DEVICES, "uprobe").is_dir() and os.geteuid() == 0:
        assert AttachUprobe().put(machine).error != "EPERM"  # type: ignore[union-attr]


def test_without_a_file_to_put_it_on_a_uprobe_is_no_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str) -> int:
        raise OSError(errno.EMFILE, name)

    monkeypatch.setattr(os, "memfd_create", refused)
    answer = AttachUprobe().put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "EMFILE"
