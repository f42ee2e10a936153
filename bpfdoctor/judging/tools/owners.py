"""What brings a file that a build lacks: the capability by the file's name, or the very package.

The table says which capability of `packages.toml` a header, a start-up file, a library or a tool
belongs to on every distribution. Where the package is installed and the file is gone or broken, the
package manager of this machine is asked whose it is, and that package is to be installed again.
"""

from __future__ import annotations

import os
import re

import msgspec

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.owner import AskOwner, Owner
from bpfdoctor.model import Evidence, Install

OWNERS = {
    r"libelf\.h|gelf\.h|nlist\.h|elfutils/.+|libelf\.(so.*|a)": "libelf-headers",
    r"zlib\.h|zconf\.h|libz\.(so.*|a)": "zlib-headers",
    r"(linux|asm|asm-generic)/.+": "linux-headers",
    r"argp\.h|libargp\.(so.*|a)": "argp",
    r"as|ld|ar|objcopy|strip|readelf": "binutils",
    r"cc1|collect2|libgcc.*|crt(begin|end)\w*\.o": "cc",
    r"[SMgr]?crt[1in]\.o|lib(c|m|pthread|dl|rt)\.(so.*|a)": "libc-headers",
    r"(bits|sys|gnu|net|netinet|arpa|rpc)/.+|(elf|stdio|stdlib|string|errno|unistd|features"
    r"|stdc-predef|fcntl|ctype|limits|inttypes|endian|byteswap|libgen|time|assert|getopt|ftw"
    r"|mntent|malloc|memory|signal|pthread)\.h": "libc-headers",
}
"""Which capability a file belongs to, by its name: the first pattern that fits all of it."""

_MISSING = (
    re.compile(r"error: '?([\w/.+-]+\.h)'?(?:: No such file| file not found)"),
    re.compile(r"(?:cannot find|cannot open|unable to find library) (?:\S*/)?(\w+\.o|-l[\w.+-]+)"),
    re.compile(r"cannot (?:execute|find) '([\w-]+)'"),
    re.compile(r"Executable \"([\w-]+)\" doesn't exist"),
    re.compile(r"loading shared libraries: (lib[\w.+-]+): cannot open"),
)
"""What gcc, clang, their linkers and the loader of programs say of a file that is not there."""

_BROKEN = (
    re.compile(r"^(/usr/(?!local/)[^\s:]+\.h):\d+(?::\d+)?: (?:fatal )?error", re.MULTILINE),
    re.compile(
        r"(?:^|[\s:])(/(?:usr/)?lib[^\s:]*\.(?:so|a|o)[\d.]*):(?:\d+:)? ?"
        r"(?:file (?:format )?not recognized|error adding symbols|syntax error|file too short)"
    ),
)
"""What they say of a file of the system that is there and no good."""


class LostFile(msgspec.Struct, frozen=True):
    """A file that a tool did without: its name (`elf.h`, `as`), and what brings it.

    `package` is the installed one that it belongs to; empty where none is known to have it.
    """

    name: str
    fix: Install
    package: str = ""
    seen: tuple[Evidence, ...] = ()


def lost_in(host: Host, log: str, otherwise: str = "") -> LostFile | None:
    """The file that a log says is missing or broken; None where it names none.

    `otherwise` is the capability of a file that the table does not know; without it, such a file
    is none.
    """
    broken, missing = _first(_BROKEN, log), _library(_first(_MISSING, log))
    name = missing or broken
    capability = owner_of(name.rpartition("/include/")[2] or name) or otherwise
    if not name or not capability:
        return None
    question = AskOwner(_places(name))
    answer = host.ask(question)
    fix = Install((capability,))
    if not isinstance(answer, Owner) or (answer.there and name == missing):
        return LostFile(name, fix)
    again = Install((), (answer.package,), text=f"{answer.path} belongs to {answer.package}")
    return LostFile(name, again, answer.package, (evidence(question, answer),))


def owner_of(name: str) -> str:
    """The capability that a file belongs to; empty where the table does not know it."""
    base = name if name.endswith(".h") else name.rpartition("/")[2]
    return next((each for names, each in OWNERS.items() if re.fullmatch(names, base)), "")


def _first(patterns: tuple[re.Pattern[str], ...], log: str) -> str:
    return next((found[1] for each in patterns if (found := each.search(log))), "")


def _library(name: str) -> str:
    """The file behind `-lelf`."""
    return f"lib{name[2:]}.so" if name.startswith("-l") else name


def _places(name: str) -> tuple[str, ...]:
    """Where a file of that name lies on the distributions that there are."""
    if name.startswith("/"):
        return (os.path.normpath(name),)
    if name.endswith(".h"):
        return (f"/usr/include/{name}", f"/usr/include/*-linux-*/{name}")
    if re.search(r"\.(o|a|so)\b", name):
        return (*(f"/usr/{place}/{name}" for place in ("lib", "lib64")), f"/usr/lib/*/{name}")
    return (f"/usr/bin/{name}",)
