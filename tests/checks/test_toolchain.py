"""The compilers: real ones, and real executables on a private PATH that only bear their names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from ways import with_words

from bpfdoctor.api import (
    Answer,
    AskEnvironment,
    Completed,
    FindExecutables,
    Finding,
    FindTool,
    FoundTools,
    Host,
    Install,
    NoAnswer,
    Project,
    Question,
    RunCommand,
    Status,
    ToolPath,
    Variables,
)
from bpfdoctor.host.elf.object import AskExecutable, Executable, ObjectFacts
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.tools.compile import Compiled
from bpfdoctor.host.tools.owner import AskOwner, Owner
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.judging.tools.clang import compile_bpf
from bpfdoctor.judging.tools.compilers import compile_c
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, run_check

Answers = dict[Question[Any], Answer]

BUILD = Build(".", "Makefile", tools={"CLANG": "clang", "CC": "cc"})
PROJECT = Project(ProjectKind("own", "own", "own", (), {}, build=BUILD, clang="11"))
X86, ARM = (ObjectFacts(name, "little", (), False, 0) for name in ("EM_X86_64", "EM_AARCH64"))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A directory that is all of PATH, with the few tools that scripts and compilers call."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("sh", "sleep", "head", "kill", "cat", "as", "ld"):
        found = shutil.which(name)
        if found:
            (place / name).symlink_to(found)
    return place


def script(directory: Path, name: str, body: str) -> None:
    (directory / name).unlink(missing_ok=True)  # a link: what it leads to is the machine's
    (directory / name).write_text(f"#!/bin/sh\n{body}\n")
    (directory / name).chmod(0o755)


def found(check_id: str, host: Host, project: Project = PROJECT) -> Finding:
    return one(run_check(check_id, host, project))


def real(name: str) -> str:
    path = shutil.which(name)
    assert path is not None
    return os.path.realpath(path)


def test_the_clang_of_this_machine_passes(live: LiveHost, needs: Callable[..., None]) -> None:
    needs("clang")
    for check_id in ("toolchain.clang", "toolchain.clang-bpf", "toolchain.clang-core"):
        finding = found(check_id, live)
        assert finding.status is Status.PASS, finding.summary
        assert finding.evidence


def test_without_any_clang_it_is_to_be_installed(private: Path) -> None:
    finding = found("toolchain.clang", _without_others(private))
    assert finding.status is Status.FAIL
    assert finding.summary == "clang is not on PATH"
    assert finding.fixes == (Install(("clang",)),)


def _without_others(private: Path, **variables: str) -> Host:
    """`private` alone: as if no clang lay in the directories that are not on PATH either."""

    class Bounded(LiveHost):
        def ask(self, question):  # type: ignore[no-untyped-def]
            answer = super().ask(question)
            paths = getattr(answer, "paths", None)
            if paths is None:
                return answer
            inside = tuple(path for path in paths if path.startswith(str(private)))
            return msgspec.structs.replace(answer, paths=inside)

    return Bounded(Machine({"PATH": str(private), **variables}))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("exit 3", Status.FAIL, "exits 3"),
        ("kill -SEGV $$", Status.FAIL, "SIGSEGV"),
        ("kill -KILL $$", Status.UNKNOWN, "SIGKILL"),
        ("echo 'clang version 9.0.1-12'", Status.FAIL, "version 9.0.1; 11 is the oldest"),
        ("echo 'clang version 10.0.0-4ubuntu1'", Status.FAIL, "10.0.0; 11 is the oldest"),
        ("echo 'gcc (Debian 12.2.0) 12.2.0'", Status.FAIL, "does not say that it is clang"),
        ("head -c 1000 /bin/sh", Status.FAIL, "does not say that it is clang"),
        ("head -c 1000000000 /dev/zero", Status.FAIL, "does not say that it is clang"),
        ("", Status.FAIL, "does not say that it is clang"),
    ],
)
def test_an_executable_called_clang_is_judged_by_what_it_does(
    private: Path, body: str, status: Status, words: str
) -> None:
    script(private, "clang", body)
    finding = found("toolchain.clang", _without_others(private))
    assert finding.status is status
    assert words in finding.summary
    assert sum(len(each.text) for each in finding.evidence) < 100_000


def test_a_file_that_is_no_program_cannot_be_started(private: Path) -> None:
    (private / "clang").write_bytes(b"\x7fELF not really")
    (private / "clang").chmod(0o755)
    finding = found("toolchain.clang", _without_others(private))
    assert finding.status is Status.FAIL
    assert "cannot be started: ENOEXEC" in finding.summary


def test_gcc_under_clangs_name_is_not_clang(private: Path, needs: Callable[..., None]) -> None:
    needs("gcc")
    (private / "clang").symlink_to(real("gcc"))
    finding = found("toolchain.clang", _without_others(private))
    assert finding.status is Status.FAIL
    assert "does not say that it is clang" in finding.summary


def test_a_clang_that_hangs_is_unknown() -> None:
    answers = FakeHost(otherwise=NoAnswer("timed-out", "no end after 20 seconds"))
    for check_id in ("toolchain.clang", "toolchain.clang-bpf", "toolchain.clang-core"):
        finding = found(check_id, answers)
        assert finding.status is Status.UNKNOWN
        assert finding.evidence


@pytest.mark.parametrize("check_id", ["toolchain.clang", "toolchain.clang-bpf", "toolchain.cc"])
@pytest.mark.parametrize("reason", ["not-recorded", "ENOMEM", "EAGAIN", "broken"])
def test_missing_data_neither_passes_nor_fails(check_id: str, reason: str) -> None:
    finding = found(check_id, FakeHost(otherwise=NoAnswer(reason)))
    assert finding.status is Status.UNKNOWN


@pytest.mark.parametrize(
    "says",
    [
        "Ubuntu clang version 14.0.0-1ubuntu1",
        "Apple clang version 15.0.0 (clang-1500.3.9.4)",
        "clang version 22.0.0git (https://github.com/llvm/llvm-project 0123abc)",
        "AMD clang version 17.0.6 (CLANG: AOCC)",
    ],
)
def test_a_clang_without_the_bpf_back_end_fails_there_alone(private: Path, says: str) -> None:
    refuse = "error: unable to create target: 'No available targets are compatible with triple'"
    body = f'case "$1" in --version) echo "{says}";; *) echo "{refuse}" >&2; exit 1;; esac'
    script(private, "clang", body)
    host = _without_others(private)
    assert found("toolchain.clang", host).status is Status.PASS
    finding = found("toolchain.clang-bpf", host)
    assert finding.status is Status.FAIL
    assert "No available targets are compatible" in finding.summary
    assert finding.fixes == (Install(("clang",)),)


def test_an_unreadable_version_does_not_outweigh_ability(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    body = f'case "$1" in --version) echo "our own build";; *) exec {real("clang")} "$@";; esac'
    script(private, "clang", body)
    host = _without_others(private)
    assert found("toolchain.clang", host).status is Status.WARN
    assert found("toolchain.clang-bpf", host).status is Status.PASS
    assert found("toolchain.clang-core", host).status is Status.PASS


def test_another_clang_that_works_is_named_and_taken(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    script(private, "clang", "echo 'clang version 3.8.0'")
    script(private, "clang-9", "echo 'clang version 9.0.0'")
    script(private, "clang-99", "exit 1")
    (private / "clang-16").symlink_to(real("clang"))
    host = _without_others(private)
    finding = found("toolchain.clang", host)
    assert finding.status is Status.FAIL
    assert "3.8.0" in finding.summary
    assert "clang-16 works" in finding.summary
    assert "make CLANG=clang-16" in getattr(finding.fixes[0], "text", "")
    assert found("toolchain.clang-bpf", host).summary.startswith("clang-16 emits")


def test_the_clang_of_the_environment_is_the_one_judged(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "env")
    (private / "clang").symlink_to(real("clang"))
    finding = found("toolchain.clang", _without_others(private, CLANG="clang-77"))
    assert finding.status is Status.FAIL
    assert finding.summary == "clang-77 is not on PATH; clang works"
    (private / "env").symlink_to(real("env"))
    wrapped = found("toolchain.clang", _without_others(private, CLANG="env clang"))
    assert wrapped.status is Status.PASS
    assert wrapped.summary.startswith("env clang is clang ")


@pytest.mark.parametrize("value", ["", "  ", "'unclosed"])
def test_an_empty_clang_variable_is_no_tool(private: Path, value: str) -> None:
    host = _without_others(private, CLANG=value)
    assert found("toolchain.clang", host).status is Status.FAIL
    assert found("toolchain.clang-bpf", host).status is Status.SKIP


def test_a_clang_that_writes_no_relocation_has_no_core() -> None:
    plain = ObjectFacts("EM_BPF", "little", (".BTF",), True, 0)
    answers: Answers = {
        AskVersion(("clang", "--version")): Completed(0, "clang version 11.0.0", ""),
        compile_bpf(("clang",)): Compiled("compile", 0, "", plain),
    }
    finding = found("toolchain.clang-core", _with_tools(answers))
    assert finding.status is Status.FAIL
    assert finding.summary == "clang writes no CO-RE relocation"


def test_clang_10_with_a_relocation_is_a_warning() -> None:
    kind = msgspec.structs.replace(PROJECT.kind, clang="10")
    facts = ObjectFacts("EM_BPF", "little", (".BTF",), True, 2)
    answers: Answers = {
        AskVersion(("clang", "--version")): Completed(0, "clang version 10.0.1", ""),
        compile_bpf(("clang",)): Compiled("compile", 0, "", facts),
    }
    finding = found("toolchain.clang-core", _with_tools(answers), Project(kind))
    assert finding.status is Status.WARN


def _with_tools(answers: Answers) -> FakeHost:
    known: Answers = {
        AskEnvironment(("CLANG",)): Variables({}),
        FindTool("clang"): ToolPath("/usr/bin/clang", "/usr/bin/clang"),
    }
    return FakeHost({**known, **answers})


def test_the_c_compiler_of_this_machine_passes(live: LiveHost, needs: Callable[..., None]) -> None:
    needs("cc")
    assert found("toolchain.cc", live).status is Status.PASS


def test_a_missing_c_compiler_is_to_be_installed(private: Path) -> None:
    finding = found("toolchain.cc", _without_others(private))
    assert finding.status is Status.FAIL
    assert finding.summary == "cc is not on PATH"
    assert finding.fixes == (Install(("cc",)),)


def test_another_c_compiler_is_named(private: Path, needs: Callable[..., None]) -> None:
    needs("gcc", "clang")
    (private / "gcc").symlink_to(real("gcc"))
    (private / "clang-14").symlink_to(real("clang"))
    finding = found("toolchain.cc", _without_others(private))
    assert finding.status is Status.FAIL
    assert finding.summary == "cc is not on PATH; gcc works"


TWO = Build(".", "Makefile", tools={"CLANG": "clang", "CC": "cc", "HOSTCC": "gcc"})
TWO_COMPILERS = Project(ProjectKind("own", "own", "own", (), {}, build=TWO, clang="11"))


def test_one_advice_replaces_every_compiler_that_the_makefile_calls(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("gcc")
    (private / "gcc-12").symlink_to(real("gcc"))
    finding = found("toolchain.cc", _without_others(private), TWO_COMPILERS)
    assert finding.status is Status.FAIL
    assert finding.summary == "cc is not on PATH; gcc is not on PATH; gcc-12 works"
    assert finding.fixes == (Install(("cc",)), with_words("CC=gcc-12", "HOSTCC=gcc-12"))


def test_a_fit_cc_takes_the_place_of_a_missing_gcc(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "gcc")
    (private / "gcc-12").symlink_to(real("gcc"))
    (private / "cc").symlink_to(real("clang"))
    finding = found("toolchain.cc", _without_others(private), TWO_COMPILERS)
    assert finding.status is Status.FAIL
    assert finding.fixes == (Install(("cc",)), with_words("HOSTCC=cc"))
    chosen = found("toolchain.cc", _without_others(private, HOSTCC="gcc-12"), TWO_COMPILERS)
    assert chosen.status is Status.PASS
    assert chosen.summary == "cc and gcc-12 compile, link and make a program that runs"


def test_no_compiler_at_all_is_one_failure(private: Path) -> None:
    finding = found("toolchain.cc", _without_others(private), TWO_COMPILERS)
    assert finding.status is Status.FAIL
    assert finding.summary == "cc is not on PATH; gcc is not on PATH"
    assert finding.fixes == (Install(("cc",)),)


def test_a_compiler_without_the_c_library_names_its_headers(
    private: Path, needs: Callable[..., None]
) -> None:
    needs("gcc")
    script(private, "cc", f'exec {real("gcc")} -nostdinc -I{private} "$@"')
    finding = found("toolchain.cc", _without_others(private))
    assert finding.status is Status.FAIL
    assert "stdio.h" in finding.summary
    assert finding.fixes == (Install(("libc-headers",)),)


@pytest.mark.parametrize(
    ("step", "log", "name", "capability"),
    [
        ("link", "/usr/bin/ld: cannot find Scrt1.o: No such file", "Scrt1.o", "libc-headers"),
        ("compile", "gcc: fatal error: cannot execute 'as': execvp: No such", "as", "binutils"),
        ("link", "collect2: fatal error: cannot find 'ld'", "ld", "binutils"),
        ("link", 'clang: error: Executable "ld" doesn\'t exist!', "ld", "binutils"),
        (
            "compile",
            "bits/errno.h:26:11: fatal error: linux/errno.h: No such file or directory",
            "linux/errno.h",
            "linux-headers",
        ),
    ],
)
def test_a_file_of_another_package_is_not_the_compilers_fault(
    step: Literal["compile", "link"], log: str, name: str, capability: str
) -> None:
    compiled = Compiled(step, 1, log, X86 if step == "link" else None)
    finding = found("toolchain.cc", _cc_answers(compiled, otherwise=NoAnswer("ENOENT")))
    assert finding.status is Status.FAIL
    assert f"{name} is missing" in finding.summary
    assert finding.fixes == (Install((capability,)),)


@pytest.mark.parametrize("there", [False, True])
def test_a_file_that_an_installed_package_has_lost_is_named_with_that_package(there: bool) -> None:
    """One that is there all the same is no reason to install its package again."""
    compiled = Compiled("compile", 1, "gcc: fatal error: cannot execute 'as': execvp: No such")
    host = _cc_answers(compiled)
    host.answers[AskOwner(("/usr/bin/as",))] = Owner("binutils", "/usr/bin/as", there)
    (fix,) = found("toolchain.cc", host).fixes
    assert isinstance(fix, Install)
    assert (fix.packages, fix.capabilities) == ((), ("binutils",)) if there else (("binutils",), ())


def test_a_program_that_dies_for_want_of_libc_so_names_its_package() -> None:
    """The linker takes libc.a in its place, and says nothing."""
    killed = Compiled("link", 0, "", X86, Completed(None, "", "", "SIGSEGV"))
    host = _cc_answers(killed, otherwise=NoAnswer("ENOENT"))
    asked = RunCommand(("cc", "-print-file-name=libc.so"), cwd="/")
    assert found("toolchain.cc", host).fixes == (Install(("cc",)),)
    host.answers[asked] = Completed(0, "libc.so\n", "")
    finding = found("toolchain.cc", host)
    assert finding.fixes == (Install(("libc-headers",)),)
    assert "libc.so is missing" in finding.summary


@pytest.mark.parametrize("tool", ["as", "ld"])
def test_gcc_without_its_assembler_or_linker_asks_for_binutils(
    private: Path, needs: Callable[..., None], tool: str
) -> None:
    needs("gcc")
    (private / tool).unlink()
    (private / "cc").symlink_to(real("gcc"))
    finding = found("toolchain.cc", _without_others(private))
    assert finding.status is Status.FAIL
    assert f"{tool} is missing" in finding.summary
    assert finding.fixes == (Install(("binutils",)),)


@pytest.mark.parametrize(
    ("made", "ran", "status", "words"),
    [
        (X86, Completed(0, "ok", ""), Status.PASS, "a program that runs"),
        (X86, Completed(127, "", "libc.so.6: cannot open"), Status.FAIL, "libc.so.6: cannot open"),
        (X86, Completed(None, "", "", "SIGSEGV"), Status.FAIL, "SIGSEGV"),
        (X86, NoAnswer("ENOENT", "no loader"), Status.FAIL, "ENOENT"),
        (X86, NoAnswer("EACCES", "Permission denied"), Status.WARN, "could not be run here"),
        (X86, NoAnswer("timed-out"), Status.WARN, "could not be run here"),
        (ARM, NoAnswer("ENOEXEC", "Exec format error"), Status.WARN, "a cross build: cc makes"),
        (ARM, Completed(0, "ok", ""), Status.PASS, "a program that runs"),
    ],
)
def test_a_program_that_does_not_run_is_held_against_its_compiler(
    made: ObjectFacts, ran: Completed | NoAnswer, status: Status, words: str
) -> None:
    """But not where the scratch directory is mounted noexec, and not in a cross build."""
    finding = found("toolchain.cc", _cc_answers(Compiled("link", 0, "", made, ran)))
    assert finding.status is status
    assert words in finding.summary


def test_a_cross_build_for_this_machine_need_not_run_here() -> None:
    """As with `x86_64-linux-musl-`, whose loader is not there."""
    answer = Compiled("link", 0, "", X86, NoAnswer("ENOENT", "no loader"))
    named: Answers = {AskEnvironment(("CROSS_COMPILE",)): Variables({"CROSS_COMPILE": "musl-"})}
    finding = found("toolchain.cc", FakeHost({**_cc_answers(answer).answers, **named}))
    assert finding.status is Status.WARN
    assert finding.fixes == ()


@pytest.mark.parametrize(("made", "words"), [(X86, "does not run"), (ARM, "AARCH64, which the")])
def test_the_builds_own_programs_must_run(made: ObjectFacts, words: str) -> None:
    answer = Compiled("link", 0, "", made, NoAnswer("ENOEXEC", "Exec format error"))
    host = FakeHost({**_cc_answers(answer).answers, **_host_cc(answer)})
    finding = found("toolchain.cc", host, TWO_COMPILERS)
    assert finding.status is Status.FAIL
    assert words in finding.summary
    assert "HOSTCC=cc" not in str(finding.fixes)


def _host_cc(answer: Compiled) -> Answers:
    return {
        AskEnvironment(("HOSTCC",)): Variables({"HOSTCC": "cc"}),
        FindExecutables(("gcc",)): FoundTools(()),
        compile_c(("cc",)): answer,
    }


def _cc_answers(answer: Compiled, otherwise: Answer | None = None) -> FakeHost:
    from bpfdoctor.api import (
        AskEnvironment,
        FindTool,
        ToolPath,
        Variables,
    )

    sets = (("cc",), ("gcc",), ("gcc-[0-9]*",), ("clang",), ("clang-[0-9]*",))
    none: Answers = {FindExecutables(each): FoundTools(()) for each in sets}
    known: Answers = {
        AskEnvironment(("CC",)): Variables({}),
        AskEnvironment(("CROSS_COMPILE",)): Variables({}),
        AskExecutable("/proc/self/exe"): Executable("EM_X86_64", 64, "little"),
        RunCommand(("cc", "-print-file-name=libc.so"), cwd="/"): Completed(0, "/lib/libc.so\n", ""),
        FindTool("cc"): ToolPath("/usr/bin/cc", "/usr/bin/cc"),
        compile_c(("cc",)): answer,
    }
    return FakeHost({**none, **known}, otherwise)


def test_a_project_without_a_build_needs_clang_alone(live: LiveHost) -> None:
    embedded = Project(ProjectKind("own", "own", "own", (), {}))
    assert run_check("toolchain.cc", live, embedded) == ()
