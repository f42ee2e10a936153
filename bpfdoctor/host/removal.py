"""Remove a directory of ours with all that is in it, whoever has filled it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials


def remove_tree(path: Path, identity: Credentials | None = None) -> bool:
    """Remove a directory and all in it, as `identity`; whether it is gone.

    No link is followed, and nothing is raised. Directories that lie a thousand deep are left to
    rm(1): the library's function calls itself for each.
    """
    with contextlib.suppress(OSError):
        with acting_as(identity):
            try:
                shutil.rmtree(path, ignore_errors=True)
            except RecursionError:
                deep = True
            else:
                deep = False
        if deep:
            _by_command(path, identity)
    return not path.exists()


def _by_command(path: Path, identity: Credentials | None) -> None:
    subprocess.run(
        ["/bin/rm", "-rf", "--", str(path)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        user=identity.uid if identity else None,
        group=identity.gid if identity else None,
        extra_groups=identity.groups if identity else None,
        check=False,
    )
