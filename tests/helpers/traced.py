"""What a command opens, reads by link and executes below a tree, and as whom: by strace -f."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

OPENING = ("open", "openat", "openat2", "readlink", "readlinkat", "execve", "execveat", "creat")
STARTING = ("clone", "clone3", "fork", "vfork")
BECOMING = ("setfsuid", "setuid", "setreuid", "setresuid")

_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\(")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_UNFINISHED = " <unfinished ...>"
_ASKED = re.compile(r'\((?:[\w-]+<([^>]*)>, )?"([^"]*)"')
_OPENED = re.compile(r"= \d+<(/[^>]*)>$")
_CHILD = re.compile(r"= (\d+)(?:<[^>]*>)?$")
_DONE = re.compile(r"= 0$")


class Opening(NamedTuple):
    """One system call on a path: the uid for files of its thread, and the call as it is shown."""

    uid: int
    call: str


def openings(
    argv: Sequence[str | Path], tree: Path, log: Path, cwd: Path, environ: Mapping[str, str]
) -> tuple[list[Opening], subprocess.CompletedProcess[str]]:
    """Run a command under strace: whatever it opens, reads or executes below `tree`."""
    strace = shutil.which("strace")
    assert strace, "strace is not installed"
    calls = ",".join((*OPENING, *STARTING, *BECOMING))
    # -y shows the path behind each descriptor, the current directory's too
    traced = [strace, "-f", "-y", "-s", "4096", "-o", log, "-e", f"trace={calls}", *argv]
    ended = subprocess.run(
        traced, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=240
    )
    lines = log.read_text(errors="replace").splitlines()
    return [each for each in _openings(lines) if _below(each.call, str(tree))], ended


def _below(call: str, tree: str) -> bool:
    """Whether what was asked for, or what was opened, lies in `tree`."""
    asked, opened = _ASKED.search(call), _OPENED.search(call)
    paths = [os.path.join(asked[1] or "", asked[2])] if asked else []
    paths += [opened[1]] if opened else []
    return any(f"{os.path.normpath(path)}/".startswith(f"{tree}/") for path in paths)


def _openings(lines: Sequence[str]) -> Iterator[Opening]:
    parted = [match.groups() for match in map(_LINE.match, lines) if match]
    threads = _Threads(parted)
    for thread, text in parted:
        uid, call = threads.step(thread, text)
        name = _CALL.match(call)
        if name and name[1] in OPENING and not text.endswith(_UNFINISHED):
            yield Opening(uid, call)


class _Threads:
    """Follows the file system uid of every thread from the first, which is root's."""

    def __init__(self, lines: Sequence[tuple[str, ...]]) -> None:
        self.parents = dict(_started(lines))
        self.uids: dict[str, tuple[int, int]] = {}
        """By thread: the effective uid, and that for files."""
        self.at_start: dict[str, tuple[int, int]] = {}
        self.begun: dict[str, str] = {}

    def step(self, thread: str, text: str) -> tuple[int, str]:
        """The uid with which a call was made, and the call in one line."""
        if thread not in self.uids:
            self.uids[thread] = self.at_start.get(self.parents.get(thread, ""), (0, 0))
        effective, for_files = self.uids[thread]
        if text.startswith(tuple(f"{name}(" for name in STARTING)):
            self.at_start[thread] = effective, for_files
        call = self._whole(thread, text)
        self._become(thread, call)
        return (effective if call.startswith("exec") else for_files), call

    def _whole(self, thread: str, text: str) -> str:
        if text.endswith(_UNFINISHED):
            self.begun[thread] = text.removesuffix(_UNFINISHED)
            return ""
        resumed = _RESUMED.match(text)
        return self.begun.pop(thread, "") + text[resumed.end() :] if resumed else text

    def _become(self, thread: str, call: str) -> None:
        effective, _ = self.uids[thread]
        name, _, words = call.partition("(")
        if name == "setfsuid" and not words.startswith("-1"):
            self.uids[thread] = effective, int(words.partition(")")[0])
        elif name in BECOMING and name != "setfsuid" and _DONE.search(call):
            given = words.partition(")")[0].split(", ")
            uid = int(given[1 if len(given) > 1 else 0])
            self.uids[thread] = (uid, uid) if uid >= 0 else self.uids[thread]
        elif name.startswith("exec") and _DONE.search(call):
            self.uids[thread] = effective, effective


def _started(lines: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Each thread or process that was started, and the thread that has started it."""
    for thread, text in lines:
        resumed, call = _RESUMED.match(text), _CALL.match(text)
        name = resumed or call
        child = _CHILD.search(text)
        if name and name[1] in STARTING and child:
            yield child[1], thread
