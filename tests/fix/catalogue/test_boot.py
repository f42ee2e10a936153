"""The steps that change the kernel's command line fit the distribution, and do what they say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bpfdoctor.fix.catalogue.boot import ways, with_boot_steps
from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.host.system.facts import Distribution
from bpfdoctor.model import ByHand

ADD = ByHand("Add it.", boot_with="lsm=capability,yama,bpf")
REMOVE = ByHand("Remove it.", boot_without="lockdown=confidentiality")
WSL = "5.15.167.4-microsoft-standard-WSL2"


def steps(fix: ByHand, name: str, kernel: str = "6.1.0-50-amd64") -> list[str]:
    """The lines below the words of the check."""
    told = with_boot_steps(fix, Distribution(name, (), "12", "", ""), kernel)
    return told.text.splitlines()[1:]


def test_every_family_has_a_way_and_every_way_a_family() -> None:
    named = [family for way in ways().values() for family in way.families]
    assert sorted(named) == sorted(catalogue().families)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("debian", "update-grub"),
        ("fedora", "grubby --update-kernel=ALL --args='lsm=capability,yama,bpf'"),
        ("rocky", "grubby --update-kernel=ALL --args='lsm=capability,yama,bpf'"),
        ("opensuse-leap", "grub2-mkconfig -o /boot/grub2/grub.cfg"),
        ("arch", "grub-mkconfig -o /boot/grub/grub.cfg"),
        ("nixos", "nixos-rebuild switch"),
    ],
)
def test_the_command_is_that_of_the_distribution(name: str, command: str) -> None:
    words, *lines = steps(ADD, name)
    assert f"  {command}" in lines
    assert ("unconfirmed here" in words) is (name != "debian")


def test_wsl_is_told_by_its_kernel_whatever_the_distribution() -> None:
    assert steps(ADD, "ubuntu", WSL)[-1] == "  wsl.exe --shutdown"


def test_an_unknown_distribution_gets_the_words_alone() -> None:
    assert steps(ADD, "serenity") == []
    assert with_boot_steps(ADD, None, "6.1") == ADD
    assert with_boot_steps(ByHand("x"), None, "6.1") == ByHand("x")


def run(lines: list[str], place: Path) -> None:
    """Run those of the steps that write settings, with `place` for /etc/default."""
    for line in (each.strip() for each in lines if "/etc/default" in each):
        subprocess.run(["sh", "-c", line.replace("/etc/default", str(place))], check=True)


def line_of(place: Path) -> str:
    """The kernel's command line as grub-mkconfig reads it: two kinds of files, sourced."""
    script = 'for f in "$0"/grub "$0"/grub.d/*.cfg; do [ ! -e "$f" ] || . "$f"; done; '
    argv = ["sh", "-c", f'{script}printf %s "$GRUB_CMDLINE_LINUX"', str(place)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["debian", "arch", "opensuse-leap"])
def test_the_lines_change_what_grub_reads(name: str, tmp_path: Path) -> None:
    (tmp_path / "grub").write_text('GRUB_CMDLINE_LINUX="quiet lockdown=confidentiality"\n')
    run(steps(REMOVE, name), tmp_path)
    assert line_of(tmp_path) == "quiet"
    run(steps(ADD, name), tmp_path)
    assert line_of(tmp_path) == "quiet lsm=capability,yama,bpf"


def test_the_line_for_extlinux_does_what_it_says(tmp_path: Path) -> None:
    settings = tmp_path / "update-extlinux.conf"
    settings.write_text('default_kernel_opts="quiet"\n')
    line = steps(ADD, "alpine")[1].strip().replace("/etc", str(tmp_path))
    subprocess.run(["sh", "-c", line], check=True)
    assert settings.read_text() == 'default_kernel_opts="lsm=capability,yama,bpf quiet"\n'
