"""What a makefile's commands print is known without running them, or it is not told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bpfdoctor.api import AskKernel, Kernel
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.known_commands import known_output
from bpfdoctor.testing import FakeHost

TODAY = (
    "uname -m | sed 's/x86_64/x86/' | sed 's/arm.*/arm/' | sed 's/aarch64/arm64/' "
    "| sed 's/ppc64le/powerpc/' | sed 's/mips.*/mips/' | sed 's/riscv64/riscv/' "
    "| sed 's/loongarch64/loongarch/'"
)


@pytest.mark.parametrize(
    "command",
    [
        "uname -m",
        TODAY,
        "uname -m | sed 's/x86_64/x86/'",
        "uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/'",
        'uname -m | sed -e "s,x86_64,x86,g"',
        "uname -m | sed s/_/-/ | sed s/6/7/g | sed s/6/8/",
    ],
)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "ppc64le", "mips64", "riscv64", "armv7l"])
def test_the_architecture_is_what_the_commands_print(
    tmp_path: Path, command: str, machine: str
) -> None:
    (tmp_path / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (tmp_path / "uname").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    said = subprocess.run(
        ["sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    kernel = Kernel("6.1", "#1", machine)
    assert known_output(FakeHost({AskKernel(): kernel}), command) == said.stdout.strip()


@pytest.mark.parametrize(
    "command",
    [
        "uname -m | tr _ -",
        "uname -m | sed 's/(x).*/\\1/'",
        "uname -m | sed '/x/d'",
        "uname -m | sed 's/x/&&/'",
        "uname -m | sed -n 's/x/y/'",
        "uname -m | sed 's/*x/y/'",
        "uname -m | sed 's/x**/y/'",
        "uname -m && echo more",
        "uname -r",
        "cat x",
        "which a b",
        "uname -m | sed 's/.*.*.*.*z/x/'",
        f"uname -m | sed 's/x/{'y' * 65}/;s/y*z/x/'",
        f"uname -m | sed {' ' * 100_000}'",
        f"uname -m | sed 's/{'a' * 100_000}'",
        "which $(cat x)",
        "which cargo | head",
    ],
)
def test_any_other_command_is_not_known(command: str) -> None:
    assert known_output(FakeHost({AskKernel(): Kernel("6.1", "#1", "x86_64")}), command) is None


def test_where_a_tool_is_is_asked_of_path(tmp_path: Path) -> None:
    (tmp_path / "cargo").symlink_to("/bin/true")
    host = LiveHost(Machine({"PATH": str(tmp_path)}))
    assert known_output(host, "command -v cargo") == f"{tmp_path}/cargo"
    assert known_output(host, "command -v cargo 2> /dev/null") == f"{tmp_path}/cargo"
    assert known_output(host, "command -v rustc") == ""
    assert known_output(host, "which cargo") == ""  # there is no `which`
    (tmp_path / "which").symlink_to("/bin/true")
    with_which = LiveHost(Machine({"PATH": str(tmp_path)}))
    assert known_output(with_which, "which cargo") == f"{tmp_path}/cargo"
