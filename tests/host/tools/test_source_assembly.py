"""Directives of an assembler by which it reads a file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bpfdoctor.host.tools.source_assembly import refuse_reading
from bpfdoctor.host.tools.source_words import NotMadeError

DIRECTIVES = (b"incbin", b"include", b"macro", b"irp", b"irpc", b"rep", b"rept")


@pytest.mark.parametrize("directive", DIRECTIVES)
@pytest.mark.parametrize("change", [bytes.lower, bytes.upper, bytes.title])
def test_each_is_refused_however_it_is_written(
    directive: bytes, change: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(NotMadeError):
        refuse_reading(b"\t.text\n\t." + change(directive) + b' "x"\n')


@pytest.mark.parametrize(
    "text", [b"", b"\t.text\n", b"\t.includes\n", b"a.include\n", b"$.macro\n", b"incbin\n"]
)
def test_what_is_a_part_of_a_name_reads_nothing(text: bytes) -> None:
    refuse_reading(text)
