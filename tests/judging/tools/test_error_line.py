"""The line of a log that says what went wrong."""

from __future__ import annotations

import pytest

from bpfdoctor.judging.tools.error_line import error_line, first_error


@pytest.mark.parametrize(
    ("log", "line"),
    [("In file\nx.h:1: error: no\nmore", "x.h:1: error: no"), ("\n one \ntwo", "one"), ("", "")],
)
def test_the_line_that_tells_is_shown(log: str, line: str) -> None:
    assert first_error(log) == line


def test_a_flag_that_is_named_for_errors_tells_of_none() -> None:
    assert error_line("cc -Werror -c errno.c\nld: cannot find -lelf") == "ld: cannot find -lelf"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("  CC x.o\nx.c:1:2: error: no\nmake: *** [Makefile:1: x.o] Error 1", "x.c:1:2: error: no"),
        ("/bin/sh: 1: sed: not found\nmake: *** [x] Error 127", "/bin/sh: 1: sed: not found"),
        ("make: *** No rule to make target 'a', needed by 'b'.  Stop.", "No rule to make target"),
        ("make: *** [Makefile:1: x] Error 2", "make: *** [Makefile:1: x] Error 2"),
        ("cp: cannot create regular file 'x': No space left on device", "No space left"),
        ("all is well", ""),
        ("error: " + "x" * 500, "error: " + "x" * 193),
    ],
)
def test_the_first_line_that_says_why_is_told(log: str, said: str) -> None:
    told = error_line(log)
    assert said in told
    assert bool(said) == bool(told)
    assert len(told) <= 200
