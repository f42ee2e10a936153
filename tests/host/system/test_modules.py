"""Modules that would be loaded: by depmod's index, the files themselves, and the kernel's leave."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.system import module_loader, modules
from bpfdoctor.host.system.modules import AskLoadable, Modules

NAMES = ("sch_ingress", "cls_bpf")
PLACE = "kernel/net/sched"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The modules of this release: one with a dependency, both there and not loaded."""
    found = tmp_path / "modules" / os.uname().release
    (found / PLACE).mkdir(parents=True)
    for name in ("sch_ingress.ko.xz", "cls-bpf.ko", "helper.ko"):
        (found / PLACE / name).touch()
    lines = (f"{PLACE}/sch_ingress.ko.xz: {PLACE}/helper.ko", f"{PLACE}/cls-bpf.ko:")
    (found / "modules.dep").write_text("\n".join(lines) + "\n")
    (tmp_path / "disabled").write_text("0\n")
    (tmp_path / "loaded").mkdir()
    (tmp_path / "command-line").write_text("ro quiet\n")
    monkeypatch.setattr(modules, "COMMAND_LINE", tmp_path / "command-line")
    monkeypatch.setattr(modules, "TREES", tmp_path / "modules")
    monkeypatch.setattr(modules, "DISABLED", tmp_path / "disabled")
    monkeypatch.setattr(modules, "LOADED", tmp_path / "loaded")
    monkeypatch.setattr(module_loader, "SETTING", tmp_path / "setting")
    loader = tmp_path / "modprobe"
    loader.write_text('#!/bin/sh\n[ "$MODPROBE_OPTIONS" ] || echo "insmod $4"\n')
    loader.chmod(0o755)
    module_loader.SETTING.write_text(f"{loader}\n")
    return found


def kept_out(live: LiveHost) -> dict[str, str]:
    found = live.ask(AskLoadable(NAMES))
    assert isinstance(found, Modules)
    assert (found.loadable, found.lacking, found.doubtful) == ((), (), ())
    return dict(found.kept_out)


def test_files_that_are_there_would_be_loaded(live: LiveHost, tree: Path) -> None:
    assert live.ask(AskLoadable(NAMES)) == Modules(NAMES)


def test_what_is_loaded_or_built_in_is_there(live: LiveHost, tree: Path) -> None:
    (modules.LOADED / "cls_bpf").mkdir()
    (tree / "modules.builtin").write_text(f"{PLACE}/sch_ingress.ko\n")
    assert live.ask(AskLoadable(NAMES)) == Modules(())


@pytest.mark.parametrize("gone", ["sch_ingress.ko.xz", "helper.ko"])
def test_a_line_without_its_files_is_no_module(live: LiveHost, tree: Path, gone: str) -> None:
    (tree / PLACE / gone).unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules(("cls_bpf",), ("sch_ingress",))


def test_nothing_is_loaded_once_that_is_disabled(live: LiveHost, tree: Path) -> None:
    modules.DISABLED.write_text("1\n")
    assert all("until the next boot" in why for why in kept_out(live).values())


def test_nothing_is_loaded_without_a_program_that_loads(live: LiveHost, tree: Path) -> None:
    module_loader.SETTING.write_text("\n")
    assert set(kept_out(live).values()) == {"kernel.modprobe is empty"}


@pytest.mark.parametrize("program", ["/bin/false", "/bin/true", "/nowhere/modprobe", "/etc/passwd"])
def test_nothing_is_loaded_by_a_program_that_loads_nothing(
    live: LiveHost, tree: Path, program: str
) -> None:
    module_loader.SETTING.write_text(f"{program}\n")
    assert set(kept_out(live)) == set(NAMES)


def test_what_another_program_loads_is_not_known(live: LiveHost, tree: Path) -> None:
    module_loader.SETTING.write_text("/bin/cat\n")
    found = live.ask(AskLoadable(NAMES))
    assert isinstance(found, Modules)
    assert [name for name, _ in found.doubtful] == [*NAMES]
    assert (found.loadable, found.kept_out) == ((), ())


