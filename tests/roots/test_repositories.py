"""Repositories that are off: switched on where that can be done, by real managers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from bare.managers import Made, become, build_rpms, drive

pytestmark = pytest.mark.roots
NO_CLANG = "Package: clang clang-*\nPin: release *\nPin-Priority: -1\n"
ROCKY = "ID=rocky\nVERSION_ID=9.4\nID_LIKE='rhel centos fedora'\nPRETTY_NAME='Rocky Linux 9.4'\n"
CRB = "\n[{}]\nname={}\nbaseurl=file:///srv/repository\ngpgcheck=0\nenabled={}\n"


def by_hand(outcome: dict[str, Any]) -> str:
    """The only thing that is left to a person."""
    (manual,) = outcome["plan"]["manual"]
    assert outcome["plan"]["steps"] == []
    return str(manual["text"])


def test_universe_is_planned_where_the_tool_for_it_is(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm")
    become(root, "ID=ubuntu\nVERSION_ID=24.04\nID_LIKE=debian\nPRETTY_NAME='Ubuntu 24.04'\n")
    root.inside("/etc/apt/preferences.d/no-clang").write_text(NO_CLANG)
    root.must("apt-get", "update")
    text = by_hand(drive(root, "plan", "clang"))
    assert "software-properties-common brings the command that switches it on:\n" in text
    assert text.endswith("\n  add-apt-repository -y universe")

    options = ("-qq", "-y", "--no-install-recommends")
    root.must("apt-get", "install", *options, "software-properties-common")
    steps = drive(root, "plan", "clang")["plan"]["steps"]
    assert [step["id"] for step in steps] == ["repository:universe", "refresh", "packages"]
    assert steps[0]["undo"] == ["add-apt-repository", "-y", "--remove", "universe"]


def test_backports_are_named_with_the_mirror_that_is_in_use(make_root: Callable[..., Any]) -> None:
    root = make_root("bookworm")
    become(root, root.inside("/etc/os-release").read_text())
    root.must("apt-get", "update")
    text = by_hand(drive(root, "plan", "clang>=99"))
    words, _, commands = text.rpartition("newer ones may be in Debian's backports, which is off:\n")
    assert "no other package to try" in words
    add, update, install = (line.strip() for line in commands.splitlines())
    assert install == "apt-get install -t bookworm-backports clang"

    root.must("sh", "-c", add)
    root.must("sh", "-c", update)
    assert "bookworm-backports" in root.must("apt-cache", "policy")
    assert "backports" not in by_hand(drive(root, "plan", "clang>=99"))


@pytest.fixture
def rocky(make_root: Callable[..., Any]) -> Any:
    """A root that calls itself Rocky Linux, with dnf and one repository that is on."""
    root = make_root("bookworm", ("dnf", "rpm", "createrepo-c"))
    become(root, ROCKY)
    build_rpms(root, [Made("unrelated")])
    root.must("cp", "-r", "/srv/repository", "/srv/base")
    build_rpms(root, [Made("libbpf-devel")])
    (place := root.inside("/etc/yum.repos.d")).mkdir(parents=True, exist_ok=True)
    (place / "base.repo").write_text("[base]\nname=base\nbaseurl=file:///srv/base\ngpgcheck=0\n")
    root.must("dnf", "-q", "makecache")
    return root


@pytest.mark.parametrize("name", ["crb", "powertools", "ol9_codeready_builder"])
def test_crb_is_switched_on_by_its_name_here_and_off_again(rocky: Any, name: str) -> None:
    assert "which has to be added" in by_hand(drive(rocky, "plan", "libbpf-headers"))
    rocky.inside("/etc/yum.repos.d/more.repo").write_text(CRB.format(name, name, 0))
    text = by_hand(drive(rocky, "plan", "libbpf-headers"))
    assert "dnf-plugins-core brings the command that switches it on:\n" in text
    assert text.endswith(f"\n  dnf config-manager --set-enabled {name}")

    rocky.must("apt-get", "update")
    rocky.must("apt-get", "install", "-qq", "-y", "--no-install-recommends", "dnf-plugins-core")
    rocky.inside("/etc/dnf/plugins/local.conf").write_text("[main]\nenabled=false\n")  # Debian's
    outcome = drive(rocky, "apply", "libbpf-headers")
    assert [each["result"] for each in outcome["applied"]["done"]] == ["done"] * 3, outcome
    assert outcome["plan"]["steps"][0]["argv"][-1] == name
    assert outcome["plan"]["steps"][-1]["notes"] == [
        "the package name of libbpf-headers is unconfirmed here"
    ]
    assert name in rocky.must("dnf", "-q", "repolist", "--enabled")
    drive(rocky, "undo")
    assert name not in rocky.must("dnf", "-q", "repolist", "--enabled")


def test_a_repository_that_is_on_is_neither_switched_on_nor_off(rocky: Any) -> None:
    rocky.inside("/etc/yum.repos.d/more.repo").write_text(CRB.format("crb", "crb", 1))
    shutil.rmtree(rocky.inside("/srv/repository"))
    shutil.copytree(rocky.inside("/srv/base"), rocky.inside("/srv/repository"))
    rocky.must("dnf", "-q", "makecache")
    assert "repository" not in json.dumps(drive(rocky, "plan", "libbpf-headers")["plan"]["steps"])
    text = by_hand(drive(rocky, "plan", "libbpf-headers"))
    assert text.endswith("it may be in RHEL's CodeReady Builder, which has to be added")
