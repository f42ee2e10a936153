"""The embedded program: compiled by a real clang, loaded, and its event read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import AskIdentity, Context, Stage
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.fire import Fire, Fired, Seen
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.facts import Identity
from bpfdoctor.smoke.elf import UnsoundObjectError, program_in
from bpfdoctor.smoke.embedded.build import SECTION, SOURCE, BuildEmbedded, EmbeddedBuilt
from bpfdoctor.smoke.embedded.prove import prove_embedded
from bpfdoctor.smoke.fire_outcomes import outcomes_of
from bpfdoctor.testing import project_named

ROOT = Identity(0, (1 << 41) - 1, 0, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))


def built(machine: Machine, *clang: str) -> EmbeddedBuilt | NoAnswer:
    return BuildEmbedded(clang).put(machine)


def executable(directory: Path, name: str, text: str) -> str:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.bpf
def test_its_event_is_seen_with_our_process_id(
    kernel: None, live: LiveHost, needs: Callable[..., None]
) -> None:
    needs("clang")
    observed = prove_embedded(Context(live, project_named("embedded")), Stage.FIRES)
    assert observed.program == "embedded"
    assert [each.stage for each in observed.outcomes] == list(Stage)
    assert all(each.happened for each in observed.outcomes)
    event = observed.outcomes[-1].seen[0]
    assert "bpf_trace_printk" in event.text
    assert f"process {os.getpid()}," in event.text
    assert "private instance" in event.source


def test_up_to_build_nothing_is_asked_of_the_kernel(
    machine: Machine, live: LiveHost, needs: Callable[..., None]
) -> None:
    needs("clang")
    observed = prove_embedded(Context(live, project_named("embedded")), Stage.BUILD)
    (outcome,) = observed.outcomes
    assert outcome.happened
    assert list(machine.scratch.glob("tmp*")) == []


def test_the_object_names_the_map_once(machine: Machine, needs: Callable[..., None]) -> None:
    needs("clang")
    answer = built(machine, "clang")
    assert isinstance(answer, EmbeddedBuilt)
    assert answer.program is not None
    assert answer.program.section == SECTION
    assert len(answer.program.map_references) == 1


def test_the_source_carries_its_licence_and_includes_nothing() -> None:
    from bpfdoctor.smoke.embedded import build

    source = Path(build.__file__).with_name(SOURCE).read_text()
    assert source.startswith("// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause\n")
    assert "#include" not in source


def test_a_compiler_that_is_absent_gives_no_answer(machine: Machine) -> None:
    answer = built(machine, "/nonexistent/clang")
    assert isinstance(answer, NoAnswer)
    assert answer.absent


def test_a_compiler_that_refuses_is_quoted(machine: Machine, tmp_path: Path) -> None:
    clang = executable(tmp_path, "clang", "echo 'error: no such target: bpf' >&2; exit 1")
    answer = built(machine, clang)
    assert answer == EmbeddedBuilt(1, "error: no such target: bpf\n")


def test_a_compiler_killed_by_a_signal_has_no_status(machine: Machine, tmp_path: Path) -> None:
    assert built(machine, executable(tmp_path, "clang", "kill -SEGV $$")) == EmbeddedBuilt(
        None, "SIGSEGV"
    )


def test_a_compiler_that_the_kernel_killed_says_nothing_of_itself(
    machine: Machine, tmp_path: Path
) -> None:
    answer = built(machine, executable(tmp_path, "clang", "kill -9 $$"))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "SIGKILL"


def test_without_scratch_space_nothing_is_concluded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # tempfile's last resort
    answer = built(Machine({}), "clang")
    assert isinstance(answer, NoAnswer)
    assert not answer.absent
    assert list(tmp_path.iterdir()) == []


def test_a_compiler_that_writes_nothing_or_nonsense_has_built_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    nothing = built(machine, executable(tmp_path, "nothing", "exit 0"))
    nonsense = built(machine, executable(tmp_path, "nonsense", 'for o; do :; done; echo no > "$o"'))
    assert isinstance(nothing, EmbeddedBuilt)
    assert nothing.program is None
    assert isinstance(nonsense, EmbeddedBuilt)
    assert nonsense.program is None
    assert "not a sound ELF file" in nonsense.log


def test_an_object_for_this_machine_is_not_bpf(
    tmp_path: Path, machine: Machine, needs: Callable[..., None]
) -> None:
    needs("cc")
    source = tmp_path / "a.c"
    source.write_text("int a;\n")
    machine.run(["cc", "-c", str(source), "-o", str(tmp_path / "a.o")])
    with pytest.raises(UnsoundObjectError, match="not for BPF"):
        program_in((tmp_path / "a.o").read_bytes(), SECTION)


def test_an_object_cut_anywhere_is_unsound_and_never_a_traceback(
    machine: Machine, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    source = tmp_path / "a.c"
    source.write_text('__attribute__((section("x"))) int f(void) { return 0; }\n')
    machine.run(["clang", "-target", "bpf", "-c", str(source), "-o", str(tmp_path / "a.o")])
    whole = (tmp_path / "a.o").read_bytes()
    for size in range(0, len(whole) + 1, 7):
        with pytest.raises(UnsoundObjectError):
            program_in(whole[:size], SECTION)


def test_a_program_that_ran_unseen_is_not_proven() -> None:
    fire = Fire("", (), "the embedded program", True)
    refused = Fired(Attempt(), Attempt(), 1, 7, 8, Seen(refused="EPERM: instances"))
    silent = Fired(Attempt(), Attempt(), 1, 7, 8, Seen())
    for fired in (refused, silent):
        last = outcomes_of(fire, fired, ROOT)[-1]
        assert (last.stage, last.happened) == (Stage.FIRES, None)
    assert "EPERM" in outcomes_of(fire, refused, ROOT)[-1].summary


def test_another_process_id_in_the_line_means_another_namespace() -> None:
    line = "x-1 [000] 1.0: bpf_trace_printk: bpfdoctor: process 4242, number 8"
    fired = Fired(Attempt(), Attempt(), 1, 7, 8, Seen((line,), "a private instance"))
    last = outcomes_of(Fire("", (), "the embedded program", True), fired, ROOT)[-1]
    assert last.happened
    assert "0x8" in last.summary


def test_who_asked_is_evidence() -> None:
    load = outcomes_of(Fire("", (), "x"), Fired(Attempt("EPERM", "bpf")), ROOT)[0]
    assert any("CapEff" in each.text for each in load.seen)
    assert AskIdentity.privileged
