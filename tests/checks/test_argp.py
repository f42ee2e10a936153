"""argp: the real one, and compilers that are made to miss a half of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import ByHand, Finding, Install, Instead, NoAnswer, Project, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, run_check

BUILD = Build(".", "Makefile", tools={"CC": "cc"})
PROJECT = Project(ProjectKind("own", "own", "own", (), {}, build=BUILD))


@pytest.fixture(autouse=True)
def _compiler(needs: Callable[..., None]) -> None:
    needs("gcc")


def found(tmp_path: Path, body: str) -> Finding:
    """What is found with a C compiler of our own in front of gcc."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "cc").write_text(f'#!/bin/sh\n{body}\nexec gcc "$@"\n')
    (place / "cc").chmod(0o755)
    host = LiveHost(Machine({**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}))
    return one(run_check("libraries.argp", host, PROJECT))


USES_ARGP = 'for word; do case "$word" in *.c) grep -q argp "$word" && uses=1;; esac; done'


def test_what_is_installed_here_passes(tmp_path: Path) -> None:
    assert found(tmp_path, "").status is Status.PASS


def test_a_missing_header_is_its_owners(tmp_path: Path) -> None:
    says = "probe.c:1:10: fatal error: argp.h: No such file or directory"
    finding = found(tmp_path, f'{USES_ARGP}\n[ -n "$uses" ] && {{ echo "{says}" >&2; exit 1; }}')
    assert finding.status is Status.FAIL
    assert "argp.h" in finding.summary
    assert finding.fixes == (Install(("argp",)),)


@pytest.mark.parametrize("apart", [True, False])
def test_a_library_of_its_own_is_linked_by_a_variable_where_it_is_there(
    tmp_path: Path, apart: bool
) -> None:
    """As with musl; gcc is given an option that it knows in place of the library."""
    says = "undefined reference to 'argp_parse'"
    fails = f'echo "{says}" >&2; exit 1'
    body = f"""\
case "$*" in
*-largp*) {'set -- $(echo "$*" | sed s/-largp//)' if apart else fails};;
*program) nm "$3" | grep -q argp_parse && {{ {fails}; }};;
esac"""
    finding = found(tmp_path, body)
    assert finding.status is Status.FAIL
    (fix,) = finding.fixes
    if not apart:
        assert fix == Install(("argp",))
        return
    assert isinstance(fix, ByHand)
    assert fix.instead == Instead(arguments=("EXTRA_LDFLAGS=-largp",))
    assert "make EXTRA_LDFLAGS=-largp" in fix.text


def test_without_an_answer_it_is_unknown() -> None:
    host = FakeHost(otherwise=NoAnswer("timed-out"))
    assert one(run_check("libraries.argp", host, PROJECT)).status in (Status.UNKNOWN, Status.SKIP)
