"""The flags that libbpf's, bpftool's and a project's own makefile take from the environment."""

from __future__ import annotations

import re
import shlex

import msgspec

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.host.tools.commands import AskEnvironment
from bpfdoctor.judging.tools.choice import tool_words

FLAGS = ("CFLAGS", "CPPFLAGS", "EXTRA_CFLAGS", "LDFLAGS", "EXTRA_LDFLAGS")
"""Variables of the environment whose words may become flags of a compiler or of the linker."""

SUBMODULE_MAKEFILES = ("libbpf/src/Makefile", "bpftool/src/Makefile")
"""The makefiles of submodules that a project's makefile calls."""

_OF_LIBBPF = (
    *("-D_LARGEFILE64_SOURCE", "-D_FILE_OFFSET_BITS=64"),
    *("-Wno-unknown-warning-option", "-Wno-format-overflow"),
)
"""What libbpf's makefile adds to CFLAGS."""

Names = tuple[str, ...]


class BuildFlags(msgspec.Struct, frozen=True):
    """Three makefiles as text, empty where there is none, and the environment that make gets.

    `links` are the variables with which the project's makefile links its programs. A method leaves
    out the variables in `without`.
    """

    project: str
    libbpf: str
    bpftool: str
    links: Names
    values: dict[str, str]

    @property
    def taken(self) -> Names:
        """The variables that are set and that a makefile uses; not what the project's sets."""
        texts = (self.project, self.libbpf, self.bpftool)
        used = [name for name in FLAGS if any(_uses(text, name) for text in texts)]
        return tuple(name for name in used if self.values.get(name) and not self._sets(name))

    def of_libbpf(self, without: Names) -> Names:
        """What the compiler gets for libbpf's own sources."""
        cflags = _assigned(self.libbpf, "CFLAGS")
        if "CFLAGS" in self.values and self._sets("CFLAGS"):
            cflags = _assigned(self.project, "CFLAGS")
        elif "CFLAGS" in self.values and "CFLAGS" not in without:
            cflags = self._words(self.libbpf, ("CFLAGS",), without)
        more = self._words(self.libbpf, ("EXTRA_CFLAGS", "CPPFLAGS"), without)
        return (*cflags, *_OF_LIBBPF, *more)

    def of_bpftool(self, without: Names) -> Names:
        """What the compiler gets for the bpftool that the build makes, also when it links it."""
        return ("-O2", *self._words(self.bpftool, ("CFLAGS", "EXTRA_CFLAGS"), without))

    def linking_bpftool(self, without: Names) -> Names:
        """What the linker gets for that bpftool."""
        return self._words(self.bpftool, ("LDFLAGS", "EXTRA_LDFLAGS"), without)

    def linking(self, without: Names) -> Names:
        """What the linker gets for a program of the project."""
        return self._words(self.project, self.links, without)

    def _sets(self, name: str) -> bool:
        """The project's makefile gives it a value, whatever the environment says."""
        return bool(_assignment(name, ":{0,3}").search(self.project))

    def _words(self, text: str, names: Names, without: Names) -> Names:
        asked = [name for name in names if name not in without and not self._sets(name)]
        values = [self.values.get(name, "") for name in asked if _uses(text, name)]
        return tuple(word for value in values for word in _split(value))


def build_flags(host: Host, makefiles: tuple[str, str, str], links: Names) -> BuildFlags | None:
    """The flags of a build; None where the environment is not known.

    `makefiles` are the paths of the project's, libbpf's and bpftool's, empty where there is none.
    """
    values = host.ask(AskEnvironment(FLAGS))
    if isinstance(values, NoAnswer):
        return None
    project, libbpf, bpftool = (_text(host, place) for place in makefiles)
    return BuildFlags(project, libbpf, bpftool, links, values.values)


def link_words(host: Host, links: Names) -> Names:
    """The words that the variables `links` of the environment give the linker."""
    return tuple(word for name in links for word in tool_words(host, name, "") if word)


def _text(host: Host, place: str) -> str:
    answer = host.ask(ReadFile(place)) if place else None
    return answer.text if isinstance(answer, FileText) else ""


def _uses(text: str, name: str) -> bool:
    return f"$({name})" in text or f"${{{name}}}" in text


def _assignment(name: str, operator: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:override +|export +)*{name}[ \t]*{operator}=(.*)$", re.MULTILINE)


def _assigned(text: str, name: str) -> Names:
    """The words of a plain assignment; none where there is no such or it refers to others."""
    found = _assignment(name, "[:?]{0,3}").search(text)
    return _split(found[1]) if found and "$" not in found[1] else ()


def _split(value: str) -> Names:
    try:
        return tuple(shlex.split(value))
    except ValueError:  # an open quote: no shell would read it
        return ()
