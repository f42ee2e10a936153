"""From what a program was seen to do, to the stage it came to."""

from __future__ import annotations

import msgspec
import pytest

from bpfdoctor.host.system.trace_window import TraceWindow
from bpfdoctor.model import Stage
from bpfdoctor.smoke.model import Outcome
from bpfdoctor.smoke.run import Ran, RunProgram
from bpfdoctor.smoke.stages import stages_of

QUESTION = RunProgram("/b", "0", "minimal")
ATTACHED = ("bpf-map", "bpf-prog", "bpf_link", "perf_event")


def stages(ran: Ran) -> list[tuple[Stage, bool | None]]:
    return [(outcome.stage, outcome.happened) for outcome in stages_of(QUESTION, ran)]


def stopped_at(output: str, status: int = 1) -> tuple[Stage, bool | None]:
    return stages(Ran(7, output, status=status, root=True))[-1]


def test_an_event_proves_every_stage() -> None:
    ran = Ran(7, "", proof="minimal-7: BPF triggered from PID 7.", proof_source="trace", root=True)
    assert stages(ran) == [(Stage.LOAD, True), (Stage.ATTACH, True), (Stage.FIRES, True)]
    assert "PID 7" in stages_of(QUESTION, ran)[-1].summary


@pytest.mark.parametrize(
    "output",
    [
        "Failed to increase RLIMIT_MEMLOCK limit!",
        "Failed to open BPF skeleton",
        "Failed to open and load BPF skeleton",
        "Failed to load and verify BPF skeleton",
        "Fail to open and load BPF skeleton",
        "libbpf: prog 'f': BPF program load failed: Operation not permitted\nFailed to attach it",
        "libbpf: failed to load object 'usdt_bpf'\nFailed to attach BPF program `usdt_manual`",
        "./minimal: error while loading shared libraries: libelf.so.1: cannot open",
    ],
)
@pytest.mark.parametrize("status", [0, 1])
def test_a_program_that_was_not_loaded_whatever_its_exit_status(output: str, status: int) -> None:
    assert stopped_at(output, status) == (Stage.LOAD, False)


@pytest.mark.parametrize(
    "output",
    [
        "libbpf: failed to open '/sys/bus/event_source/devices/kprobe/type': -ENOENT\n"
        "libbpf: prog 'do_unlinkat': failed to auto-attach: -ENOENT\nFailed to attach BPF skeleton",
        "Failed to attach BPF program `usdt_manual_attach`",
        "Failed to create TC hook: -2",
        "Failed to open raw socket",
        "Failed to create iter",
        "Fail to set up performance monitor on a CPU/Core.",
    ],
)
def test_a_program_that_was_loaded_and_not_attached(output: str) -> None:
    assert stopped_at(output) == (Stage.ATTACH, False)
    assert stages(Ran(7, output, status=0, root=True))[0] == (Stage.LOAD, True)


def test_the_first_line_that_names_the_fault_is_the_summary_and_all_of_them_the_evidence() -> None:
    output = (
        "libbpf: prog 'f': failed to load: -EPERM\nlibbpf: failed to load object 'f_bpf'\nthe end"
    )
    (outcome,) = stages_of(QUESTION, Ran(7, output, status=1, root=True))
    assert outcome.summary == "libbpf: prog 'f': failed to load: -EPERM"
    assert output in outcome.seen[0].text


def test_without_root_a_refusal_says_nothing_of_the_machine() -> None:
    ran = Ran(7, "Failed to load and verify BPF skeleton", status=1, root=False)
    (outcome,) = stages_of(QUESTION, ran)
    assert (outcome.stage, outcome.happened) == (Stage.LOAD, None)
    assert "without root" in outcome.summary


def test_an_attached_program_without_event_is_silent() -> None:
    ran = Ran(7, "Successfully started!", held=ATTACHED, root=True, seconds=15)
    assert stages(ran) == [(Stage.LOAD, True), (Stage.ATTACH, True), (Stage.FIRES, False)]
    assert "silent" in stages_of(QUESTION, ran)[-1].summary


def test_an_event_that_could_not_be_looked_for_is_unknown() -> None:
    ran = Ran(7, "", held=ATTACHED, root=True, untraced="EACCES: Permission denied")
    assert stages(ran)[-1] == (Stage.FIRES, None)


def test_a_program_that_was_never_seen_to_load_or_attach_is_unknown_not_failed() -> None:
    assert stages(Ran(7, "working...", root=True)) == [(Stage.LOAD, None)]
    assert stages(Ran(7, "", held=("bpf-prog",), root=True))[-1] == (Stage.ATTACH, None)


@pytest.mark.parametrize(
    ("held", "stage"),
    [((), Stage.LOAD), (("bpf-prog",), Stage.ATTACH), (ATTACHED, Stage.FIRES)],
)
def test_a_silent_death_is_placed_by_what_it_held(held: tuple[str, ...], stage: Stage) -> None:
    assert stages(Ran(7, "", held=held, signal="SIGSEGV", root=True))[-1] == (stage, False)


def test_silence_into_a_pipe_is_not_seen_rather_than_silent() -> None:
    ran = Ran(7, "", held=ATTACHED, unseen=True, root=True, seconds=15)
    assert stages(ran)[-1] == (Stage.FIRES, None)
    assert "no terminal" in stages_of(QUESTION, ran)[-1].summary


PRINTED = Ran(7, "", proof="minimal-7: BPF triggered from PID 7.", proof_source="trace", root=True)
SHUT = TraceWindow("/sys/kernel/tracing", on=False)


def with_window(ran: Ran, window: TraceWindow) -> Outcome:
    return stages_of(QUESTION, msgspec.structs.replace(ran, window=window))[-1]


def test_what_only_a_private_trace_showed_is_not_proven() -> None:
    shown = with_window(PRINTED, SHUT)
    assert (shown.stage, shown.happened) == (Stage.FIRES, False)
    assert "/sys/kernel/tracing/tracing_on is 0" in shown.summary


@pytest.mark.parametrize("refused", ["", "EBUSY"])
def test_what_the_global_trace_shows_somebody_is_proven(refused: str) -> None:
    window = TraceWindow("/sys/kernel/tracing", on=True, refused=refused)
    assert with_window(PRINTED, window).happened is True


def test_a_shut_global_trace_is_named_as_the_cause_of_silence() -> None:
    silent = with_window(Ran(7, "", held=ATTACHED, seconds=15, root=True), SHUT)
    assert (silent.stage, silent.happened) == (Stage.FIRES, False)
    assert "tracing_on is 0" in silent.summary
