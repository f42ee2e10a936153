"""Of the mounts at one place the last is seen; a line of another form is passed over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.host.system.mount_table import Mount, mount_seen_at, mounts_in, read_mounts

LINES = (
    "1 0 0:2 / / rw - rootfs rootfs rw",
    "22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw",
    "23 22 0:20 /inner /sys rw - sysfs  rw",
    r"24 22 0:21 / /a\040b\134 rw - tmpfs x\040y rw",
)


@pytest.mark.parametrize(
    ("place", "mount"),
    [
        ("/", Mount("22", "254:0", "/", "ext4", "/dev/vda")),
        ("/sys", Mount("23", "0:20", "/sys", "sysfs", "")),
        ("/a b\\", Mount("24", "0:21", "/a b\\", "tmpfs", r"x\040y")),
        ("/proc", None),
    ],
)
def test_the_mount_that_is_seen_is_the_last_at_that_place(place: str, mount: Mount | None) -> None:
    assert mount_seen_at(mounts_in(LINES), place) == mount


def test_what_is_no_line_of_the_table_names_no_mount() -> None:
    assert list(mounts_in(["", "x", "1 2 3 4 / - tmpfs x", "1 0 0:2 / / rw - rootfs"])) == []


def test_the_real_table_knows_where_proc_is() -> None:
    if not os.path.ismount("/proc"):
        pytest.skip("/proc is no mount of its own here")
    mount = mount_seen_at(read_mounts(), "/proc")
    assert mount is not None
    assert mount.id in Path("/proc/self/mountinfo").read_text()
