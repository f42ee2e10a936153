"""The C library that a uprobe should be put on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import AskLibc, Finding, Libc, NoAnswer, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.tools.libc import mapped_libc
from bpfdoctor.testing import FakeHost, one, run_check

HERE = "/usr/lib/x86_64-linux-gnu/libc.so.6"


def judge(answer: Libc | NoAnswer) -> Finding:
    return one(run_check("checkout.libc", FakeHost({AskLibc(): answer})))


def test_what_process_and_cache_agree_on_passes_with_its_path() -> None:
    finding = judge(Libc(HERE, "glibc", HERE))
    assert (finding.status, finding.summary) == (Status.PASS, f"{HERE} (glibc)")


def test_musl_has_no_cache_and_passes() -> None:
    finding = judge(Libc("/lib/ld-musl-x86_64.so.1", "musl", ""))
    assert (finding.status, finding.summary) == (Status.PASS, "/lib/ld-musl-x86_64.so.1 (musl)")


def test_a_static_python_leaves_the_word_to_the_cache() -> None:
    finding = judge(Libc("", "", HERE))
    assert finding.status is Status.PASS
    assert finding.summary.startswith(HERE)
    assert "statically" in finding.summary


def test_a_python_with_a_library_of_its_own_is_a_warning_naming_both() -> None:
    finding = judge(Libc("/nix/store/x-glibc/lib/libc.so.6", "glibc", HERE))
    assert finding.status is Status.WARN
    assert finding.summary.startswith(HERE)
    assert "/nix/store" in finding.summary


def test_a_library_replaced_under_running_processes_is_a_warning() -> None:
    assert judge(Libc(HERE, "glibc", HERE, replaced=True)).status is Status.WARN


@pytest.mark.parametrize("answer", [NoAnswer("EACCES"), Libc("", "", "")])
def test_no_word_of_the_loader_is_unknown_with_a_command(answer: Libc | NoAnswer) -> None:
    finding = judge(answer)
    assert finding.status is Status.UNKNOWN
    assert finding.fixes


def test_the_loader_of_this_machine_names_a_file_that_is_there(live: LiveHost) -> None:
    answer = live.ask(AskLibc())
    assert isinstance(answer, Libc)
    assert os.path.isfile(answer.cached or answer.mapped)


def test_it_is_the_library_that_this_compilers_programs_load(
    live: LiveHost, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("cc", "ldd")
    source, program = tmp_path / "a.c", str(tmp_path / "a")
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", "-o", program, str(source)], check=True)
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    loaded = [line.split("=>")[1].split()[0] for line in said.splitlines() if "libc.so" in line]
    answer = live.ask(AskLibc())
    assert isinstance(answer, Libc)
    assert [os.path.realpath(path) for path in loaded] == [answer.cached or answer.mapped]


MAP = "7f0-7f1 r-xp 00026000 fe:00 339380    {}\n"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/lib/x86_64-linux-gnu/libc-2.31.so", "glibc"),
        ("/lib64/libc.so.6 (deleted)", "glibc"),
        ("/lib/ld-musl-aarch64.so.1", "musl"),
        ("/lib/libc-client.so.1", ""),
        ("/opt/my libc/libc.so.6", "glibc"),
    ],
)
def test_the_library_is_known_by_its_name_in_the_map(path: str, kind: str) -> None:
    maps = MAP.format("/usr/bin/python3") + MAP.format(path) + "7f2-7f3 r-xp 0 00:00 0   [vdso]\n"
    assert mapped_libc(maps) == ((path, kind) if kind else ("", ""))


def test_a_mapping_that_is_not_executable_is_no_library() -> None:
    assert mapped_libc(MAP.format(HERE).replace("r-xp", "r--p")) == ("", "")
