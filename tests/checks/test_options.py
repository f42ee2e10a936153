"""kernel.config: options are witnesses, and witnesses may contradict."""

from __future__ import annotations

from typing import Any

from bpfdoctor.api import (
    AskKernel,
    AskKernelOption,
    Kernel,
    KernelOption,
    LookAt,
    NoAnswer,
    PathFacts,
    Question,
    Status,
)
from bpfdoctor.testing import FakeHost, one, project_named, run_check

PATH = "/proc/config.gz"
ABSENT = NoAnswer("ENOENT")
THERE = PathFacts("file", "", "file", 0, 0o444, 0, True)
KPROBES = "/sys/bus/event_source/devices/kprobe"


class Kernels(FakeHost):
    """A host with these options, and every witness there but those that are `hidden`."""

    def __init__(
        self, options: dict[str, str] | NoAnswer, hidden: tuple[str, ...] = (), release: str = "6.1"
    ) -> None:
        super().__init__()
        self.options, self.hidden, self.release = options, hidden, release

    def ask(self, question: Question[Any]) -> Any:
        if isinstance(question, AskKernel):
            return Kernel(self.release, "#1", "x86_64")
        if isinstance(question, LookAt):
            return ABSENT if question.path in self.hidden else THERE
        assert isinstance(question, AskKernelOption)
        if isinstance(self.options, NoAnswer):
            return self.options
        return KernelOption(self.options.get(question.name, "y"), PATH)


def test_options_that_are_set_are_counted() -> None:
    found = one(run_check("kernel.config", Kernels({})))
    assert found.status is Status.PASS
    assert found.summary == "12 of 12 options are set in /proc/config.gz"
    assert len(found.evidence) == 12


def test_an_option_that_is_off_is_named_with_purpose_and_programs() -> None:
    off = {"CONFIG_KPROBE_EVENTS": "n"}
    found = one(run_check("kernel.config", Kernels(off, (KPROBES,))))
    assert found.status is Status.PASS, "an option is never a need"
    assert "CONFIG_KPROBE_EVENTS (kprobes, kretprobes, ksyscall: kprobe, ksyscall)" in found.summary


def test_off_where_its_effect_is_seen_is_a_contradiction() -> None:
    _, contradiction = run_check("kernel.config", Kernels({"CONFIG_KPROBE_EVENTS": "n"}))
    assert contradiction.status is Status.WARN
    assert contradiction.key == "kernel.config[CONFIG_KPROBE_EVENTS]"
    assert "another kernel's" in contradiction.fixes[0].text
    assert contradiction.summary == f"n in {PATH}, but {KPROBES} is there"


def test_on_where_its_effect_is_missing_is_a_contradiction() -> None:
    _, contradiction = run_check("kernel.config", Kernels({}, (KPROBES,)))
    assert contradiction.status is Status.WARN
    assert "hidden here" in contradiction.fixes[0].text
    assert contradiction.summary == f"y in {PATH}, but {KPROBES} is not there"


def test_a_kernel_older_than_the_witness_contradicts_nothing() -> None:
    assert one(run_check("kernel.config", Kernels({}, (KPROBES,), "4.14"))).status is Status.PASS


def test_without_a_configuration_what_the_kernel_shows_counts() -> None:
    found = one(run_check("kernel.config", Kernels(NoAnswer("EACCES"), (KPROBES,))))
    assert found.status is Status.PASS
    assert "CONFIG_UPROBE_EVENTS" in found.summary
    assert "CONFIG_KPROBE_EVENTS" not in found.summary


def test_every_option_of_every_project_has_a_purpose() -> None:
    for name in ("libbpf-bootstrap", "libbpf-bootstrap-2020", "embedded"):
        programs = project_named(name).kind.programs.values()
        off = {option: "n" for program in programs for option in program.options}
        for found in run_check("kernel.config", Kernels(off), project_named(name)):
            assert "(:" not in found.summary
            assert " (: " not in found.summary


def test_no_missing_answer_passes_or_fails() -> None:
    found = one(run_check("kernel.config", FakeHost(otherwise=NoAnswer("not-recorded"))))
    assert found.status is Status.UNKNOWN
    assert found.fixes