def test_what_the_kernel_was_booted_without_is_not_loaded(live: LiveHost, tree: Path) -> None:
    modules.COMMAND_LINE.write_text("ro module_blacklist=loop,cls-bpf quiet\n")
    found = live.ask(AskLoadable(NAMES))
    assert isinstance(found, Modules)
    assert found.loadable == ("sch_ingress",)
    assert [name for name, _ in found.kept_out] == ["cls_bpf"]


def test_the_users_options_of_modprobe_are_not_the_kernels(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODPROBE_OPTIONS", "--use-blacklist")
    host = LiveHost(Machine())
    assert host.ask(AskLoadable(NAMES)) == Modules(NAMES)
    host.close()


ALIASES = {
    "sch_ingress": {"6.8": ("sch_clsact",), "6.9": ("net-sch-clsact", "net-sch-ingress")},
    "cls_bpf": {"6.8": (), "6.9": ("net-cls-bpf",)},
}


@pytest.fixture
def kmod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None], tree: Path
) -> Callable[[str, str], None]:
    """The real modprobe, on modules of our own named as in a release, with lines of modprobe.d."""
    needs("depmod", "modprobe", "cc")
    real = shutil.which("modprobe")

    def with_lines(release: str, lines: str) -> None:
        place = tmp_path / "root/lib/modules" / os.uname().release
        place.mkdir(parents=True)
        for name, aliases in ALIASES.items():
            words = "".join(f'.asciz "alias={each}"\n' for each in aliases[release])
            text = f'.section .modinfo,"a"\n.asciz "license=GPL"\n{words}'
            argv = ["cc", "-x", "assembler", "-c", "-o", str(place / f"{name}.ko"), "-"]
            subprocess.run(argv, input=text, text=True, check=True)
        subprocess.run(["depmod", "-b", tmp_path / "root", os.uname().release], check=True)
        (tmp_path / "d").mkdir()
        (tmp_path / "d/ours.conf").write_text(lines)
        script = f'#!/bin/sh\nexec {real} -d {tmp_path}/root -C {tmp_path}/d "$@"\n'
        (tmp_path / "modprobe").write_text(script)
        monkeypatch.setattr(modules, "TREES", tmp_path / "root/lib/modules")

    return with_lines


BOTH = [*NAMES]


@pytest.mark.parametrize(
    ("release", "lines", "out"),
    [
        ("6.8", "", []),
        ("6.9", "", []),
        ("6.8", "blacklist cls_bpf\n", []),  # its own name is asked for
        ("6.9", "blacklist cls_bpf\n", ["cls_bpf"]),
        ("6.8", "blacklist sch_ingress\n", ["sch_ingress"]),
        ("6.9", "blacklist sch_ingress\n", ["sch_ingress"]),
        ("6.8", "install cls_bpf /bin/false\ninstall sch_ingress /bin/true\n", BOTH),
        ("6.9", "install cls_bpf /bin/false\ninstall sch_ingress /bin/true\n", BOTH),
        ("6.8", "alias sch_clsact off\nalias net-cls-bpf off\n", ["sch_ingress"]),
        ("6.9", "alias sch_clsact off\nalias net-cls-bpf off\n", ["cls_bpf"]),
    ],
)
def test_modprobe_is_asked_by_the_name_that_the_kernel_asks_for(
    live: LiveHost, kmod: Callable[[str, str], None], release: str, lines: str, out: list[str]
) -> None:
    kmod(release, lines)
    found = live.ask(AskLoadable(NAMES))
    assert isinstance(found, Modules)
    assert [name for name, _ in found.kept_out] == out
    assert [*found.loadable] == [name for name in NAMES if name not in out]


def test_a_command_that_may_load_it_is_no_answer(
    live: LiveHost, kmod: Callable[[str, str], None]
) -> None:
    kmod("6.9", "install cls_bpf /bin/sh -c 'modprobe --ignore-install cls_bpf'\n")
    found = live.ask(AskLoadable(NAMES))
    assert isinstance(found, Modules)
    assert [name for name, _ in found.doubtful] == ["cls_bpf"]


def test_a_kernel_without_modules_has_no_such_setting(live: LiveHost, tree: Path) -> None:
    modules.DISABLED.unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules((), NAMES)


def test_without_an_index_nothing_is_known_to_load(live: LiveHost, tree: Path) -> None:
    (tree / "modules.dep").unlink()
    assert live.ask(AskLoadable(NAMES)) == Modules((), NAMES)
