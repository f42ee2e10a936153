"""To what a program raises RLIMIT_MEMLOCK: told only where its refusal certainly ends it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bpfdoctor.host.c_source import beside
from bpfdoctor.host.c_source.ask_loader import AskLoader
from bpfdoctor.host.c_source.beside import sources_beside, texts_with
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.c_source.memlock_sources import MOST_NAMES, Others, nothing_else
from bpfdoctor.host.c_source.read_loader import read_loader
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine

LIMIT = "struct rlimit r = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };"
TRY = "if (setrlimit(RLIMIT_MEMLOCK, &r)) { perror(NULL); exit(1); }"
BUMP = f"static void bump(void) {{ {LIMIT} {TRY} }}"
GIVEN_ON = f"static int bump(void) {{ {LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r); }}"
ASKED = f"static int bump(void) {{ {LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r) ? -1 : 0; }}"
RETURNS = (
    f"static int bump(void) {{ {LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) return -1; return 0; }}"
)
WARNS = (
    f"static void bump(void) {{ {LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) "
    "{ if (errno == EPERM) { puts(o); return; } perror(NULL); exit(1); } }"
)


def raised(body: str, before: str = "", others: Others = nothing_else) -> tuple[int | None, bool]:
    """To what it is raised, and whether the program may carry on where it may not."""
    text = f"{before}\nint main(int argc, char **argv)\n{{\n{body}\n}}\n"
    found = read_loader([text], others)
    return found.memlock, found.may_carry_on


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", f"{LIMIT} {TRY}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) return 1;"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r) < 0) {{ return 1; }}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r) != 0) {{ return 1; }}"),
        ("", f"{LIMIT} if ((err = setrlimit(RLIMIT_MEMLOCK, &r)) == -1) {{ return err; }}"),
        ("", f"{LIMIT} int err = setrlimit(RLIMIT_MEMLOCK, &r); if (err) return err;"),
        ("", f"{LIMIT} err = setrlimit(RLIMIT_MEMLOCK, &r); if (err < 0) {{ exit(err); }}"),
        ("", f"{LIMIT} if (prlimit(0, RLIMIT_MEMLOCK, &r, NULL)) return 1;"),
        ("", f"{LIMIT} if (argc < 2) return 2; {TRY}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) goto out; s = a_bpf__open(); out: ;"),
        (BUMP, "bump();"),
        (BUMP, "(void) bump();"),
        (f"{BUMP} static void setup(void) {{ bump(); }}", "setup();"),
        (RETURNS, "if (bump()) return 1;"),
        (RETURNS, "err = bump(); if (err) { return err; }"),
        (GIVEN_ON, "if (bump()) return 1;"),
        (GIVEN_ON, "err = bump(); if (err) { return err; }"),
        (f"{GIVEN_ON} static int setup(void) {{ return bump(); }}", "if (setup() < 0) exit(1);"),
        (LIMIT, TRY),
        ("", f"struct rlimit r = {{ RLIM_INFINITY, RLIM_INFINITY }}; {TRY}"),
        ("", f"struct rlimit r; r.rlim_cur = r.rlim_max = RLIM_INFINITY; {TRY}"),
        ("", f"struct rlimit r; r.rlim_cur = -1; r.rlim_max = (rlim_t)-1; {TRY}"),
        ("", "if (setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ ~0UL, ~0UL })) return 1;"),
        ("#define INF RLIM_INFINITY\n", f"struct rlimit r = {{ INF, INF }}; {TRY}"),
    ],
)
def test_what_it_insists_on_is_told(before: str, body: str) -> None:
    assert raised(body, before) == (-1, False)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", LIMIT),
        ("", f"{LIMIT} setrlimit(RLIMIT_MEMLOCK, &r);"),
        ("", f'{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) fprintf(stderr, "no");'),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_STACK, &r)) return 1;"),
        ("", f"{LIMIT} if (prlimit(child, RLIMIT_MEMLOCK, &r, NULL)) return 1;"),
        ("", "struct rlimit r; if (prlimit(0, RLIMIT_MEMLOCK, NULL, &r)) return 1;"),
        ("", f"{LIMIT}\n#if 0\n{TRY}\n#endif\n"),
        ("", f"{LIMIT} /* {TRY} */"),
        (BUMP, ""),
        (RETURNS, "bump();"),
        (RETURNS, "if (bump()) puts(o);"),
        (GIVEN_ON, "bump();"),
        (GIVEN_ON, "if (bump()) puts(o);"),
        ("", f"{LIMIT} (void) setrlimit(RLIMIT_MEMLOCK, &r);"),
        ("", f"{LIMIT} if (old) setrlimit(RLIMIT_MEMLOCK, &r);"),
        ("", f'{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ warn("no"); perror(NULL); }}'),
        (RETURNS, "(void) bump();"),
    ],
)
def test_what_certainly_carries_on_raises_nothing(before: str, body: str) -> None:
    assert raised(body, before) == (None, False)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", f"{LIMIT} if (!setrlimit(RLIMIT_MEMLOCK, &r)) return 0;"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r) == 0) return 0;"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r) && errno != EPERM) return 1;"),
        ("", f"{LIMIT} if (old && setrlimit(RLIMIT_MEMLOCK, &r)) return 1;"),
        ("", f"{LIMIT} if (old) {TRY}"),
        ("", f"{LIMIT} if (old) {{ {TRY} }}"),
        ("", f"{LIMIT} if (old) puts(o); else {TRY}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ if (strict) return 1; }}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ if (strict) {{ return 1; }} }}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ exit(1); puts(o); }}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) goto on; on: a_bpf__open();"),
        ("", f"{LIMIT} getrlimit(RLIMIT_MEMLOCK, &r); {TRY}"),
        ("", f"struct rlimit r = {{ n, n }}; {TRY}"),
        ("", f"struct rlimit r = {{ RLIM_INFINITY }}; {TRY}"),
        ("", f"{LIMIT} if (argc) r.rlim_max = 1024; {TRY}"),
        ("", f"{LIMIT} {TRY} {TRY}"),
        ("", f"{LIMIT}\n#ifdef OLD\n{TRY}\n#endif\n"),
        (
            "#ifdef BIG\n#define N 1\n#else\n#define N 2\n#endif\n",
            f"struct rlimit r = {{ N, N }}; {TRY}",
        ),
        (BUMP, "if (old) bump();"),
        (BUMP, "while (n--) bump();"),
        (RETURNS.replace("-1", "0"), "if (bump()) return 1;"),
        (f"static void bump(void) {{ {LIMIT} if (memcg()) return; {TRY} }}", "bump();"),
        (f"void exit(int n) {{ }} {BUMP}", "bump();"),
        (ASKED, "if (bump()) return 1;"),
        (GIVEN_ON.replace("return", "if (old) return"), "if (bump()) return 1;"),
        (GIVEN_ON.replace("return", "if (old) return 0; return"), "if (bump()) return 1;"),
        ("", f"{LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r);"),
        (BUMP.replace("exit", "die"), "bump();"),
        (GIVEN_ON, "int (*raise)(void) = bump; if (raise()) return 1;"),
        (WARNS, "bump();"),
        (
            f"static int bump(void) {{ {LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) "
            "{ if (e) return 0; return -1; } return 0; }",
            "if (bump()) return 1;",
        ),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ if (e) goto on; exit(1); }} on: ;"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) {{ if (e) return run(); return 1; }}"),
        ("", f"{LIMIT} if (probe()) return run(); {TRY}"),
        ("", f"struct rlimit r = {{ 4096, 4096 }}; r.rlim_max *= 4; {TRY}"),
        ("", f"{LIMIT} struct rlimit *q = &r; q->rlim_max = 1; {TRY}"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) perror(NULL), exit(1);"),
        ("", f"{LIMIT} int err = setrlimit(RLIMIT_MEMLOCK, &r); if (err) puts(o); return err;"),
        ("", f"{LIMIT} if ((err = setrlimit(RLIMIT_MEMLOCK, &r))) puts(o); return err;"),
        ("", f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) failed = 1; if (failed) return 1;"),
        (
            "static void warn(char *s) { exit(1); }",
            f"{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) warn(o);",
        ),
        (f"__attribute__((constructor)) static void bump(void) {{ {LIMIT} {TRY} }}", ""),
        (f"{GIVEN_ON} int (*fns[])(void) = {{ bump }};", "if (fns[0]()) return 1;"),
        ("", f"{LIMIT} if (setrlimit((RLIMIT_MEMLOCK), &r) && e) return 1;"),
        ("", f"{LIMIT} int which = RLIMIT_MEMLOCK; if (setrlimit(which, &r)) return 1;"),
        ("", f"{LIMIT} if (syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, &r, 0)) return 1;"),
        ("", f'{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) die("no");'),
    ],
)
def test_what_may_end_is_neither_accused_nor_cleared(before: str, body: str) -> None:
    assert raised(body, before) == (-1, True)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("512UL << 20", 512 << 20),
        ("128 * 1024 * 1024", 128 << 20),
        ("(1 << 10) * 64", 64 << 10),
        ("((64 * 1024))", 64 << 10),
        ("0x10000", 1 << 16),
        ("0100", 64),
        ("1 + 2 * 3", 7),
        ("0xffffffffffffffffUL", -1),
        ("(((((((((((((((((((1)))))))))))))))))))", 1),
    ],
)
def test_a_number_of_bytes_is_worked_out(words: str, size: int) -> None:
    assert raised(f"struct rlimit r = {{ {words}, {words} }}; {TRY}") == (size, False)


@pytest.mark.parametrize(
    "words",
    ["1UL << 63", "1 << 64", "08", "512UL << shift", "getpagesize() * 4", "4 - 1", "1 *"],
)
def test_what_is_not_worked_out_may_be_any(words: str) -> None:
    assert raised(f"struct rlimit r = {{ {words}, {words} }}; {TRY}") == (-1, True)


def test_the_soft_limit_is_not_what_takes_privilege() -> None:
    assert raised(f"struct rlimit r = {{ 1024, 2048 }}; {TRY}") == (2048, False)


def test_another_file_of_the_program_accuses_nobody() -> None:
    helper = f"{BUMP} int helper(void) {{ bump(); }}"
    assert read_loader(["int main(void) { helper(); }", helper]).memlock is None


BUMPED = f"int bump_memlock_rlimit(void) {{ {LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r); }}"
CALL = "err = bump_memlock_rlimit(); if (err) { return 1; }"


def test_a_function_beside_it_raises_the_limit() -> None:
    asked: list[tuple[str, ...]] = []

    def others(words: Sequence[str]) -> list[str]:
        asked.append(tuple(words))
        return [BUMPED]

    assert raised(CALL, others=others) == (-1, False)
    assert asked == [("RLIMIT_MEMLOCK", "bump_memlock_rlimit")]
    assert raised("bump_memlock_rlimit();", others=others) == (None, False)
    assert raised(CALL, BUMPED.replace("RLIM_INFINITY", "4096"), others) == (4096, False)
    assert len(asked) == 2, "what it defines itself is not looked for"


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [f"static {BUMPED}"],
        [f"/* {BUMPED} */"],
        [f"{BUMPED} int main(void) {{ return 0; }}"],
        [BUMPED.replace("bump_memlock_rlimit", "bump")],
    ],
)
def test_where_no_one_file_is_meant_nothing_is_told(texts: list[str]) -> None:
    assert raised(CALL, others=lambda _: texts) == (None, False)


def test_where_two_files_define_it_either_may_be_meant() -> None:
    assert raised(CALL, others=lambda _: [BUMPED, BUMPED]) == (-1, True)


def test_only_a_few_functions_are_looked_for() -> None:
    asked: list[str] = []

    def others(words: Sequence[str]) -> list[str]:
        asked.append(words[-1])
        return []

    raised(" ".join(f"x{number}_rlimit();" for number in range(2_000)), others=others)
    assert len(asked) == MOST_NAMES


def test_a_chain_of_callers_is_followed_once() -> None:
    again = [
        f"static int f{n}(void) {{ {f'if (f{n - 1}()) return -1; ' * 60} return 0; }}"
        for n in (1, 2, 3)
    ]
    first = RETURNS.replace("bump", "f0")
    assert raised("f3();" * 60, "\n".join((first, *again))) == (None, False)


def test_the_sources_beside_a_loader_are_read(
    tmp_path: Path, live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "tool.c"
    own.write_text(f"int main(void) {{ {CALL} }}")
    (tmp_path / "helpers.c").write_text(BUMPED)
    (tmp_path / "other.c").write_text("int unlike(void) { return 0; }")
    os.mkfifo(tmp_path / "pipe.c")
    monkeypatch.chdir(tmp_path)
    for path in (str(own), "tool.c"):
        answer = live.ask(AskLoader((path,)))
        assert isinstance(answer, Loader)
        assert (answer.memlock, answer.may_carry_on) == (-1, False)
        assert "raises RLIMIT_MEMLOCK to infinity" in answer.shown()


def test_a_source_beside_that_changes_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bpfdoctor.host.cache._CLOCK_STEP", 0)
    (tmp_path / "cache").mkdir()
    machine = Machine(cache=tmp_path / "cache")
    place = tmp_path / "tree"
    place.mkdir()
    (place / "tool.c").write_text(f"int main(void) {{ {CALL} }}")

    def limit() -> int | None:
        answer = AskLoader((str(place / "tool.c"),)).put(machine)
        assert isinstance(answer, Loader)
        return answer.memlock

    assert limit() is None
    (place / "helpers.c").write_text(BUMPED)
    assert limit() == -1
    (place / "helpers.c").write_text(BUMPED.replace("RLIM_INFINITY", "4096"))
    assert limit() == 4096
    machine.close()


def test_of_a_directory_full_of_sources_none_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tool.c", "one.c", "two.c"):
        (tmp_path / name).write_text(BUMPED)
    own = str(tmp_path / "tool.c")
    assert [Path(each).name for each in sources_beside(own)[:-1]] == ["one.c", "two.c"]
    monkeypatch.setattr(beside, "MOST", 1)
    assert sources_beside(own) == ()
    monkeypatch.setattr(beside, "MOST_BYTES", 1)
    paths = [str(tmp_path / name) for name in ("one.c", "two.c")]
    assert len(list(texts_with(paths, ["RLIMIT_MEMLOCK"], 1 << 20))) == 1
