"""No release that the table of features names is belied by a kernel: this one, and Debian's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from loud import require
from virtual.examination import PYTHON, as_json
from virtual.features import contradictions
from virtual.guest import boot
from virtual.kernels import PATTERNS, kernel
from virtual.payload import installed

SCRIPT = Path(__file__).with_name("features.py")
SECONDS = 240.0


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bpfdoctor and the script, which compile nothing."""
    require("root", "qemu-system-x86_64", "cpio", "depmod", "dpkg", "apt-get")
    place = tmp_path_factory.mktemp("features")
    work = place / "work"
    work.mkdir()
    shutil.move(installed(place), work)
    shutil.copy(SCRIPT, work)
    return work


def hold(name: str, guest: Path) -> None:
    """Boot a kernel once, and ask it for everything; all that it belies in one failure."""
    (ran,) = boot(kernel(name), guest, [("env", *PYTHON, "/guest/features.py")], seconds=SECONDS)
    found = as_json(ran)
    assert sum(map(len, found["probed"].values())) > 200, "too little was asked"
    wrong = list(contradictions(found, decided=True))
    assert not wrong, "\n".join((found["release"], *wrong))


@pytest.mark.bpf
@pytest.mark.usefixtures("kernel")
def test_no_release_is_belied_by_this_kernel() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong = list(contradictions(json.loads(done.stdout), decided=False))
    assert not wrong, "\n".join(wrong)


def test_no_release_is_belied_by_debian_12(guest: Path) -> None:
    hold("6.1", guest)


@pytest.mark.vm
@pytest.mark.parametrize("name", PATTERNS)
def test_no_release_is_belied(name: str, guest: Path) -> None:
    hold(name, guest)
