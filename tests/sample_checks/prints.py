"""A check that prints, and otherwise does its work."""

import os
import subprocess

from bpfdoctor.api import Context, Findings, check, passed

print("imported")  # noqa: T201  (that is its fault)


@check("sample.prints", title="prints")
def prints(context: Context) -> Findings:
    """Print in every way."""
    print('{"result": 5}')  # noqa: T201
    os.write(1, b"\xff" * 1_000_000)
    subprocess.run(["echo", "from a child"], check=True)
    return passed("printed")
