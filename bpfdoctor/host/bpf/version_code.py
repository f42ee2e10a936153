"""LINUX_VERSION_CODE of the running kernel, which kprobe programs had to name.

The kernel compared it with the one it was built as until Linux 5.0 (commit 6c4fc209fcf9).
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

SIGNATURE = Path("/proc/version_signature")
"""Ubuntu's own: `Ubuntu 4.15.0-20.21-generic 4.15.17`."""


@cache  # a process sees one kernel
def version_code() -> int:
    """That of the running kernel."""
    names = os.uname()
    try:
        signature = SIGNATURE.read_text(errors="replace")
    except OSError:
        signature = ""
    return code_of(names.release, names.version, signature)


def code_of(release: str, version: str, signature: str) -> int:
    """By Ubuntu's signature, Debian's version of uname (`… Debian 4.19.260-1`), or the release.

    The release of these two does not name the third number (4.19.0); libbpf looks there as well
    (get_kernel_version of libbpf_probes.c).
    """
    number = r"(\d+)\.(\d+)(?:\.(\d+))?"
    found = (
        re.match(rf"\S+ \S+ {number}", signature)
        or re.search(rf"Debian {number}", version)
        or re.match(number, release)
    )
    major, minor, patch = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return (major << 16) | (minor << 8) | min(patch, 255)
