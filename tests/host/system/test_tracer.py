"""The function tracer's switch, and what nobody attaches while it is off."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bpfdoctor.host.architecture import machine_architecture
from bpfdoctor.host.bpf.attach import AttachKprobe
from bpfdoctor.host.bpf.attach_btf import AttachTrampoline
from bpfdoctor.host.bpf.attach_lsm import FireLsm
from bpfdoctor.host.bpf.event_probes import EventSource
from bpfdoctor.host.bpf.fire_once import FireOnce
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.system import tracer
from bpfdoctor.host.system.tracer import AskTracer, Traced, Tracer

ONE: tuple[Traced, ...] = ("trampoline",)
BOTH: tuple[Traced, ...] = ("trampoline", "kprobe")


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the place of the sysctl."""
    file = tmp_path / "ftrace_enabled"
    monkeypatch.setattr(tracer, "SWITCH", file)
    return file


def test_a_tracer_that_is_on_silences_nothing(switch: Path, machine: Machine) -> None:
    switch.write_text("1\n")
    assert AskTracer().put(machine) == Tracer(on=True)


def test_a_kernel_without_a_tracer_has_no_switch(switch: Path, machine: Machine) -> None:
    answer = AskTracer().put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.absent


@pytest.mark.parametrize(
    ("architecture", "release", "said"),
    [
        ("x86_64", "6.0.0", Tracer(on=False, silent=BOTH, untried=BOTH)),
        ("x86_64", "5.19.17", Tracer(on=False, silent=BOTH, untried=("kprobe",))),
        ("aarch64", "6.0.0", Tracer(on=False, silent=ONE, untried=ONE)),
        ("aarch64", "5.19.17", Tracer(on=False, silent=ONE)),
    ],
)
def test_what_a_tracer_that_is_off_silences(
    switch: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, release: str, said: Tracer
) -> None:
    switch.write_text("0\n")
    monkeypatch.setattr(tracer, "machine_architecture", lambda: architecture)
    monkeypatch.setattr("os.uname", lambda: SimpleNamespace(release=release))
    assert AskTracer().put(cast("Machine", None)) == said  # it asks no machine


@pytest.mark.bpf
@pytest.mark.parametrize(
    "question",
    [AttachKprobe(), AttachTrampoline("fentry"), FireOnce("kprobe"), FireOnce("trampoline")],
)
def test_nothing_is_attached_by_way_of_a_tracer_that_is_off(
    kernel: None,
    switch: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    question: Question[object],  # type: ignore[type-var]
) -> None:
    switch.write_text("0\n")
    monkeypatch.setattr("bpfdoctor.host.bpf.attach.event_source", EventSource)
    monkeypatch.setattr("bpfdoctor.host.bpf.attach_btf.btf_id_of", lambda *_: 1)
    monkeypatch.setattr(tracer, "KPROBES_ON_FTRACE", (machine_architecture(),))
    monkeypatch.setattr(tracer, "REFUSES", (1, 0))
    answer = question.put(machine)
    assert answer == NoAnswer("refused", tracer.LEFT_ALONE)


def test_no_lsm_program_is_attached_either(
    switch: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch.write_text("0\n")
    monkeypatch.setattr("bpfdoctor.host.bpf.attach_lsm.btf_id_of", lambda *_: 1)
    monkeypatch.setattr(tracer, "REFUSES", (1, 0))
    assert FireLsm().put(machine) == NoAnswer("refused", tracer.LEFT_ALONE)
