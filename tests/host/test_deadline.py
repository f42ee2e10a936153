"""A time limit stands still while this process is stopped."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bpfdoctor.host.deadline import GAP, LOOK, Deadline


class Clock:
    """One that is put forward by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_passes_when_its_time_is_over() -> None:
    clock = Clock()
    limit = Deadline(3 * LOOK, clock)
    for left in (2, 1, 0):
        clock.now += LOOK
        assert limit.left() == left * LOOK


@pytest.mark.parametrize("stopped", [GAP, 70, 5 * 3600])
def test_of_a_stop_no_more_counts_than_a_look_may_take(stopped: float) -> None:
    clock = Clock()
    limit = Deadline(20, clock)
    clock.now += stopped
    assert limit.left() == 20 - GAP


def test_a_clock_that_goes_back_takes_nothing() -> None:
    clock = Clock()
    limit = Deadline(20, clock)
    clock.now -= 5
    assert limit.left() >= 20


def test_nobody_waits_longer_than_until_the_next_look() -> None:
    clock = Clock()
    limit = Deadline(20, clock)
    assert limit.wait() == LOOK
    clock.now += GAP
    assert Deadline(0.25, clock).wait() == 0.25
    assert Deadline(-1, clock).wait() == 0


STOPS_US = "kill -STOP $0; sleep 1.2; kill -CONT $0; echo done"
"""What a command does to the process whose id it is given."""


def test_a_command_does_not_time_out_while_we_are_stopped() -> None:
    script = (
        "import os, sys\nfrom bpfdoctor.host import deadline\n"
        "from bpfdoctor.host.machine import Machine\n"
        "deadline.GAP = 0.1\n"
        "ended = Machine().run(['sh', '-c', sys.argv[1], str(os.getpid())], timeout=1)\n"
        "print(ended.timed_out, ended.stdout.decode())"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, STOPS_US], capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == ["False", "done"]


def test_a_check_does_not_hang_while_we_are_stopped() -> None:
    script = (
        "import os, sys, subprocess\nfrom bpfdoctor.host import deadline\n"
        "from bpfdoctor.api import Context, Selection, check, passed\n"
        "from bpfdoctor.engine.schedule import Nobody, run_checks\n"
        "from bpfdoctor.host.hosts import LiveHost\nfrom bpfdoctor.host.machine import Machine\n"
        "from bpfdoctor.projects.reader import kinds\nfrom bpfdoctor.api import Project\n"
        "deadline.GAP = 0.1\n"
        "@check('a.b', title='x', limit=1)\n"
        "def stops(context):\n"
        "    words = ['sh', '-c', sys.argv[1], str(os.getpid())]\n"
        "    subprocess.run(words, capture_output=True)\n"
        "    return passed('x')\n"
        "context = Context(LiveHost(Machine()), Project(kinds()['embedded']), Selection(()))\n"
        "print([each.summary for each in run_checks([stops], context, Nobody())])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, STOPS_US], capture_output=True, text=True, check=False
    )
    assert said.stdout == "['x']\n", said.stderr
