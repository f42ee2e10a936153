"""kernel.release: names the kernel, and decides nothing by its number."""

from __future__ import annotations

import pytest

from bpfdoctor.api import (
    AskDistribution,
    AskKernel,
    Distribution,
    Finding,
    Kernel,
    NoAnswer,
    Selection,
    Stage,
    Status,
    Target,
)
from bpfdoctor.testing import FakeHost, one, run_check

DEBIAN = Distribution("debian", (), "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
BOOTSTRAP = Selection((Target("bootstrap"),))


def release_found(release: str, selection: Selection = BOOTSTRAP) -> Finding:
    kernel = Kernel(release, "#1 SMP", "x86_64")
    host = FakeHost({AskKernel(): kernel, AskDistribution(): DEBIAN})
    return one(run_check("kernel.release", host, selection=selection))


@pytest.mark.parametrize(
    "release", ["6.18.44-fc-v657", "5.15.167.4-microsoft-standard-WSL2", "7.0", "6.1.0-50-amd64"]
)
def test_a_release_that_is_new_enough_is_named(release: str) -> None:
    found = release_found(release)
    assert found.status is Status.PASS
    assert found.summary == f"{release} x86_64, Debian GNU/Linux 12 (bookworm)"


@pytest.mark.parametrize("release", ["4.18.0-553.el8", "5.7.19"])
def test_an_old_release_is_a_warning_that_names_program_and_minimum(release: str) -> None:
    found = release_found(release)
    assert found.status is Status.WARN
    assert "bootstrap (5.8)" in found.summary
    assert found.fixes


def test_what_is_only_built_here_asks_for_no_kernel() -> None:
    built = Selection((Target("bootstrap", Stage.BUILD),))
    assert release_found("4.18.0", built).status is Status.PASS


def test_a_release_without_a_version_is_shown_and_not_judged() -> None:
    found = release_found("custom-kernel")
    assert found.status is Status.PASS
    assert "custom-kernel" in found.summary


def test_without_os_release_the_kernel_is_still_named() -> None:
    kernel = Kernel("6.1.0", "#1", "aarch64")
    host = FakeHost({AskKernel(): kernel, AskDistribution(): NoAnswer("ENOENT")})
    assert one(run_check("kernel.release", host)).summary == "6.1.0 aarch64, no os-release file"


def test_no_answer_is_unknown() -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    assert one(run_check("kernel.release", host)).status is Status.UNKNOWN
