"""The tools that treat a compiled object, judged by treating one: llvm-strip, bpftool and ar."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.choice import Chosen, choose
from bpfdoctor.host.tools.clang import compile_bpf
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.compile import OBJECT, Compile, TreatObject
from bpfdoctor.host.tools.compilers import C_CODE, C_FLAGS
from bpfdoctor.host.tools.judged import Argv, Judged, absent, looked_at, misbehaving
from bpfdoctor.host.tools.version import AskVersion, version_in

_STRIPS = (
    "llvm-strip-[0-9]*",
    "/usr/lib/llvm-*/bin/llvm-strip",
    "/usr/lib64/llvm*/bin/llvm-strip",
    "/usr/lib/llvm*/bin/llvm-strip",
    "/usr/lib/llvm/*/bin/llvm-strip",
)
_BPFTOOLS = (
    "bpftool",
    "/usr/sbin/bpftool",
    "/usr/local/sbin/bpftool",
    "/usr/lib/linux-tools/*/bpftool",
    "/usr/lib/linux-tools-*/bpftool",
)
_ARCHIVERS = (("llvm-ar",), ("llvm-ar-[0-9]*",))


def chosen_archivers(host: Host, tools: Mapping[str, str], cc: Argv) -> tuple[Chosen, ...]:
    """Every archiver that a makefile with these tools calls: AR, and HOSTAR for the programs that
    the build itself runs. Fit is one that archives an object which `cc` compiled."""

    def judge(argv: Argv) -> Judged:
        pack = TreatObject(Compile(cc, C_CODE, C_FLAGS), (*argv, "rcs", f"{OBJECT}.a", OBJECT))
        return absent(host, argv) or _treats(host, argv, pack)

    named = (name for name in ("AR", "HOSTAR") if name in tools)
    return tuple(choose(host, name, tools[name], judge, _ARCHIVERS) for name in named)


def chosen_llvm_strip(host: Host, default: str, clang: Argv) -> Chosen:
    """The llvm-strip that is used: one that strips an object which `clang` compiled."""

    def judge(argv: Argv) -> Judged:
        missing = absent(host, argv)
        return missing or _treats(
            host, argv, TreatObject(compile_bpf(clang), (*argv, "-g", OBJECT))
        )

    return choose(host, "LLVM_STRIP", default, judge, (_STRIPS,))


def chosen_bpftool(
    host: Host, default: str, clang: Argv, checkout: str = "", *, may_build: bool = True
) -> Chosen:
    """The bpftool that is used: one that is fit."""

    def judge(argv: Argv) -> Judged:
        return judge_bpftool(host, argv, clang, checkout, may_build=may_build)

    return choose(host, "BPFTOOL", default, judge, (_BPFTOOLS,))


def judge_bpftool(  # noqa: PLR0913  (what is tried, on what, and whether it may be)
    host: Host, argv: Argv, clang: Argv, checkout: str, *, may_build: bool, links: bool = False
) -> Judged:
    """One bpftool: fit where it makes a skeleton of an object which `clang` compiled, and first
    `links` that (`gen object`, which those before Linux 5.13 do not know).

    One that lies in `checkout` runs as the owner of that tree, if we are root and he is not; and
    only where it `may_build`: else it is looked at, and stays unproven.
    """
    own = checkout if checkout and argv[0].startswith(f"{checkout}/") else ""
    missing = absent(host, argv)
    if own and missing is None and not may_build:
        return looked_at(host, argv)
    judged = missing or _skeleton_of(host, argv, clang, own)
    if not links or not judged.fit:
        return judged
    link = (*argv, "gen", "object", f"{OBJECT}.linked", OBJECT)
    linked = _treats(host, argv, TreatObject(compile_bpf(clang), link, own))
    return judged if linked.fit else linked


def _skeleton_of(host: Host, argv: Argv, clang: Argv, owner_of: str) -> Judged:
    asked = AskVersion((*argv, "version"), owner_of)
    says = host.ask(asked)
    bad = misbehaving(argv, asked, says)
    if bad is not None or not isinstance(says, Completed):
        wrapper = isinstance(says, Completed) and "not found for kernel" in says.output
        trouble = f"{argv[0]} is only a wrapper, without a bpftool for this kernel behind it"
        return _with_trouble(bad or Judged(argv, "unclear"), trouble if wrapper else "")
    generate = (*argv, "gen", "skeleton", OBJECT)
    judged = _treats(host, argv, TreatObject(compile_bpf(clang), generate, owner_of), "_SKEL_H")
    version = version_in(says.output, "bpftool")
    return Judged(
        argv, judged.state, version, judged.trouble, (evidence(asked, says), *judged.seen)
    )


def _with_trouble(judged: Judged, trouble: str) -> Judged:
    return Judged(judged.argv, judged.state, "", trouble or judged.trouble, judged.seen)


def _treats(host: Host, argv: Argv, question: TreatObject, expected: str = "") -> Judged:
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or Judged(argv, "unclear")
    seen = (evidence(question, answer),)
    if expected not in answer.stdout:
        return Judged(argv, "unfit", "", f"{argv[0]} exits 0 and makes no skeleton", seen)
    return Judged(argv, "fit", "", "", seen)
