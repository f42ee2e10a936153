"""Take files of this machine away from one command, for real, and from nobody else.

In a mount namespace of its own, each directory concerned gets an overlay on which the files are
deleted. Nothing outside of the namespace changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

SCRIPT = """
set -e
upper=$1; shift
mount -t tmpfs tmpfs "$upper"
while [ "$1" != -- ]; do
    number=$((number + 1)); mkdir "$upper/$number" "$upper/$number/up" "$upper/$number/work"
    directory=$1; shift
    mount -t overlay overlay -o \
"lowerdir=$directory,upperdir=$upper/$number/up,workdir=$upper/$number/work" "$directory"
    while [ "$1" != , ]; do rm -rf "$directory/$1"; shift; done
    shift
done
shift
exec "$@"
"""


def without(paths: Sequence[str], argv: Sequence[str], scratch: Path) -> list[str]:
    """A command that runs `argv` where none of `paths` exists. It takes root and overlayfs."""
    by_directory: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_directory[str(Path(path).parent)].append(Path(path).name)
    words = [word for place, names in by_directory.items() for word in (place, *names, ",")]
    start = ["unshare", "-m", "--propagation", "private", "sh", "-c", SCRIPT, "sh"]
    return [*start, str(scratch), *words, "--", *argv]


def unmounted(places: Sequence[str], argv: Sequence[str]) -> list[str]:
    """A command that runs `argv` where nothing is mounted at `places`."""
    lines = "".join(f"umount -l {place} 2>/dev/null; " for place in places)
    script = f'{lines}exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *argv]
