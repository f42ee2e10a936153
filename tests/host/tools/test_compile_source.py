"""Sources of trees that nobody vouches for, compiled by the real clang."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.host.elf.ask_object import ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.own_directory import owner_name
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.tools import kept_objects, source_clang, source_work
from bpfdoctor.host.tools.compile_source import CompileSource, SourceObject
from bpfdoctor.host.tools.source_log import own_lines
from bpfdoctor.host.tools.source_reader import reader_of
from bpfdoctor.host.tools.source_reads import prerequisites
from bpfdoctor.host.tools.source_words import NotMadeError, our_flags, refuse_words
from bpfdoctor.model import Tool

HELPER = "static inline int ours(int *p) {{ return *p * {}; }}\n"
SECRET = "the-password-is-swordfish"
LICENCE = 'char licence[] __attribute__((section("license"), used)) = "GPL";\n'


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "cache").mkdir(mode=0o700)
    machine = Machine(cache=tmp_path / "cache")
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Machine]:
    """A machine that has asked its clang once, for the tests that change nothing of it."""
    machine = Machine()
    yield machine
    machine.close()


@pytest.fixture
def tree(tmp_path: Path, needs: Callable[..., None]) -> Path:
    needs("clang")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    (tmp_path / "secret").write_text(f'"{SECRET}"\n')
    (tmp_path / "tree").mkdir()
    return tmp_path / "tree"


def source(tree: Path, text: str, name: str = "x.bpf.c") -> CompileSource:
    (tree / name).write_text(text)
    return CompileSource(str(tree / name), "clang", str(tree))


def compiled(answer: SourceObject | NoAnswer) -> SourceObject:
    assert isinstance(answer, SourceObject), answer
    return answer


def why_not(answer: SourceObject | NoAnswer, reason: str = "refused") -> str:
    assert isinstance(answer, NoAnswer), answer
    assert answer.reason == reason
    assert SECRET not in answer.shown()
    return answer.detail


def test_the_object_is_kept_by_its_hash_for_us_alone(tree: Path, cached: Machine) -> None:
    answer = compiled(source(tree, LICENCE).put(cached))
    kept = Path(answer.object)
    assert kept.parent == cached.cache / "objects"  # type: ignore[operator]
    assert kept.name == f"{answer.sha256}.o"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_bytes()[:4] == b"\x7fELF"


def test_without_a_cache_the_object_lasts_as_long_as_the_run(tree: Path) -> None:
    machine = Machine()
    answer = compiled(source(tree, LICENCE).put(machine))
    assert Path(answer.object).is_file()
    machine.close()
    assert not Path(answer.object).exists()


def test_where_nothing_can_be_kept_in_the_cache_the_object_lasts_as_long_as_the_run(
    tree: Path, cached: Machine
) -> None:
    assert cached.cache is not None
    (cached.cache / "objects").write_text("in the way")
    answer = compiled(source(tree, LICENCE).put(cached))
    assert Path(answer.object).is_relative_to(cached.scratch)


def test_an_error_is_told_by_its_line_without_the_text_of_it(tree: Path, shared: Machine) -> None:
    answer = compiled(source(tree, "int x;\nint f(void) { return absent; } // mine\n").put(shared))
    assert (answer.ok, answer.status) == (False, 1)
    assert answer.log == f"{tree}/x.bpf.c:2:22: error: use of undeclared identifier 'absent'"


def test_a_warning_before_the_error_is_not_the_reason(tree: Path, shared: Machine) -> None:
    text = "int *f(void) { return 5; }\nint g(void) { return nowhere; }\n"
    answer = compiled(source(tree, text).put(shared))
    assert "warning: " in answer.log.partition("\n")[0]
    assert answer.first_error.endswith("error: use of undeclared identifier 'nowhere'")


def test_in_a_checkout_behind_a_link_the_log_is_there_too(tree: Path, shared: Machine) -> None:
    source(tree, "#error no\n")
    link = tree.parent / "link"
    link.symlink_to(tree)
    answer = compiled(CompileSource(f"{link}/x.bpf.c", "clang", str(link)).put(shared))
    assert answer.log == f"{link}/x.bpf.c:1:2: error: no"


def test_of_other_files_no_line_is_told(tree: Path) -> None:
    said = "\n".join(
        (
            f"{tree}/a.c:1:2: warning: ours",
            "/etc/shadow:1:1: error: unknown type name 'root'",
            f"{tree}/../secret:1:1: error: {SECRET}",
            f"{tree}beside/a.c:1:1: error: {SECRET}",
            f"   {SECRET}",
        )
    )
    assert own_lines(said, (str(tree),), ("/l/bpf", "")) == f"{tree}/a.c:1:2: warning: ours"


READING_ELSEWHERE = {
    "an include": '#include "/etc/shadow"\n',
    "an include beside the tree": '#include "../secret"\n',
    "a message that quotes it": '_Static_assert(0,\n#include "../secret"\n);\n',
    "a message, and then a header that is missing": (
        '_Static_assert(0,\n#include "../secret"\n);\n#include <nothere.h>\n'
    ),
    "a licence": 'char l[] __attribute__((section("license"))) =\n#include "../secret"\n;\n',
    "a link in the tree": '#include "link"\n',
    "git's configuration": '#include ".git/config"\n',
    "a path that leads each process elsewhere": '#include "/proc/self/environ"\n',
    "a link to such a path": '#include "cwd/etc/hostname"\n',
    "a directory of the system": '#include "/usr/include/../../etc/passwd"\n',
    ".incbin": 'asm(".section license\\n.incbin \\"/etc/passwd\\"");\n',
    ".incbin in capitals": 'asm(".section license\\n.InC" "BiN \\"/etc/passwd\\"");\n',
    ".incbin in a function": 'void f(void) { asm volatile(".incbin \\"/etc/passwd\\""); }\n',
    ".incbin behind a label": 'asm("l:.incbin\\"/etc/passwd\\"");\n',
    ".incbin, made of parts": (
        'asm(".macro m a b\\n.\\\\a\\\\b \\"/etc/passwd\\"\\n.endm\\nm inc bin");\n'
    ),
    "a repeated part": 'asm(".rept+1\\n.inc\\\\()bin \\"/etc/passwd\\"\\n.endr");\n',
    ".include": 'asm(".include \\"/etc/passwd\\"");\n',
    "a line that is said to be of it": '#line 1 "/etc/passwd"\nint f(void) { return 1; }\n',
    "a line of a file beside the tree": '# 1 "TREE/../secret" 1\nint f(void) { return 1; }\n',
    "a line of a name that begins at the root": '#line 1 "etc/passwd"\nint f(void) { return 1; }\n',
    "a file whose directory is the root": 'asm(".file 1 \\"/etc/passwd\\"");\n',
    "a line of a name to be escaped": '#line 1 "TREE/../a \\"b\\" é"\nint f(void) { return 1; }\n',
    "a second reading": (
        "#if __has_include(<../probe.s>)\n"
        'asm(".section license\\n.incbin \\"/etc/passwd\\"");\n'
        '#else\nasm("no assembly");\n#endif\n'
    ),
}


@pytest.mark.parametrize("how", READING_ELSEWHERE)
def test_what_reads_a_file_that_is_not_the_trees_gives_no_object_and_no_word_of_it(
    tree: Path, shared: Machine, how: str
) -> None:
    (tree / "link").symlink_to("../secret")
    (tree / "cwd").symlink_to("/proc/self/cwd")
    (tree / ".git").mkdir()
    (tree / ".git/config").write_text(f'"{SECRET}"\n')
    (tree.parent / 'a "b" é').write_text(f'"{SECRET}"\n')
    (tree / "src").mkdir()
    text = READING_ELSEWHERE[how].replace("TREE", str(tree)) + LICENCE
    question = msgspec.structs.replace(source(tree, text), libbpf=str(tree))
    said = why_not(question.put(shared))
    assert "it reads " in said or "which may" in said or "by which it may read" in said


def test_a_line_of_a_file_of_the_tree_or_of_none_is_no_hindrance(
    tree: Path, shared: Machine
) -> None:
    (tree / "x.y").write_text("a grammar\n")
    text = 'int f(void) { return 1; }\n#line 1 "absent.y"\nint g(void) { return 1; }\n'
    text = f'#line 1 "{tree}/x.y"\n{text}'
    assert compiled(source(tree, text).put(shared)).ok


ATOMIC = """
#if __has_include(<../probe.s>)
int made_meanwhile;
#endif
__attribute__((section("xdp"))) long f(long *c, long v) { return __sync_fetch_and_add(c, v); }
"""
"""clang 14 cannot read what it writes for it."""


def test_what_no_assembler_reads_is_said_so(tree: Path, shared: Machine) -> None:
    said = why_not(source(tree, 'asm("no assembly");\n').put(shared))
    assert said == "its assembly is none that clang can read"


def test_an_object_is_of_the_source_that_was_looked_through(tree: Path, shared: Machine) -> None:
    question = msgspec.structs.replace(source(tree, ATOMIC + LICENCE), libbpf=str(tree))
    assert "probe.s" in why_not(question.put(shared))


def test_what_clang_cannot_assemble_again_is_compiled_as_clang_does(
    tree: Path, shared: Machine, tmp_path: Path
) -> None:
    question = source(tree, ATOMIC + LICENCE)
    ours = ReadObject(compiled(question.put(shared)).object).put(shared)
    words = ("clang", *our_flags(question), "-c", question.file, "-o", f"{tmp_path}/o")
    subprocess.run(words, check=True, cwd="/")
    assert isinstance(ours, BpfObject)
    assert ours == ReadObject(f"{tmp_path}/o").put(shared)


def test_a_name_like_a_directive_is_none(tree: Path, shared: Machine) -> None:
    text = "struct s { int include, macro; } s;\nint f(void) { return s.include + s.macro; }\n"
    assert compiled(source(tree, text).put(shared)).ok


@pytest.mark.parametrize(
    ("rule", "files"),
    [
        ("o: /a \\\n  /b.h\n", ["/a", "/b.h"]),
        ('o: "/a b" \\\n  /c\n', ["/c", "/a b"]),
        ("o: /a\\ /b\n", ["/a\\", "/b"]),
        ('o: /a" /etc/shadow "/c\n', None),
        ('o: "/a" " /etc/shadow "/c"\n', None),
        ('o: "/a" "  /etc/shadow" \n', None),
        ('o: "/a\n', None),
    ],
)
def test_no_name_hides_another_file_in_the_rule(rule: str, files: list[str] | None) -> None:
    assert prerequisites(rule) == files


@pytest.mark.parametrize(
    "text",
    [
        '#include "fifo"\n',
        '#include "deep/er.h"\n',
        '#define NAME "fifo"\n#include NAME\n',
        "#include <fifo>\n",
        '#include "/dev/zero"\n',
    ],
)
def test_an_included_fifo_or_device_is_not_waited_for(
    tree: Path, shared: Machine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(source_work, "run_clang", None)  # not even started
    os.mkfifo(tree / "fifo")
    (tree / "deep").mkdir()
    (tree / "deep/er.h").write_text('  #  include "../fifo"\n')
    source(tree, text)
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), (str(tree),))
    assert "is not a regular file" in why_not(question.put(shared))


def test_a_tree_that_hangs_costs_one_time_limit(
    tree: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.parent / "another").mkdir()
    assert compiled(source(tree.parent / "another", LICENCE).put(machine)).ok
    os.mkfifo(tree / "fifo")
    hidden = "#define Q(x) #x\n#define S(x) Q(x)\n#include S(fifo)\n"
    with monkeypatch.context() as patched:
        patched.setattr(source_clang, "TIME", 0.3)
        assert "no end after" in why_not(source(tree, hidden).put(machine), "timed-out")
    said = why_not(source(tree, LICENCE, "y.bpf.c").put(machine), "timed-out")
    assert "no other is tried" in said
    assert compiled(source(tree.parent / "another", LICENCE).put(machine)).ok


def test_a_macro_bomb_ends_at_the_limit_of_memory(tree: Path, shared: Machine) -> None:
    """Without a limit it took three gigabytes in three seconds."""
    sixteen = "#define A(x) " + "x " * 16 + "\n#define C(x) A(A(A(x)))\n#define B(x) C(C(C(x)))\n"
    question = source(tree, f"{sixteen}int y;\nvoid f(void) {{ B(y++;) }}\n")
    assert "more than 1 GiB" in why_not(question.put(shared), "too-large")


def test_an_object_of_any_size_is_not_written(tree: Path, shared: Machine) -> None:
    question = source(tree, "char x[200000000] = {1};\n")
    assert "more than 64 MiB" in why_not(question.put(shared), "too-large")


def test_an_object_that_grows_while_it_is_read_is_read_to_its_limit(
    tree: Path, shared: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_work, "LARGEST", 1 << 10)
    real = source_clang.run_clang

    def grown(*words: object, **named: object) -> object:
        ended = real(*words, **named)  # type: ignore[arg-type]
        output = Path(words[1][-1])  # type: ignore[index]
        if output.name == "probe.o":
            os.truncate(output, 8 << 30)
        return ended

    monkeypatch.setattr(source_work, "run_clang", grown)
    why_not(source(tree, LICENCE).put(shared), "too-large")


FLAGS = (
    *("-fplugin=/t/x.so", "-fpass-plugin=/t/x.so", "-Xclang", "-load", "@file", "--config", "-MF"),
    *("-save-temps", "-mllvm", "-include/etc/shadow", "-O0 -mcpu=v1", "-mcpu=v5", "-O4", "-o/x"),
    *("-std=c11 @x", "-Wno-x\n@x", "-I/etc", "-B/t", "-Wp,-MF,x", "-D@x", "", "-Wno-", "-g0"),
)


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_is_not_on_the_list_is_refused(tree: Path, shared: Machine, flag: str) -> None:
    source(tree, LICENCE)
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), flags=(flag,))
    assert "none of the flags" in why_not(question.put(shared))


@pytest.mark.parametrize(
    "define", ["@x", "A=@x", "A=1 2", "A=`x`", 'A="x" "y"', 'A="\n"', "-DA", "", "1A", "A=$(x)"]
)
def test_a_definition_that_is_more_than_a_value_is_refused(
    tree: Path, shared: Machine, define: str
) -> None:
    source(tree, LICENCE)
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), define=(define,))
    assert "does not define" in why_not(question.put(shared))


def test_the_words_on_the_list_reach_the_compiler(tree: Path, shared: Machine) -> None:
    text = "int a = N; const char *s = S; int f(void) { for (int i = 0; i < N; i++) {} }\n"
    source(tree, text)
    flags = ("-mcpu=v3", "-O1", "-std=gnu11", "-Wno-return-type", "-fno-stack-protector")
    question = CompileSource(
        f"{tree}/x.bpf.c", "clang", str(tree), define=("N=4", 'S="a b"', "ALONE"), flags=flags
    )
    answer = compiled(question.put(shared))
    assert (answer.ok, answer.log) == (True, "")
    assert "-mcpu=v3" in question.source()


@pytest.mark.parametrize("path", ["x.bpf.c", "@x", "-x", "/x\n", "/x\0", ""])
def test_a_path_that_may_be_an_option_is_refused(path: str) -> None:
    with pytest.raises(NotMadeError, match="not an absolute path"):
        refuse_words(CompileSource(path, "clang", "/"))


@pytest.mark.parametrize("way", ["itself", "a link to it", "a link through it", "its directory"])
def test_a_compiler_in_the_tree_is_not_run(tree: Path, way: str) -> None:
    tools, places = tree / "tools", tree.parent / "bin"
    tools.mkdir()
    places.mkdir()
    (tools / "clang").write_text(f'#!/bin/sh\ntouch {tree.parent}/was-run\nexec clang "$@"\n')
    (tools / "clang").chmod(0o755)
    if way == "a link to it":
        (places / "clang").symlink_to(tools / "clang")
    if way == "a link through it":
        (tools / "there").symlink_to("/usr/bin/clang")
        (places / "clang").symlink_to(tools / "there")
    if way == "its directory":
        places = tree.parent / "tools"
        places.symlink_to(tools)
    found = str(tools / "clang") if way == "itself" else "clang"
    machine = Machine({**os.environ, "PATH": f"{places}:{os.environ['PATH']}"})
    source(tree, LICENCE)
    answer = CompileSource(f"{tree}/x.bpf.c", found, str(tree)).put(machine)
    machine.close()
    assert "lies in the tree" in why_not(answer)
    assert not (tree.parent / "was-run").exists()


def test_a_compiler_that_does_not_end_is_waited_for_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_clang, "TIME", 0.2)
    place = tree.parent / "bin"
    place.mkdir()
    (place / "clang").write_text(f"#!/bin/sh\necho >>{tree.parent}/started\nexec sleep 60\n")
    (place / "clang").chmod(0o755)
    machine = Machine({**os.environ, "PATH": f"{place}:{os.environ['PATH']}"})
    for name in ("x.bpf.c", "y.bpf.c"):
        assert "did not end" in why_not(source(tree, LICENCE, name).put(machine), "timed-out")
    machine.close()
    assert (tree.parent / "started").read_text() == "\n"


def test_a_compiler_is_not_found_through_a_relative_directory(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.parent / "bin").mkdir()
    (tree.parent / "bin/clang").symlink_to("/usr/bin/clang")
    monkeypatch.chdir(tree.parent)
    machine = Machine({"PATH": "bin"})
    assert "is not absolute" in why_not(source(tree, LICENCE).put(machine))
    machine.close()


@pytest.mark.parametrize("name", ["CPATH", "C_INCLUDE_PATH"])
def test_the_environment_does_not_say_where_headers_are(
    tree: Path, machine: Machine, name: str
) -> None:
    (tree.parent / "odd").mkdir()
    (tree.parent / "odd/odd.h").write_text("")
    machine.environ[name] = str(tree.parent / "odd")
    answer = compiled(source(tree, "#include <odd.h>\n").put(machine))
    assert "'odd.h' file not found" in answer.log


def test_the_environment_adds_no_option(tree: Path, machine: Machine) -> None:
    machine.environ["CCC_OVERRIDE_OPTIONS"] = "+-DABSENT=1"
    assert not compiled(source(tree, "int x = ABSENT;\n").put(machine)).ok


def libbpf_of(tree: Path, text: str = HELPER.format(3)) -> str:
    (tree / "libbpf/src").mkdir(parents=True)
    (tree / "libbpf/src/bpf_helpers.h").write_text(text)
    return str(tree / "libbpf")


def test_bpf_headers_are_those_of_the_libbpf_that_was_named(tree: Path, machine: Machine) -> None:
    source(tree, "#include <bpf/bpf_helpers.h>\nint x(int *p) { return ours(p); }\n")
    libbpf = libbpf_of(tree)
    answer = compiled(
        CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), libbpf=libbpf).put(machine)
    )
    assert (answer.ok, answer.outside) == (True, ())
    assert str(machine.scratch).encode() not in Path(answer.object).read_bytes()


def another_bpf(tree: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system whose own directories hold a libbpf."""
    system = tree.parent / "include"
    (system / "bpf").mkdir(parents=True)
    (system / "bpf/only_theirs.h").write_text("#define THEIRS 1\n")
    facts = source_clang.Clang((), (str(system),), (), ())
    monkeypatch.setattr(source_work, "clang_of", lambda *_: facts)
    return f"{system}/bpf/only_theirs.h"


