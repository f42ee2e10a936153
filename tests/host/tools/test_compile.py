"""Compiling for real, with real compilers and real executables that are none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.host.catalog import decode, encode, to_question
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.scratch import MARKER
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.compile import Compile, Compiled
from bpfdoctor.host.tools.inputs import dependencies, search_list, searched_in_vain, traced
from bpfdoctor.host.tools.treat_object import OBJECT, TreatObject
from bpfdoctor.judging.tools.clang import BPF_CODE, compile_bpf
from bpfdoctor.judging.tools.compilers import compile_c

ZLIB = "#include <zlib.h>\nint main(void) { return zlibVersion()[0] == 0; }\n"


@pytest.fixture
def cached(tmp_path: Path) -> Machine:
    (tmp_path / "cache").mkdir(mode=0o700)
    return Machine(cache=tmp_path / "cache")


def script(directory: Path, name: str, body: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{body}\n")
    (directory / name).chmod(0o755)


def test_a_program_is_compiled_linked_and_run(machine: Machine, needs: Callable[..., None]) -> None:
    needs("cc")
    answer = compile_c(("cc",)).put(machine)
    assert isinstance(answer, Compiled)
    assert answer.ok
    assert answer.step == "link"
    assert answer.run is not None
    assert answer.run.shown() == "ok\n".strip()


def test_scratch_paths_do_not_cross_the_door(machine: Machine, needs: Callable[..., None]) -> None:
    needs("cc")
    question = Compile(("cc",), "int main(void) { return absent; }\n")
    answers = [question.put(machine), question.put(Machine())]
    assert isinstance(answers[0], Compiled)
    assert answers[0].status == 1
    assert "$SCRATCH/probe.c:1" in answers[0].log
    assert answers[0] == answers[1]


def test_nothing_is_left_in_scratch(machine: Machine, needs: Callable[..., None]) -> None:
    needs("cc")
    compile_c(("cc",)).put(machine)
    assert [each.name for each in machine.scratch.iterdir()] == [MARKER]


def test_a_compiler_that_does_not_end_is_no_answer(tmp_path: Path) -> None:
    script(tmp_path / "bin", "clang", "sleep 60")
    question = Compile((str(tmp_path / "bin/clang"),), BPF_CODE, timeout=0.2)
    answer = question.put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "timed-out"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo 'error: No space left on device' >&2; exit 1", "ENOSPC"),
        ("echo 'gcc: fatal error: Killed signal terminated program cc1' >&2; exit 1", "SIGKILL"),
        ("kill -KILL $$", "SIGKILL"),
    ],
)
def test_a_machine_that_gives_out_says_nothing_about_the_compiler(
    tmp_path: Path, body: str, reason: str
) -> None:
    script(tmp_path / "bin", "clang", body)
    answer = compile_bpf((str(tmp_path / "bin/clang"),)).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason


def test_exit_0_without_an_object_is_not_a_compile(tmp_path: Path) -> None:
    script(tmp_path / "bin", "clang", "exit 0")
    answer = compile_bpf((str(tmp_path / "bin/clang"),)).put(Machine())
    assert isinstance(answer, Compiled)
    assert not answer.ok
    assert "wrote no object" in answer.shown()


def test_without_scratch_space_the_compiler_is_not_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    answer = compile_bpf(("clang",)).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


def test_a_tool_is_tried_on_the_object(machine: Machine, needs: Callable[..., None]) -> None:
    needs("clang", "llvm-strip")
    answer = TreatObject(compile_bpf(("clang",)), ("llvm-strip", "-g", OBJECT)).put(machine)
    assert not isinstance(answer, NoAnswer)
    assert answer.ok


def test_without_an_object_a_tool_is_not_judged(tmp_path: Path) -> None:
    script(tmp_path / "bin", "clang", "echo no; exit 1")
    failing = compile_bpf((str(tmp_path / "bin/clang"),))
    answer = TreatObject(failing, ("true", OBJECT)).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


@pytest.mark.parametrize(
    "question",
    [
        compile_bpf(("clang",)),
        compile_c(("cc",)),
        Compile(("cc",), ZLIB, ("-g",), link=True, libraries=("-lz",), run=True),
        Compile(("clang",), "#include <asm/types.h>\n", ("-target", "bpf"), host_includes=True),
    ],
)
def test_a_cached_answer_is_the_fresh_one(
    cached: Machine, needs: Callable[..., None], question: Compile
) -> None:
    needs("cc", "clang")
    fresh = question.put(Machine())
    first, second = question.put(cached), question.put(cached)
    assert cached.cache is not None
    assert len(list(cached.cache.iterdir())) == 1
    encoded = {msgspec.json.encode(answer) for answer in (fresh, first, second)}
    assert len(encoded) == 1


def test_a_cached_answer_runs_no_compiler(
    cached: Machine, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("cc")
    compile_c(("cc",)).put(cached)
    ran: list[object] = []
    monkeypatch.setattr(cached, "run", lambda *words, **_: ran.append(words))
    answer = compile_c(("cc",)).put(cached)
    assert isinstance(answer, Compiled)
    assert ran == []


def library(tmp_path: Path, needs: Callable[..., None]) -> Compile:
    """A library of our own, found by its flags; and the question that links to it."""
    needs("cc", "ar")
    home = tmp_path / "library"
    home.mkdir()
    (home / "own.h").write_text("int own(void);\n")
    (home / "own.c").write_text("int own(void) { return 0; }\n")
    for words in (("cc", "-c", "own.c", "-o", "own.o"), ("ar", "rc", "libown.a", "own.o")):
        assert Machine().run(words, cwd=home).exit_code == 0
    old = 1_000_000_000
    for path in (*home.iterdir(), home):
        os.utime(path, (old, old))
    code = "#include <own.h>\nint main(void) { return own(); }\n"
    return Compile(
        ("cc",), code, (f"-I{home}",), link=True, libraries=(f"-L{home}", "-lown"), run=True
    )


@pytest.mark.parametrize("taken", ["own.h", "libown.a"])
def test_a_proof_ends_with_what_it_rests_on(
    cached: Machine, tmp_path: Path, needs: Callable[..., None], taken: str
) -> None:
    """As after `apt remove libelf-dev`."""
    question = library(tmp_path, needs)
    _settle(cached, question)
    (tmp_path / "library" / taken).unlink()
    answer = question.put(cached)
    assert isinstance(answer, Compiled)
    assert not answer.ok


def test_a_header_that_appears_earlier_on_the_search_path_ends_a_proof(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    earlier = tmp_path / "earlier"
    (tmp_path / "cache").mkdir()
    machine = Machine({**os.environ, "CPATH": str(earlier)}, cache=tmp_path / "cache")
    needs("cc")
    question = Compile(("cc",), ZLIB, link=True, libraries=("-lz",))
    _settle(machine, question)
    earlier.mkdir()
    (earlier / "zlib.h").write_text("#error not this one\n")
    answer = question.put(machine)
    assert isinstance(answer, Compiled)
    assert answer.status == 1


def test_another_compiler_earlier_on_path_ends_a_proof(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    (tmp_path / "cache").mkdir()
    environ = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    machine = Machine(environ, cache=tmp_path / "cache")
    _settle(machine, compile_bpf(("clang",)))
    script(tmp_path / "bin", "clang", "echo other >&2; exit 1")
    answer = compile_bpf(("clang",)).put(machine)
    assert isinstance(answer, Compiled)
    assert answer.log == "other\n"


def test_another_linker_earlier_on_path_ends_a_proof(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("cc")
    (tmp_path / "cache").mkdir()
    environ = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    machine = Machine(environ, cache=tmp_path / "cache")
    _settle(machine, compile_c(("cc",)))
    script(tmp_path / "bin", "ld", "echo broken linker >&2; exit 1")
    answer = compile_c(("cc",)).put(machine)
    assert isinstance(answer, Compiled)
    assert (answer.step, answer.ok) == ("link", False)


def test_a_wrapper_is_asked_each_time(cached: Machine, tmp_path: Path) -> None:
    script(tmp_path / "bin", "clang", 'exec clang "$@"')
    compile_bpf((str(tmp_path / "bin/clang"),)).put(cached)
    compile_bpf(("env", "clang")).put(cached)
    assert cached.cache is not None
    assert list(cached.cache.iterdir()) == []


def _settle(machine: Machine, question: Compile) -> None:
    """Ask until the proof is kept: files that changed a moment ago are not trusted."""
    assert machine.cache is not None
    for _ in range(50):
        answer = question.put(machine)
        assert isinstance(answer, Compiled)
        assert answer.ok, answer.shown()
        if list(machine.cache.iterdir()):
            return
    pytest.fail("the proof was not kept")


def test_make_rules_and_linker_traces_are_read() -> None:
    rule = "a.o: /tmp/probe.c /usr/include/a\\ b.h \\\n  /usr/include/c$$d.h\n"
    assert dependencies(rule) == ["/tmp/probe.c", "/usr/include/a b.h", "/usr/include/c$d.h"]
    trace = (
        "/usr/lib/crt1.o\n-lz (/usr/lib/libz.so)\n(/usr/lib/libc.a)puts.o\n/usr/lib/liby.a(y.o)\n"
    )
    assert traced(trace) == [
        "/usr/lib/crt1.o", "/usr/lib/libz.so", "/usr/lib/libc.a", "/usr/lib/liby.a",
    ]  # fmt: skip


def test_the_search_list_is_read_as_the_makefile_does() -> None:
    log = (
        'ignoring nonexistent directory "/include"\n#include "..." search starts here:\n'
        "#include <...> search starts here:\n /usr/lib/clang/include\n /usr/include\n"
        "End of search list.\n /not/this\n"
    )
    assert search_list(log) == ["/usr/lib/clang/include", "/usr/include"]
    assert searched_in_vain(log) == ["/include"]


def test_a_variable_that_is_left_out_steers_no_step(
    cached: Machine, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("cc")
    (tmp_path / "zlib.h").write_text("#error broken\n")
    machine = Machine({**os.environ, "CPATH": str(tmp_path)}, cache=cached.cache)
    steered = Compile(("cc",), ZLIB)
    free = msgspec.structs.replace(steered, without=("CPATH",))
    answers = [question.put(machine) for question in (steered, free, steered)]
    assert [isinstance(each, Compiled) and each.ok for each in answers] == [False, True, False]
    assert cached.cache is not None
    assert not list(cached.cache.glob("proof-*"))
    assert free.source().startswith("$ env -u CPATH cc -c")


def test_a_question_of_before_variables_could_be_left_out_is_the_same_question() -> None:
    old = encode(msgspec.to_builtins(Compile(("cc",), ZLIB))).replace(b',"without":[]', b"")
    assert b"without" not in old
    assert to_question(decode(old)) == Compile(("cc",), ZLIB)


WHO = """#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d", getuid()); return 0; }
"""


@pytest.mark.parametrize("where", ["the current directory", "a flag", "a variable", "nothing"])
def test_a_compiler_runs_as_the_owner_of_what_it_looks_into(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    needs("root", "cc")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    bobs = tmp_path / "bobs"
    bobs.mkdir()
    os.chown(bobs, 4711, 4711)
    monkeypatch.chdir(bobs if where == "the current directory" else tmp_path)
    environ = dict(os.environ, **({"CPATH": str(bobs)} if where == "a variable" else {}))
    flags = (f"-I{bobs}",) if where == "a flag" else ()
    machine = Machine(environ)
    try:
        answer = Compile(("cc",), WHO, flags, link=True, run=True).put(machine)
    finally:
        machine.close()
    assert isinstance(answer, Compiled)
    assert isinstance(answer.run, Completed)
    assert answer.run.stdout == ("0" if where == "nothing" else "4711")


@pytest.mark.parametrize("how", ["{}", "env {}", "env --unset=,{}"])
def test_a_tool_that_another_may_change_runs_as_he(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A makefile may name it: root would run its owner's program before a build was asked for."""
    needs("root", "cc")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    bobs = tmp_path / "bobs"
    bobs.mkdir()
    tool = bobs / "cc"
    tool.write_text("#!/bin/sh\nid -u >&2\nexit 1\n")
    tool.chmod(0o755)
    for each in (bobs, tool):
        os.chown(each, 4711, 4711)
    words = ("env", f"--unset=,{tool}", "id", "-u") if "," in how else how.format(tool).split()
    machine = Machine()
    try:
        ran = RunCommand(tuple(words), cwd="/").put(machine)
        compiled = Compile((*words,), "int x;\n").put(machine) if "," not in how else None
        treated = TreatObject(Compile(("cc",), "int x;\n"), tuple(words)).put(machine)
    finally:
        machine.close()
    assert isinstance(ran, Completed)
    assert isinstance(treated, Completed)
    assert ran.output == treated.output == "4711\n"
    roots = Machine({**os.environ, "CLANG": " ".join(words)})
    own = RunCommand(tuple(words), cwd="/").put(roots)
    assert isinstance(own, Completed)
    assert own.output == "0\n"  # as PATH is, it is root's choice
    monkeypatch.chdir(bobs)
    within = RunCommand(tuple(words), cwd="/").put(roots)
    assert isinstance(within, Completed)
    assert within.output == "4711\n"  # but in a tree of his, it is the tree's
    assert compiled is None or (isinstance(compiled, Compiled) and compiled.log == "4711\n")


def test_a_command_over_what_anybody_may_yet_make_is_not_run_and_is_not_missing(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    tmp_path.chmod(0o1777)
    answer = RunCommand(("echo", f"--plugin={tmp_path}/absent")).put(Machine())
    assert isinstance(answer, NoAnswer)
    assert not answer.absent


def test_what_treats_an_object_in_the_place_of_another_user_writes_as_he(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    """A compiler that ran as root there would write through a link which he puts in its way."""
    needs("root", "cc")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    os.chown(tmp_path, 4711, 4711)
    machine = Machine()
    treated = TreatObject(
        Compile(("cc",), "int x;\n"), ("stat", "-c", "%u", OBJECT), owner_of=str(tmp_path)
    )
    try:
        answer = treated.put(machine)
    finally:
        machine.close()
    assert isinstance(answer, Completed)
    assert answer.stdout == "4711\n"
