"""The words of a compile that a project may choose, by a list: no other reaches the compiler.

Of clang's options some run code (`-fplugin=`, `-fpass-plugin=`, `-Xclang -load`), some read others
from a file (`@file`, `--config`), some write files (`-MF`, `-save-temps`). A project that nobody
vouches for names none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bpfdoctor.host.architecture import machine_architecture, target_architecture

_FLAG = re.compile(r"-mcpu=v[1-4]|-O[123s]|-std=\w+|-Wno-[\w=+-]+|-fno-stack-protector")
_DEFINE = re.compile(r"[A-Za-z_]\w*(?:=(?:[\w.+-]*|\"[^\"\\\n\0]*\"))?", re.ASCII)


def refused_words(
    paths: Iterable[str], define: Iterable[str], flags: Iterable[str]
) -> Iterator[str]:
    """Why a word may not be given to a compiler, in a sentence for each such word."""
    for path in paths:
        if not path.startswith("/") or "\0" in path or "\n" in path:
            yield f"{path!r} is not an absolute path"
    for word in define:
        if not _DEFINE.fullmatch(word):
            yield f"{word!r} does not define a name as a number, a word or a string"
    for word in flags:
        if not _FLAG.fullmatch(word):
            yield f"{word!r} is none of the flags that are passed on to a compiler"


def our_flags(
    include: Sequence[str], define: Sequence[str], flags: Sequence[str]
) -> tuple[str, ...]:
    """The words by which a BPF program is compiled, but for libbpf and the host's directories."""
    target = target_architecture(machine_architecture())
    ours = ("-g", "-O2", "-target", "bpf", f"-D__TARGET_ARCH_{target}")
    return (*ours, *(f"-I{each}" for each in include), *(f"-D{each}" for each in define), *flags)