def test_a_header_of_the_systems_libbpf_is_told(
    tree: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = another_bpf(tree, machine, monkeypatch)
    answer = compiled(source(tree, "#include <bpf/only_theirs.h>\nint x = THEIRS;\n").put(machine))
    assert (answer.ok, answer.outside) == (True, (header,))


def test_a_header_of_another_libbpf_than_the_trees_is_an_error(
    tree: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty submodule: the compiler would silently take what the system has."""
    header = another_bpf(tree, machine, monkeypatch)
    (tree / "libbpf/src").mkdir(parents=True)
    source(tree, "#include <bpf/only_theirs.h>\nint x = THEIRS;\n")
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), libbpf=f"{tree}/libbpf")
    answer = compiled(question.put(machine))
    assert (answer.ok, answer.outside) == (False, (header,))
    assert answer.log == f"it takes {header}, which is not of {tree}/libbpf"


def test_a_directory_that_was_named_beside_the_tree_is_told(tree: Path, shared: Machine) -> None:
    (tree.parent / "shared").mkdir()
    (tree.parent / "shared/shared.h").write_text("#define N 1\n")
    source(tree, "#include <shared.h>\nint x = N;\n")
    include = (str(tree.parent / "shared"),)
    answer = compiled(CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), include).put(shared))
    assert answer.outside == (f"{tree.parent}/shared/shared.h",)


def test_the_host_has_its_own_headers(tree: Path, shared: Machine) -> None:
    answer = compiled(source(tree, "#include <linux/types.h>\n__u32 x = 1;\n").put(shared))
    assert (answer.ok, answer.outside) == (True, ())


@pytest.fixture
def remembered(tree: Path, cached: Machine, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """A source of the tree's libbpf that was compiled; what is called tells what is made now.

    The clock is set back for what is remembered: a file that was just written is as good as old.
    """
    from bpfdoctor.host import cache

    monkeypatch.setattr(cache, "_CLOCK_STEP", -(10**12))
    (tree / "first").mkdir()
    (tree / "first/bpf").mkdir()
    (tree / "second").mkdir()
    (tree / "second/n.h").write_text("#define N 1\n")
    source(
        tree,
        "#include <bpf/bpf_helpers.h>\n#include <n.h>\nint x(int *p) { return N + ours(p); }\n",
    )
    include = (str(tree / "first"), str(tree / "second"))
    libbpf = libbpf_of(tree)
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), include, libbpf)
    before = compiled(question.put(cached)).sha256

    def now() -> str:
        again = compiled(question.put(cached))
        return "another" if again.sha256 != before else "the same"

    with monkeypatch.context() as patched:
        patched.setattr(source_work, "run_clang", None)  # remembered: nothing is started
        assert now() == "the same"
    return now


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "the source": (
        lambda tree: (tree / "x.bpf.c").write_text("int y;\n"),
        "another",
    ),
    "a header": (lambda tree: (tree / "second/n.h").write_text("#define N 22\n"), "another"),
    "a header of that name that comes earlier": (
        lambda tree: (tree / "first/n.h").write_text("#define N 3\n"),
        "another",
    ),
    "libbpf": (
        lambda tree: (tree / "libbpf/src/bpf_helpers.h").write_text(HELPER.format(44)),
        "another",
    ),
    "nothing of it": (lambda tree: (tree / "second/n.h").touch(), "the same"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_remembered_object_goes_when_what_it_rests_on_changes(
    tree: Path, remembered: Callable[[], str], what: str
) -> None:
    change, expected = CHANGES[what]
    change(tree)
    assert remembered() == expected


def test_a_kept_object_that_is_gone_is_made_anew(
    cached: Machine, remembered: Callable[[], str]
) -> None:
    for each in Path(cached.cache or "", "objects").iterdir():
        each.unlink()
    assert remembered() == "the same"
    assert len(list(Path(cached.cache or "", "objects").iterdir())) == 1


def test_a_kept_object_that_was_changed_is_made_anew(
    cached: Machine, remembered: Callable[[], str]
) -> None:
    (kept,) = Path(cached.cache or "", "objects").iterdir()
    before = kept.read_bytes()
    kept.write_bytes(b"\x7fELF")
    assert remembered() == "the same"
    assert kept.read_bytes() == before


def test_an_object_that_is_kept_already_is_left_for_the_answers_that_rest_on_it(
    cached: Machine,
) -> None:
    path, _ = kept_objects.keep_object(cached, b"an object")
    before = path.stat()
    assert kept_objects.keep_object(cached, b"an object")[0] == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_kept_objects_are_bounded_and_the_oldest_go(
    cached: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_objects, "MOST", 3)
    kept = [kept_objects.keep_object(cached, bytes([number]))[0] for number in range(5)]
    for number, path in enumerate(kept[2:]):
        os.utime(path, (number, number))
    last = kept_objects.keep_object(cached, b"last")[0]
    assert [path.exists() for path in (*kept, last)] == [False, False, False, True, True, True]


def test_their_bytes_are_bounded_too(cached: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_objects, "MOST_BYTES", 100)
    monkeypatch.setattr(kept_objects, "LARGEST", 40)
    kept = [kept_objects.keep_object(cached, bytes([number]) * 40)[0] for number in range(4)]
    assert sum(path.stat().st_size for path in kept if path.exists()) <= 100
    assert kept[-1].exists()


def test_a_snapshot_names_no_path_of_this_machine_and_is_found_again(
    tree: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    machine = Machine()
    host = RecordingHost(LiveHost(machine))
    question = source(tree, LICENCE + "#warning here\n")
    live = compiled(host.ask(question))
    redactor = Redactor.of(machine, str(tree))
    tool = Tool("bpfdoctor", "0")
    Snapshot(tool, "3", "", 0, {}, host.answers).write(tmp_path / "s.json", redactor)
    text = (tmp_path / "s.json").read_text()
    machine.close()
    assert str(machine.environ.get("TMPDIR", "/no/such")) not in text
    assert str(tmp_path) not in text
    assert Path(live.object).parts[-3] not in text
    again = RecordedHost(read_snapshot(tmp_path / "s.json")).ask(redactor.value(question))
    assert compiled(again).sha256 == live.sha256
    assert "$CHECKOUT/x.bpf.c:2:2: warning" in compiled(again).log


def owned(path: Path, uid: int) -> None:
    for each in (path, *path.rglob("*")):
        os.chown(each, uid, uid, follow_symlinks=False)


def test_root_compiles_as_the_owner_of_the_tree(
    tree: Path, shared: Machine, needs: Callable[..., None]
) -> None:
    """What the owner may not read, root reads for nobody."""
    needs("root")
    (tree / "inner.h").write_text("#define N 1\n")
    question = source(tree, '#include "inner.h"\nint x = N;\n')
    owned(tree, 4711)
    (tree / "inner.h").chmod(0o600)
    answer = compiled(question.put(shared))
    assert Path(answer.object).stat().st_uid == 0
    os.chown(tree / "inner.h", 0, 0)
    answer = compiled(question.put(shared))
    assert not answer.ok
    assert "inner.h': Permission denied" in answer.log


def test_root_runs_no_compiler_of_a_third_user(tree: Path, needs: Callable[..., None]) -> None:
    needs("root")
    question, compiler = source(tree, LICENCE), tree.parent / "bin/clang"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\n")
    owned(tree, 4711)
    owned(compiler.parent, 4712)
    with pytest.raises(NotMadeError, match="belongs to another user"):
        reader_of(question, str(compiler))


def test_root_does_not_mix_the_trees_of_two_users(
    tree: Path, shared: Machine, needs: Callable[..., None]
) -> None:
    needs("root")
    source(tree, LICENCE)
    owned(tree, 4711)
    (tree.parent / "bobs").mkdir()
    os.chown(tree.parent / "bobs", 4712, 4712)
    question = CompileSource(f"{tree}/x.bpf.c", "clang", str(tree), (str(tree.parent / "bobs"),))
    assert "several users" in why_not(question.put(shared))


def as_user(uid: int, put: Callable[[], str]) -> str:
    """What another user is told; nothing may be started there."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(writer, put().encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with open(reader, encoding="utf-8") as said:
        return said.read()


@pytest.mark.parametrize(("owner", "refuses"), [(4712, True), (4711, False), (0, False)])
def test_a_user_does_not_compile_another_users_tree(
    tree: Path, needs: Callable[..., None], owner: int, *, refuses: bool
) -> None:
    needs("root")
    question = source(tree, LICENCE)
    owned(tree, owner)

    def asked() -> str:
        try:
            return str(reader_of(question, "/usr/bin/clang"))
        except NotMadeError as error:
            return why_not(error.answer)

    refused = f"{tree} belongs to {owner_name(owner)}; only that user and root may have it compiled"
    assert as_user(4711, asked) == (refused if refuses else "None")


def test_a_file_of_another_users_in_the_users_tree_is_refused_too(
    tree: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    question = source(tree, LICENCE)
    owned(tree, 4711)
    os.chown(question.file, 4712, 4712)

    def asked() -> str:
        with pytest.raises(NotMadeError, match="belongs to"):
            reader_of(question, "/usr/bin/clang")
        return "refused"

    assert as_user(4711, asked) == "refused"
