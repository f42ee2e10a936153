"""What the engine adds to a check's fixes, on recorded machines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.engine.collect import reported
from bpfdoctor.engine.select import Options
from bpfdoctor.engine.session import examine
from bpfdoctor.host.record import RecordedHost, read_snapshot
from bpfdoctor.model import ByHand, Evidence, Finding, Fix, Run, Status, Unrecorded
from bpfdoctor.testing import FakeHost

HOSTS = Path(__file__).parents[1] / "hosts"


@pytest.mark.parametrize(
    ("machine", "key", "command"),
    [
        (
            "debian-6.12-lsm-without-bpf",
            "kernel.lsm-active",
            "lsm=lockdown,capability,yama,ima,evm,bpf",
        ),
        ("debian-6.1-lockdown", "kernel.lockdown", "s/ *lockdown=confidentiality//"),
    ],
)
def test_a_change_of_the_command_line_comes_with_its_steps(
    machine: str, key: str, command: str
) -> None:
    snapshot = read_snapshot(HOSTS / f"{machine}.json")
    options = msgspec.structs.replace(msgspec.convert(snapshot.options, Options), only=(key,))
    report = examine(RecordedHost(snapshot), options)
    (fix,) = next(each for each in report.findings if each.key == key).fixes
    assert isinstance(fix, ByHand)
    assert command in fix.text
    assert fix.text.endswith("\n  update-grub\n  reboot")


RECORDED, NEVER = Evidence("$ a", "not-recorded"), Unrecorded("$ b", "not-recorded")
OWN = Run(("bpfdoctor", "check", "--sudo"))
ANEW = ByHand("record that machine anew: bpfdoctor snapshot -o FILE")


@pytest.mark.parametrize(
    ("status", "seen", "fix"),
    [
        (Status.UNKNOWN, (RECORDED, NEVER), ANEW),
        (Status.UNKNOWN, (RECORDED,), OWN),
        (Status.FAIL, (NEVER,), OWN),
        (Status.WARN, (NEVER,), OWN),
    ],
)
def test_a_machine_is_recorded_anew_only_for_what_is_unknown_and_was_never_asked(
    status: Status, seen: tuple[Evidence, ...], fix: Fix
) -> None:
    found = Finding(status, "so it is", id="a.b", evidence=seen, fixes=(OWN,))
    (each,) = reported([found], (), frozenset(), FakeHost())
    assert each.fixes == (fix,)
