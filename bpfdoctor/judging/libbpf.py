"""The libbpf that the programs of a project are linked with."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.contract import Context
from bpfdoctor.host.c_source.ask_libbpf import AskLibbpf
from bpfdoctor.host.c_source.libbpf_source import SINCE, LibbpfSource, of_release
from bpfdoctor.host.question import NoAnswer, evidence
from bpfdoctor.host.shell_words import to_paste
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.model import ByHand, Evidence

Release = tuple[int, int]
"""Major and minor version."""

INSTALLED = AskVersion(("pkg-config", "--modversion", "libbpf"))


class LinkedLibbpf:
    """The checkout's own libbpf by its source; else the installed one by its release.

    Without a checkout it is that of the recorded facts, where there are any. `place` is where it
    lies in the checkout, empty for the installed one.
    """

    def __init__(self, context: Context) -> None:
        project, build = context.project, context.project.kind.build
        self.place = build.libbpf if build else ""
        recorded = (each.libbpf for each in project.judged if each.libbpf)
        nowhere = NoAnswer("refused", "there is no checkout")
        self.found: LibbpfSource | NoAnswer = next(recorded, nowhere)
        self.seen: list[Evidence] = []
        if build is None or not project.path:
            return
        if self.place:
            question = AskLibbpf(project.inside(self.place))
            self.found = context.ask(question)
            self.seen.append(evidence(question, self.found))
        else:
            said = context.ask(INSTALLED)
            self.seen.append(evidence(INSTALLED, said))
            self.found = _installed(said)

    def __str__(self) -> str:
        where = f"libbpf in {self.place}" if self.place else "the installed libbpf"
        version = "" if isinstance(self.found, NoAnswer) else self.found.version
        return f"{where} ({version})" if version else where

    def newer(self, unread: Sequence[str], since: Release = (0, 0)) -> ByHand:
        """Which release reads those kinds of BTF, none older, and how the checkout gets it."""
        if any(kind not in SINCE for kind in unread):
            return ByHand("Use the newest libbpf, and build again: the others do not read it.")
        major, minor = max((since, *(SINCE[kind] for kind in unread)))
        if not self.place:
            return ByHand(f"Install libbpf {major}.{minor} or newer, and build again.")
        place = to_paste(self.place)
        return ByHand(
            f"Use libbpf {major}.{minor} or newer. In the checkout: `git -C {place} fetch --tags`, "
            f"`git -C {place} checkout v{major}.{minor}.0` (or a newer tag), and build again from "
            "a clean directory (make clean)."
        )


def _installed(said: Completed | NoAnswer) -> LibbpfSource | NoAnswer:
    if isinstance(said, NoAnswer):
        return said
    known = of_release(said.stdout) if said.ok else None
    return known or NoAnswer("broken", "pkg-config does not tell which libbpf is installed")
