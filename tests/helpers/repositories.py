"""Repositories with submodules, made by real git; and what is planned for them, and done."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bpfdoctor.fix.applying.applier import Applied, Applier
from bpfdoctor.fix.journal.write import Journal
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.submodules import plan_submodules
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine

WHY = ("checkout.submodules",)


def git(place: Path, *arguments: str) -> str:
    """Run git in a directory; it has to succeed."""
    settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
    argv = ["git", "-C", str(place), *settings, *arguments]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
    return ended.stdout.strip()


def repository(place: Path, **files: str) -> Path:
    """A repository with one commit of these files."""
    place.mkdir(parents=True)
    git(place, "init", "-q", "-b", "main")
    for name, text in files.items():
        (place / name).write_text(text)
    git(place, "add", "-A")
    git(place, "commit", "-q", "--allow-empty", "-m", "first")
    return place


def add_submodule(place: Path, path: str, url: str, source: Path) -> None:
    """Pin the newest commit of `source` at `path`, as coming from `url`."""
    commit = git(source, "rev-parse", "HEAD")
    with (place / ".gitmodules").open("a") as file:
        file.write(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n')
    git(place, "add", ".gitmodules")
    git(place, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    git(place, "commit", "-q", "-m", f"pin {path}")


def planned(checkout: Path, why: tuple[str, ...] = WHY) -> Plan:
    host = LiveHost(Machine(dict(os.environ)))
    steps, manual = plan_submodules(host, str(checkout), why)
    return Plan(tuple(steps), tuple(manual))


def texts(plan: Plan) -> str:
    return "\n".join(manual.text for manual in plan.manual)


def applied(plan: Plan, applier: Applier, tmp_path: Path) -> Applied:
    journal = Journal.begin(tmp_path / "state", plan)
    return applier.apply(plan, journal)
