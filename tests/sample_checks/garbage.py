"""A check that writes into every pipe it finds."""

import contextlib
import os

from bpfdoctor.api import Context, Findings, check, passed


@check("sample.garbage", title="garbage")
def garbage(context: Context) -> Findings:
    """Write garbage."""
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, b"garbage\n")
    return passed("wrote")
