"""The words of a compile that a project may choose, by a list: no other reaches the compiler.

Of clang's options some run code (`-fplugin=`, `-fpass-plugin=`, `-Xclang -load`), some read others
from a file (`@file`, `--config`), some write files (`-MF`, `-save-temps`). A project that nobody
vouches for names none of them.
"""

from __future__ import annotations

import re
from typing import Protocol

from bpfdoctor.host.architecture import machine_architecture, target_architecture
from bpfdoctor.host.question import NoAnswer

_FLAG = re.compile(r"-mcpu=v[1-4]|-O[123s]|-std=\w+|-Wno-[\w=+-]+|-fno-stack-protector")
_DEFINE = re.compile(r"[A-Za-z_]\w*(?:=(?:[\w.+-]*|\"[^\"\\\n\0]*\"))?", re.ASCII)


class Source(Protocol):
    """What is asked of a compile: see `CompileSource`."""

    @property
    def file(self) -> str: ...
    @property
    def compiler(self) -> str: ...
    @property
    def root(self) -> str: ...
    @property
    def include(self) -> tuple[str, ...]: ...
    @property
    def libbpf(self) -> str: ...
    @property
    def define(self) -> tuple[str, ...]: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def host_includes(self) -> bool: ...


class NotMadeError(Exception):
    """There is no object, and nothing to be said of the source: `answer` says why."""

    def __init__(self, answer: NoAnswer) -> None:
        super().__init__(answer.shown())
        self.answer = answer


def refused(sentence: str) -> NotMadeError:
    """The error for what bpfdoctor would not do."""
    return NotMadeError(NoAnswer("refused", sentence))


def refuse_words(source: Source) -> None:
    """Raise NotMadeError for a word that may not be given to a compiler."""
    for path in (source.file, source.root, *source.include, *filter(None, [source.libbpf])):
        if not path.startswith("/") or "\0" in path or "\n" in path:
            raise refused(f"{path!r} is not an absolute path")
    for word in source.define:
        if not _DEFINE.fullmatch(word):
            raise refused(f"{word!r} does not define a name as a number, a word or a string")
    for word in source.flags:
        if not _FLAG.fullmatch(word):
            raise refused(f"{word!r} is none of the flags that are passed on to a compiler")


def our_flags(source: Source) -> tuple[str, ...]:
    """The words by which a BPF program is compiled, but for libbpf and the host's directories."""
    target = target_architecture(machine_architecture())
    ours = ("-g", "-O2", "-target", "bpf", f"-D__TARGET_ARCH_{target}")
    include = (f"-I{each}" for each in source.include)
    return (*ours, *include, *(f"-D{each}" for each in source.define), *source.flags)
