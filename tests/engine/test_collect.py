"""What the engine adds to a check's fixes, on recorded machines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.engine.select import Options
from bpfdoctor.engine.session import examine
from bpfdoctor.host.record import RecordedHost, read_snapshot
from bpfdoctor.model import ByHand

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
