"""Package managers, one module each: what they have, what is installed, who holds the lock."""

from __future__ import annotations

from bpfdoctor.fix.managers.apk import Apk
from bpfdoctor.fix.managers.apt import Apt
from bpfdoctor.fix.managers.base import Package, PackageManager
from bpfdoctor.fix.managers.dnf import Dnf
from bpfdoctor.fix.managers.pacman import Pacman
from bpfdoctor.fix.managers.yum import Yum
from bpfdoctor.fix.managers.zypper import Zypper

MANAGERS: dict[str, PackageManager] = {
    manager.name: manager for manager in (Apt(), Dnf(), Yum(), Zypper(), Pacman(), Apk())
}
"""Those that bpfdoctor runs itself, by their name in `packages.toml`."""

__all__ = ["MANAGERS", "Package", "PackageManager"]
