"""On Debian's kernels: each kind is hit and counted, and what silences it is told by its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from loud import require
from virtual.circumstances import CIRCUMSTANCES, FIRING
from virtual.examination import PYTHON, as_json
from virtual.guest import boot
from virtual.kernels import PATTERNS, kernel
from virtual.payload import installed

SCRIPT = Path(__file__).with_name("firing.py")
SECONDS = 480.0

BASE = CIRCUMSTANCES["base"]
TRACED = ("kernel.fires[kprobe]", "kernel.fires[trampoline]")
ALL = (
    *TRACED,
    *(f"kernel.fires[{kind}]" for kind in ("uprobe", "tracepoint", "socket-filter", "iterator")),
    "kernel.fires[classifier]",
)

Said = dict[str, list[str]]


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bpfdoctor and the script."""
    require("root", "qemu-system-x86_64", "cpio", "depmod", "dpkg", "apt-get")
    place = tmp_path_factory.mktemp("firing")
    work = place / "work"
    work.mkdir()
    shutil.move(installed(place), work)
    shutil.copy(SCRIPT, work)
    return work


def passing(said: Said) -> set[str]:
    return {key for key in ALL if said[key][0] == "pass"}


@pytest.mark.vm
@pytest.mark.parametrize("name", PATTERNS)
def test_what_silences_a_kind_is_told_and_nothing_of_it_stays(name: str, guest: Path) -> None:
    order = (BASE, FIRING["kprobes-off"], FIRING["lo-down"], FIRING["tracer-off"], BASE)
    words = (*PYTHON, "/guest/firing.py")
    asked = [each.around(words) for each in order]
    warned = ("sh", "-c", "dmesg | grep -c WARNING; true")
    *ran, log = boot(kernel(name), guest, [*asked, warned], seconds=SECONDS)
    base, no_kprobes, no_lo, no_tracer, after = map(as_json, ran)

    assert passing(base) == set(ALL), base
    assert base["runtime.loopback"][0] == base["kernel.function-tracer"][0] == "pass"

    assert passing(no_kprobes) == set(ALL) - {"kernel.fires[kprobe]"}, no_kprobes
    assert "kprobes/enabled is 0" in no_kprobes["kernel.fires[kprobe]"][1]

    assert passing(no_lo) == set(ALL), no_lo
    assert no_lo["runtime.loopback"][:1] == ["fail"]

    assert passing(no_tracer) == set(ALL) - set(TRACED), no_tracer
    assert no_tracer["kernel.function-tracer"][0] == "fail"
    assert all(no_tracer[key][2:] == ["kernel.function-tracer"] for key in TRACED)
    assert no_tracer["kernel.kprobes"][0] == no_tracer["kernel.trampolines[load]"][0] == "pass"
    assert not any(each[0] in ("unknown", "error") for each in no_tracer.values()), no_tracer

    assert after.keys() == base.keys()
    assert passing(after) == set(ALL), "what was tried while the tracer was off broke it"
    assert log.stdout.strip() == "0", "the kernel warned"
