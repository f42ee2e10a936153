"""Running real programs (shell scripts that behave in every way): what is seen and left."""

from __future__ import annotations

import hashlib
import os
import select
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bpfdoctor.host import leash_pool
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.scratch import MARKER
from bpfdoctor.smoke.run import Ran, RunProgram


@pytest.fixture
def watched() -> Iterator[Machine]:
    """A machine on which a run must leave no process, file or trace instance."""
    machine = Machine()
    yield machine
    assert [each.name for each in machine.scratch.iterdir()] == [MARKER]
    leash_pool.close()
    assert not [p.name() for p in psutil.Process().children(recursive=True)]
    instances = Path("/sys/kernel/tracing/instances")
    mine = f"-{os.getpid()}-"
    assert not instances.is_dir() or not [p for p in instances.iterdir() if mine in p.name]
    machine.close()


def question(tmp_path: Path, script: str, **changes: object) -> RunProgram:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    values: dict[str, object] = {"watch": "output", "limit": 5.0, **changes}
    return RunProgram(str(program), digest, "program", **values)  # type: ignore[arg-type]


def ran(machine: Machine, asked: RunProgram) -> Ran:
    answer = asked.put(machine)
    assert isinstance(answer, Ran), answer
    return answer


def test_its_own_output_with_its_own_pid_is_a_proof(watched: Machine, tmp_path: Path) -> None:
    answer = ran(
        watched, question(tmp_path, "echo pid=$$; exec tail -f /dev/null", pattern="pid={pid}$")
    )
    assert answer.proof == f"pid={answer.pid}"
    assert not answer.ended


def test_another_pid_is_none(watched: Machine, tmp_path: Path) -> None:
    asked = question(
        tmp_path, "echo pid=1; exec tail -f /dev/null", pattern="pid={pid}$", limit=0.5
    )
    answer = ran(watched, asked)
    assert not answer.proof
    assert "pid=1" in answer.output
    assert answer.seconds >= 0.5


def test_how_it_ended_and_what_it_said_is_kept(watched: Machine, tmp_path: Path) -> None:
    answer = ran(watched, question(tmp_path, "echo out; echo err >&2; exit 3", pattern="never"))
    assert (answer.status, answer.output) == (3, "out\nerr")
    assert "exit status 3" in answer.shown()


def test_a_signal_is_named(watched: Machine, tmp_path: Path) -> None:
    answer = ran(watched, question(tmp_path, "kill -SEGV $$", pattern="never"))
    assert (answer.status, answer.signal) == (None, "SIGSEGV")


def test_output_that_ends_with_the_program_is_still_searched(
    watched: Machine, tmp_path: Path
) -> None:
    answer = ran(watched, question(tmp_path, "echo at last", pattern="at last"))
    assert answer.proof == "at last"


def test_its_children_end_with_it(watched: Machine, tmp_path: Path) -> None:
    script = "trap '' INT; tail -f /dev/null & echo child=$!; wait"
    answer = ran(watched, question(tmp_path, script, pattern=r"child=\d+"))
    assert ends(int(answer.proof.partition("=")[2]))


def ends(pid: int) -> bool:
    """A process that was killed needs a moment."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(descriptor):
        return bool(select.select([descriptor], [], [], 5)[0])


def test_a_program_that_floods_its_output_is_bounded(watched: Machine, tmp_path: Path) -> None:
    answer = ran(watched, question(tmp_path, "yes", pattern="never", limit=0.5))
    assert len(answer.output) < 4096


def test_another_program_than_the_one_built_is_refused(watched: Machine, tmp_path: Path) -> None:
    asked = question(tmp_path, "touch was-run")
    Path(asked.binary).write_text("#!/bin/sh\ntouch swapped\n")
    answer = asked.put(watched)
    assert isinstance(answer, NoAnswer)
    assert "hash differs" in answer.detail


def test_a_program_that_is_gone_or_no_program_is_an_answer(
    watched: Machine, tmp_path: Path
) -> None:
    asked = question(tmp_path, "")
    Path(asked.binary).unlink()
    gone = asked.put(watched)
    assert isinstance(gone, NoAnswer)
    assert gone.absent
    data = b"\x7fELF and nothing more"
    Path(asked.binary).write_bytes(data)
    other = RunProgram(asked.binary, hashlib.sha256(data).hexdigest(), "program").put(watched)
    assert isinstance(other, NoAnswer)
    assert other.reason == "ENOEXEC"


def test_it_runs_as_a_copy_that_is_ours_alone(watched: Machine, tmp_path: Path) -> None:
    answer = ran(watched, question(tmp_path, 'stat -c "%a %u $0" "$0"', pattern="never"))
    mode, uid, path = answer.output.split()
    assert (mode, int(uid)) == ("700", os.geteuid())
    assert path.startswith("$SCRATCH/")


@pytest.mark.parametrize(
    ("trigger", "pattern", "script"),
    [
        ("exec", "saw .*{child}", "while :; do ls; done | sed -nu 's/bpfd/saw bpfd/p'"),
        ("signal", "saw {pid}", "trap 'echo saw $$' CONT; while :; do sleep 0.05; done"),
    ],
)
def test_the_trigger_is_pulled_with_this_runs_mark(
    watched: Machine, tmp_path: Path, trigger: str, pattern: str, script: str
) -> None:
    answer = ran(watched, question(tmp_path, script, trigger=trigger, pattern=pattern))
    assert answer.proof.startswith("saw ")


def test_a_pattern_that_is_none_is_refused(watched: Machine, tmp_path: Path) -> None:
    answer = question(tmp_path, "exec tail -f /dev/null", pattern="(").put(watched)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no devpts is mounted."""

    def refuse() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr("bpfdoctor.smoke.terminal.pty.openpty", refuse)


AT_ITS_END = "trap 'echo pid=$$; exit' INT; while :; do sleep 0.05; done"


@pytest.mark.usefixtures("no_terminal")
def test_what_a_program_prints_only_at_its_end_is_a_proof_too(
    watched: Machine, tmp_path: Path
) -> None:
    answer = ran(watched, question(tmp_path, AT_ITS_END, pattern="pid={pid}$", limit=0.3))
    assert answer.proof == f"pid={answer.pid}"
    assert answer.unseen


def test_with_a_terminal_nothing_is_held_back(watched: Machine, tmp_path: Path) -> None:
    asked = question(tmp_path, "exec tail -f /dev/null", pattern="pid={pid}$", limit=0.3)
    assert not ran(watched, asked).unseen


@pytest.mark.bpf
def test_the_global_trace_is_looked_at_for_what_shows_itself_there(
    kernel: None, watched: Machine, tmp_path: Path
) -> None:
    answer = ran(watched, question(tmp_path, "true", watch="trace", pattern="x"))
    assert answer.window is not None
    assert "bpfdoctor" not in answer.window.place  # not our own instance
    assert ran(watched, question(tmp_path, "true", pattern="x")).window is None
