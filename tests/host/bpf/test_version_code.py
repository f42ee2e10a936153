"""The version that old kernels want of a kprobe program."""

from __future__ import annotations

import os

import pytest

from bpfdoctor.host.bpf.version_code import code_of, version_code


@pytest.mark.parametrize(
    ("release", "version", "signature", "expected"),
    [
        ("4.19.0-22-amd64", "#1 SMP Debian 4.19.260-1 (2022-09-29)", "", (4, 19, 255)),
        ("4.19.0-5-amd64", "#1 SMP Debian 4.19.37-5 (2019-06-19)", "", (4, 19, 37)),
        ("4.15.0-20-generic", "#21-Ubuntu SMP", "Ubuntu 4.15.0-20.21-generic 4.15.17", (4, 15, 17)),
        ("4.14.336", "#1 SMP", "", (4, 14, 255)),
        ("4.18.0-513.el8.x86_64", "#1 SMP", "garbage", (4, 18, 0)),
        ("5.0", "#1", "", (5, 0, 0)),
        ("not a version", "", "", (0, 0, 0)),
    ],
)
def test_the_third_number_is_where_the_distribution_keeps_it(
    release: str, version: str, signature: str, expected: tuple[int, int, int]
) -> None:
    major, minor, patch = expected
    assert code_of(release, version, signature) == major << 16 | minor << 8 | patch


def test_this_kernel_has_one() -> None:
    major = int(os.uname().release.partition(".")[0])
    assert version_code() >> 16 == major
