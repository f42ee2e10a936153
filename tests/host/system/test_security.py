"""securityfs: its files count, and not what lies at its place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.syscalls import ARCHITECTURES
from bpfdoctor.host.system import security
from bpfdoctor.host.system.mounted import magic_in, superblock_magic
from bpfdoctor.host.system.security import AskSecurityFile, security_file

ASK = """
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.system.security import AskSecurityFile
print(AskSecurityFile("lsm").put(Machine()).shown())
"""


def asked_where(script: str) -> str:
    """The list of active modules, as it is read in a mount namespace changed by a script."""
    inside = f'{script}; exec "$@"'
    start = ["unshare", "-m", "--propagation", "private", "sh", "-ec", inside, "sh"]
    argv = [*start, sys.executable, "-I", "-c", ASK]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.bpf
def test_what_covers_securityfs_is_looked_through(needs: Callable[..., None]) -> None:
    needs("root", "unshare", "mount")
    place = security.PLACE
    nothing = asked_where(f"umount -l {place} 2>/dev/null || true")
    covered = asked_where(f"mount -t tmpfs tmpfs {place}; echo invented > {place}/lsm")
    assert nothing == covered
    assert "invented" not in covered


def test_a_file_of_another_file_system_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "PLACE", str(tmp_path))
    monkeypatch.setattr(security, "_read_unattached", lambda name: "the kernel's own\n")
    (tmp_path / "lockdown").write_text("[none] integrity confidentiality\n")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert security_file("lockdown") == "the kernel's own\n"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    answer = AskSecurityFile("lockdown").put(None)  # type: ignore[arg-type]
    assert answer.shown().startswith("EACCES")


def test_a_file_that_the_kernel_does_not_have_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "PLACE", str(tmp_path))
    monkeypatch.setattr(security, "MAGIC", superblock_magic(str(tmp_path)))
    with pytest.raises(FileNotFoundError):
        security_file("lockdown")


def test_the_superblocks_number_is_a_long_and_an_int_on_s390x() -> None:
    sysfs, block_size = (0x62656572).to_bytes(4, "big"), (4096).to_bytes(4, "big")
    assert magic_in(sysfs + block_size, "s390x", "big") == 0x62656572
    assert magic_in(bytes(4) + sysfs, "ppc64", "big") == 0x62656572
    assert magic_in(sysfs[::-1] + bytes(4), "x86_64", "little") == 0x62656572


def test_each_architecture_has_its_number_of_fsopen() -> None:
    known = {name: each.fsopen for name, each in ARCHITECTURES.items()}
    assert known.pop("mips64") == 5430
    assert set(known.values()) == {430}
