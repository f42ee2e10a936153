"""Every regular expression of ours takes linear time over any text, whoever wrote that text."""

from __future__ import annotations

import re
from functools import cache
from types import SimpleNamespace

import pytest
from expressions import Names, beyond_automata, in_sources
from pumped import Expression, hostile, too_slow

from bpfdoctor.fix.applying.error_hints import HINTS
from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.host.redact import Redactor
from bpfdoctor.judging.tools.owners import OWNERS

ZELDAS = Redactor(
    *("/home/zelda/acme/src", "/home/zelda", "/var/c", "zelda", ("hyrule.corp", "hyrule")),
    others="epona",
    ids="0123456789abcdef",
    spelled=[("../acme/src", "/home/zelda/acme/src"), ("src", "/home/zelda/acme/src")],
)
VERSIONED: list[Names] = [{"pattern": "clang-{}"}]
WORDS: dict[str, list[Names]] = {
    "bpfdoctor/fix/applying/error_hints.py": [{"hint": each} for each in HINTS],
    **{f"bpfdoctor/fix/managers/{name}.py": VERSIONED for name in ("apk", "dnf", "pacman")},
    **{f"bpfdoctor/fix/managers/{name}.py": VERSIONED for name in ("yum", "zypper")},
    "bpfdoctor/fix/planning/repositories.py": [
        {"repository": each} for each in catalogue().repositories.values()
    ],
    "bpfdoctor/host/bpf/version_code.py": [{"number": r"(\d+)\.(\d+)(?:\.(\d+))?"}],
    "bpfdoctor/host/redact.py": [
        {"named": [*each._alternatives()], "typed": each._typed.pattern if each._typed else "x"}
        for each in (ZELDAS, Redactor())
    ],
    "bpfdoctor/host/secret_values.py": [{"joined": "hunter22|hunter"}],
    "bpfdoctor/judging/sources/search.py": [{"variable": "OBJS"}],
    "bpfdoctor/judging/tools/build_flags.py": [
        {"name": "CFLAGS", "operator": each} for each in (":{0,3}", "[:?]{0,3}")
    ],
    "bpfdoctor/judging/tools/owners.py": [{"names": each} for each in OWNERS],
    "bpfdoctor/judging/tools/version.py": [{"name": "clang"}],
    "bpfdoctor/projects/makefile_of.py": [{"name": "CLANG"}],
    "bpfdoctor/smoke/build_failure.py": [{"program": "minimal", "fault": "x"}],
    "checks/build_commands.py": [{"name": "sed"}],
}
"""What names of a function's own stand for where they are a part of an expression."""


OURS = "bpfdoctor/api/late.py"
"""It reads sources of ours, and nothing else."""
FOREIGN: dict[str, list[Names]] = {
    "bpfdoctor/projects/known_commands.py": [{"change": ("", "", "x")}],
    "bpfdoctor/projects/sound.py": [{"proof": SimpleNamespace(pattern="x")}],
    "bpfdoctor/smoke/trigger.py": [{"self": None, "pattern": "x"}],
}
"""Expressions of others: sed's, with one repeat, over some characters; and proofs, in lines of a
bounded length. Their own tests show that."""


@cache
def expressions() -> tuple[Expression, ...]:
    found = in_sources({**WORDS, **FOREIGN})
    return tuple(each for each in found if not each.where.startswith(OURS))


def test_no_expression_is_slow_over_text_made_to_be_slow() -> None:
    assert len(expressions()) > 150
    assert not too_slow(list(expressions()))


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"^include +([^$]+)$", "match"),
        (r"'(?:[\w]|\$HOST\d*)*'", "sub"),
    ],
)
def test_a_slow_expression_is_found(pattern: str, method: str) -> None:
    assert too_slow([Expression("here", pattern, re.DOTALL, (method,))], most=0.5)


def test_what_an_automaton_finds_is_what_is_found() -> None:
    re2 = pytest.importorskip("re2")  # there is none for musl
    for each in expressions():
        flags = "".join(
            sign
            for sign, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL))
            if each.flags & flag
        )
        pattern = f"(?{flags}){each.pattern}" if flags else each.pattern
        try:
            other = re2.compile(pattern)
        except re2.error:
            assert beyond_automata(each), f"{each.where}: {each.pattern!r} is none of re2's"
            continue
        for text in (what.of_length(9) for what in hostile(each)):
            if text.endswith("\n") and not each.flags & re.MULTILINE:
                continue  # Python's `$` fits before a last line end as well
            ours = [found.span() for found in each.compiled.finditer(text)]
            theirs = [found.span() for found in other.finditer(text)]
            assert ours == theirs, f"{each.where}: {each.pattern!r} in {text!r}"
