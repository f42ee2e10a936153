"""Whether packets come over lo."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from loud import require
from needing import needing

from bpfdoctor.api import Answer, AskLoopback, Finding, Loopback, NoAnswer, Run, Status
from bpfdoctor.host.machine import Machine
from bpfdoctor.testing import FakeHost, one, run_check


def judged(answer: Answer) -> Finding:
    host = FakeHost({AskLoopback(): answer})
    return one(run_check("runtime.loopback", host, needing("runtime.loopback")))


def test_lo_that_is_up_and_takes_a_packet_passes() -> None:
    assert judged(Loopback(up=True)).status is Status.PASS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Loopback(up=False, refused="EADDRNOTAVAIL"), "link set lo up"),
        (Loopback(up=False), "link set lo up"),
        (Loopback(up=True, refused="EADDRNOTAVAIL"), "address add 127.0.0.1/8"),
        (Loopback(up=True, refused="EPERM"), "nft list ruleset"),
    ],
)
def test_lo_that_takes_no_packet_fails_with_what_mends_it(answer: Loopback, words: str) -> None:
    found = judged(answer)
    assert found.status is Status.FAIL
    (fix,) = found.fixes
    assert words in (" ".join(fix.argv) if isinstance(fix, Run) else repr(fix))


@pytest.mark.parametrize("answer", [NoAnswer("EPERM"), Loopback(up=True, refused="ENOBUFS")])
def test_what_says_nothing_of_lo_is_unknown(answer: Answer) -> None:
    assert judged(answer).status is Status.UNKNOWN


def test_it_is_not_asked_where_no_program_needs_a_packet() -> None:
    assert run_check("runtime.loopback", FakeHost(), needing("kernel.tc")) == ()


def test_here_a_datagram_comes_back(machine: Machine) -> None:
    assert AskLoopback().put(machine) == Loopback(up=True)


ASKED = "from bpfdoctor.host.system.loopback import AskLoopback; print(AskLoopback().put(None))"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (":", Loopback(up=False, refused="ENETUNREACH")),
        ("ip link set lo up", Loopback(up=True)),
        ("ip link set lo up; ip address flush dev lo", Loopback(up=True, refused="EADDRNOTAVAIL")),
    ],
)
def test_in_a_namespace_of_its_own_lo_is_as_it_was_left(before: str, said: Loopback) -> None:
    require("root", "unshare", "ip")
    script = f'{before}; exec "$@"'
    argv = ["unshare", "--net", "sh", "-c", script, "sh", sys.executable, "-c", ASKED]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.stdout.strip() == repr(said), done.stderr
