"""Compare tracked files with git's index: by size and time, and by content where those differ.

git would do so by running the filters that the configuration of the tree names; nothing runs here.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat

import msgspec

from bpfdoctor.host.reading import read_regular

READ_LIMIT = 64 << 20
"""Bytes of content read in one tree; beyond that, files whose time differs are not compared."""

_ENTRY = re.compile(
    rb"(\d{6}) ([0-9a-f]{40,64}) (\d)\t([^\0]{0,4096})\0((?:  [^\n]{0,200}\n){0,9})"
)
_TIME = re.compile(rb"mtime: (\d+):(\d+)")
_SIZE = re.compile(rb"size: (\d+)\tflags: ([0-9a-f]+)")
_SKIPPED = 1 << 30
"""CE_SKIP_WORKTREE: a sparse checkout leaves this file out on purpose."""
LINK, _SUBMODULE = b"120000", b"160000"


class Tracked(msgspec.Struct, frozen=True):
    """A file of the index: mode, object id, stage (0, or 1 to 3 in a conflict), and its stat."""

    mode: bytes
    object_id: str
    stage: int
    path: bytes
    mtime_ns: int
    size: int
    skipped: bool


class Compared(msgspec.Struct, frozen=True):
    """Of the tracked files: how many there are, which are absent, changed, or not compared.

    `replaced` are those of the changed in whose place nothing can be read as a file: a link that
    leads nowhere, a directory.
    """

    tracked: int
    absent: tuple[bytes, ...]
    changed: tuple[bytes, ...]
    uncompared: int
    replaced: tuple[bytes, ...] = ()


def tracked_files(listing: bytes) -> list[Tracked]:
    """The index as `git ls-files --stage --debug -z` prints it; stat 0 where it says nothing."""
    return [_tracked(match) for match in _ENTRY.finditer(listing)]


def _tracked(match: re.Match[bytes]) -> Tracked:
    mode, object_id, stage, path, facts = match.groups()
    time, size = _TIME.search(facts), _SIZE.search(facts)
    return Tracked(
        mode=mode,
        object_id=object_id.decode(),
        stage=int(stage),
        path=path,
        mtime_ns=int(time[1]) * 10**9 + int(time[2]) if time else 0,
        size=int(size[1]) if size else 0,
        skipped=bool(size and int(size[2], 16) & _SKIPPED),
    )


def compare(tree: str, files: list[Tracked]) -> Compared:
    """Compare the files of a work tree with the index; submodules are not looked into."""
    absent: list[bytes] = []
    changed: list[bytes] = []
    left, uncompared = READ_LIMIT, 0
    root = os.fsencode(tree)
    ways = _Ways(root)
    kept = [file for file in files if file.mode != _SUBMODULE and not file.skipped]
    for file in kept:
        path = os.path.join(root, file.path)
        try:
            if not ways.clear(os.path.dirname(path)):
                changed.append(file.path)
                continue
            facts = os.lstat(path)
            if file.stage:
                changed.append(file.path)
            elif (facts.st_mtime_ns, facts.st_size) == (file.mtime_ns, file.size):
                continue
            elif facts.st_size > left:
                uncompared += 1
            else:
                left -= facts.st_size
                if not _same(path, facts, file):
                    changed.append(file.path)
        except (FileNotFoundError, NotADirectoryError):
            absent.append(file.path)
        except OSError:
            uncompared += 1
    replaced = tuple(path for path in changed if not os.path.isfile(os.path.join(root, path)))
    return Compared(len(kept), tuple(absent), tuple(changed), uncompared, replaced)


class _Ways:
    """Whether tracked files lie in directories: git takes away what else is in their place."""

    def __init__(self, root: bytes) -> None:
        self.known = {root.rstrip(b"/") or b"/": True}

    def clear(self, directory: bytes) -> bool:
        """No file or link stands where `directory`, or one above it, should be."""
        unknown: list[bytes] = []
        while directory not in self.known:  # a loop: the index may name any depth
            unknown.append(directory)
            directory = os.path.dirname(directory)
        clear = self.known[directory]
        for each in reversed(unknown):
            clear = self.known[each] = clear and _is_directory_or_absent(each)
        return clear


def _is_directory_or_absent(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:  # what keeps us out of it is told by the file itself
        return True


def _same(path: bytes, facts: os.stat_result, file: Tracked) -> bool:
    if stat.S_ISLNK(facts.st_mode):
        return file.mode == LINK and _blob(os.readlink(path), file.object_id) == file.object_id
    if not stat.S_ISREG(facts.st_mode) or file.mode == LINK:
        return False
    content = read_regular(os.fsdecode(path), READ_LIMIT, os.O_NOFOLLOW)
    return _blob(content, file.object_id) == file.object_id


def _blob(content: bytes, like: str) -> str:
    """The object id of a blob, in the hash (SHA-1 or SHA-256) that `like` is of."""
    kind = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return kind(b"blob %d\0" % len(content) + content).hexdigest()
