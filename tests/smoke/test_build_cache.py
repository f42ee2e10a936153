"""Whose rights are used, where a build is made, and what is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.machine import Machine
from bpfdoctor.smoke.build_cache import KEPT, OversizedError, alone, build_place, copy_program, keep

NOBODY = Credentials(65534, 65534)


def test_acting_as_another_user_has_that_users_rights_and_gives_them_back(
    tmp_path: Path, needs: Callable[..., None], machine: Machine
) -> None:
    needs("root")
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    place = build_place(machine, tmp_path, NOBODY)
    with acting_as(NOBODY):
        place.mkdir()
        with pytest.raises(PermissionError):
            (mine / "file").touch()
    assert place.stat().st_uid == NOBODY.uid
    (mine / "file").touch()
    assert (mine / "file").stat().st_uid == 0


def test_another_thread_keeps_its_own_rights(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    tmp_path.chmod(0o700)
    now = threading.Event()

    def touch() -> None:
        now.wait()
        (tmp_path / "file").touch()

    other = threading.Thread(target=touch)
    other.start()
    with acting_as(NOBODY):
        now.set()
        other.join()
    assert (tmp_path / "file").stat().st_uid == 0


def test_a_file_that_the_owner_linked_to_roots_is_not_written(
    tmp_path: Path, needs: Callable[..., None], machine: Machine
) -> None:
    needs("root")
    secret = tmp_path / "secret"
    secret.write_text("root's")
    place = build_place(machine, tmp_path, NOBODY)
    with acting_as(NOBODY):
        Path(f"{place}.lock").symlink_to(secret)
    with pytest.raises(OSError, match="Too many levels"), alone(place, 1, NOBODY):
        pass
    assert secret.read_text() == "root's"


def test_each_checkout_has_a_place_of_its_own(tmp_path: Path) -> None:
    machine = Machine(cache=tmp_path)
    one, other = (build_place(machine, Path(name), None) for name in ("/a", "/b"))
    assert one != other
    assert one.parent == other.parent == tmp_path
    assert build_place(machine, Path("/a"), None) == one


def test_a_place_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with alone(place, 1, None) as first, alone(place, 0.2, None) as second:
        assert (first is None, second) == (False, None)
    with alone(place, 1, None) as third:
        assert third


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    fifo, target = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    target.symlink_to("/etc/hostname")
    for path in (fifo, target, tmp_path):
        with pytest.raises(OSError, match=r"regular|Too many levels|directory"):
            copy_program(path, tmp_path / "copy")
        (tmp_path / "copy").unlink()


def test_a_program_of_two_terabytes_is_not_copied(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.touch()
    os.truncate(program, 2 << 40)
    with pytest.raises(OversizedError, match="program is larger than 128 MiB"):
        copy_program(program, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_size <= 1 << 20


def test_the_oldest_programs_make_room(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    machine = Machine(cache=cache)
    binary = tmp_path / "program"
    for number in range(KEPT + 3):
        binary.write_text(str(number))
        kept, _ = keep(machine, binary)
        os.utime(kept.parent, (number, number))
    assert len(list((cache / "built").iterdir())) == KEPT
    assert kept.read_text() == str(KEPT + 2)


SHUT = (
    "import sys; from pathlib import Path\n"
    + """
from bpfdoctor.host.machine import Machine
from bpfdoctor.smoke.build_cache import build_place
machine = Machine(cache=Path(sys.argv[1]))
try:
    print(build_place(machine, Path("/tree"), None))
except ValueError as error:
    print(error)
finally:
    machine.close()
"""
)


@pytest.mark.parametrize("shut", [(), ("cache",), ("cache", "scratch")])
def test_a_build_is_made_where_its_programs_may_run(
    shut: tuple[str, ...], tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root", "unshare", "mount")
    for name in ("cache", "scratch"):
        (tmp_path / name).mkdir()
    mounts = [f"mount -t tmpfs -o noexec none {tmp_path}/{name}" for name in shut]
    script = " && ".join((*mounts, 'exec "$@"'))
    started = ("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh")
    said = subprocess.run(
        [*started, sys.executable, "-c", SHUT, str(tmp_path / "cache")],
        env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    expected = {0: f"{tmp_path}/cache/build-", 1: f"{tmp_path}/scratch/", 2: "a build runs what"}
    assert said.startswith(expected[len(shut)])


def test_no_link_on_the_way_to_the_owners_cache_leads_root_elsewhere(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that owner's own links are followed, with that owner's rights."""
    needs("root")
    for place in (tmp_path, *tmp_path.parents[:4]):
        place.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY.uid, NOBODY.gid)
    monkeypatch.setattr("bpfdoctor.smoke.build_cache.home_of", lambda uid: str(home))
    machine = Machine(cache=tmp_path / "cache")
    assert build_place(machine, tmp_path, NOBODY).parent == home / ".cache/bpfdoctor"
    (home / ".cache/bpfdoctor").rename(tmp_path / "elsewhere")
    (home / ".cache/bpfdoctor").symlink_to(tmp_path / "elsewhere")
    assert build_place(machine, tmp_path, NOBODY).is_relative_to(machine.scratch)
    (home / ".cache/bpfdoctor").unlink()
    os.chown(home / ".cache", 12345, 12345)
    assert build_place(machine, tmp_path, NOBODY).is_relative_to(machine.scratch)
    machine.close()


def test_what_root_runs_is_kept_in_no_directory_of_anothers(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    (tmp_path / "program").write_bytes(b"x")
    machine = Machine(cache=tmp_path / "cache")
    (tmp_path / "cache/built").mkdir(parents=True)
    assert keep(machine, tmp_path / "program")
    os.chown(tmp_path / "cache/built", 12345, 12345)
    with pytest.raises(PermissionError):
        keep(machine, tmp_path / "program")
