"""To what a program raises RLIMIT_MEMLOCK: told only where its refusal certainly ends it."""

from __future__ import annotations

import pytest

from bpfdoctor.host.c_source.read_loader import read_loader

LIMIT = "struct rlimit r = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };"
TRY = "if (setrlimit(RLIMIT_MEMLOCK, &r)) { perror(NULL); exit(1); }"
BUMP = f"static void bump(void) {{ {LIMIT} {TRY} }}"
GIVEN_ON = f"static int bump(void) {{ {LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r); }}"
ASKED = f"static int bump(void) {{ {LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r) ? -1 : 0; }}"
RETURNS = (
    f"static int bump(void) {{ {LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) return -1; return 0; }}"
)


def limit(body: str, before: str = "") -> int | None:
    return read_loader([f"{before}\nint main(int argc, char **argv)\n{{\n{body}\n}}\n"]).memlock


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
    assert limit(body, before) == -1


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ("", LIMIT),
        ("", f"{LIMIT} setrlimit(RLIMIT_MEMLOCK, &r);"),
        ("", f'{LIMIT} if (setrlimit(RLIMIT_MEMLOCK, &r)) fprintf(stderr, "no");'),
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
        ("", f"{LIMIT} if (setrlimit(RLIMIT_STACK, &r)) return 1;"),
        ("", f"{LIMIT} if (prlimit(child, RLIMIT_MEMLOCK, &r, NULL)) return 1;"),
        ("", "struct rlimit r; if (prlimit(0, RLIMIT_MEMLOCK, NULL, &r)) return 1;"),
        ("", f"{LIMIT} getrlimit(RLIMIT_MEMLOCK, &r); {TRY}"),
        ("", f"struct rlimit r = {{ n, n }}; {TRY}"),
        ("", f"struct rlimit r = {{ RLIM_INFINITY }}; {TRY}"),
        ("", f"{LIMIT} if (argc) r.rlim_max = 1024; {TRY}"),
        ("", f"{LIMIT} {TRY} {TRY}"),
        ("", f"{LIMIT}\n#ifdef OLD\n{TRY}\n#endif\n"),
        ("", f"{LIMIT}\n#if 0\n{TRY}\n#endif\n"),
        ("", f"{LIMIT} /* {TRY} */"),
        (
            "#ifdef BIG\n#define N 1\n#else\n#define N 2\n#endif\n",
            f"struct rlimit r = {{ N, N }}; {TRY}",
        ),
        (BUMP, ""),
        (BUMP, "if (old) bump();"),
        (BUMP, "while (n--) bump();"),
        (RETURNS, "bump();"),
        (RETURNS, "if (bump()) puts(o);"),
        (RETURNS.replace("-1", "0"), "if (bump()) return 1;"),
        (f"static void bump(void) {{ {LIMIT} if (memcg()) return; {TRY} }}", "bump();"),
        (f"void exit(int n) {{ }} {BUMP}", "bump();"),
        (ASKED, "if (bump()) return 1;"),
        (GIVEN_ON, "bump();"),
        (GIVEN_ON, "if (bump()) puts(o);"),
        (GIVEN_ON.replace("return", "if (old) return"), "if (bump()) return 1;"),
        (GIVEN_ON.replace("return", "if (old) return 0; return"), "if (bump()) return 1;"),
        ("", f"{LIMIT} return setrlimit(RLIMIT_MEMLOCK, &r);"),
    ],
)
def test_what_may_carry_on_is_not_accused(before: str, body: str) -> None:
    assert limit(body, before) is None


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
        ("1UL << 63", None),
        ("1 << 64", None),
        ("08", None),
        ("512UL << shift", None),
        ("getpagesize() * 4", None),
        ("4 - 1", None),
        ("(((((((((((((((((((1)))))))))))))))))))", 1),
        ("1 *", None),
    ],
)
def test_a_number_of_bytes_is_worked_out_or_not_told(words: str, size: int | None) -> None:
    assert limit(f"struct rlimit r = {{ {words}, {words} }}; {TRY}") == size


def test_the_soft_limit_is_not_what_takes_privilege() -> None:
    assert limit(f"struct rlimit r = {{ 1024, 2048 }}; {TRY}") == 2048


def test_another_file_of_the_program_accuses_nobody() -> None:
    assert (
        read_loader(
            ["int main(void) { helper(); }", f"{BUMP} int helper(void) {{ bump(); }}"]
        ).memlock
        is None
    )
