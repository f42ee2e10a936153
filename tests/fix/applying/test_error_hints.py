"""What a failed command printed, in a sentence: the words are apt's own."""

from __future__ import annotations

import pytest

from bpfdoctor.fix.applying.error_hints import hint_of, last_lines

GONE = """\
Err:1 http://deb.debian.org/debian bookworm/main amd64 make amd64 4.3-4
  404  Not Found [IP: 127.0.0.1 80]
E: Failed to fetch http://deb.debian.org/debian/make_4.3-4_amd64.deb  404  Not Found
"""
EXPIRED = (
    "E: Release file for http://deb.debian.org/debian/dists/sid/InRelease is expired (invalid "
    "since 16d 15h 16min 10s). Updates for this repository will not be applied."
)
EARLY = (
    "E: Release file for http://deb.debian.org/debian/dists/sid/InRelease is not valid yet "
    "(invalid for another 5h). Updates for this repository will not be applied."
)
UNREACHABLE = "E: Failed to fetch http://127.0.0.1:1/x  Could not connect: Connection refused"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (GONE, "the package lists are out of date"),
        (EXPIRED, "this machine's clock is wrong"),
        (EARLY, "this machine's clock is wrong"),
        (UNREACHABLE, "the network failed"),
    ],
)
def test_the_cause_is_named_rather_than_what_followed_from_it(output: str, words: str) -> None:
    hint = hint_of(output)
    assert hint is not None
    assert words in hint.text
    assert hint.retry == (output is UNREACHABLE)


def test_what_nobody_knows_has_no_hint() -> None:
    assert hint_of("something else") is None


def test_the_last_lines_are_those_that_stayed_on_the_screen() -> None:
    output = "one\n\n 10 %\r 50 %\r100 %, done\nlast  \n"
    assert last_lines(output) == "one\n100 %, done\nlast"
    assert last_lines(output, 2) == "100 %, done\nlast"
