"""bpftool: judged by the skeleton that it makes of an object that clang compiled."""

from __future__ import annotations

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.treat_object import OBJECT, TreatObject
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.clang import compile_bpf
from bpfdoctor.judging.tools.object_tool import treats
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent, looked_at, misbehaving
from bpfdoctor.judging.tools.version import version_in
from bpfdoctor.projects.model import Setting

_BPFTOOLS = (
    "bpftool",
    "/usr/sbin/bpftool",
    "/usr/local/sbin/bpftool",
    "/usr/lib/linux-tools/*/bpftool",
    "/usr/lib/linux-tools-*/bpftool",
)


def chosen_bpftool(
    host: Host, setting: Setting, clang: Argv, checkout: str = "", *, may_build: bool = True
) -> ToolChoice:
    """The bpftool that is used: one that is fit."""

    def judge(argv: Argv) -> ToolVerdict:
        return judge_bpftool(host, argv, clang, checkout, may_build=may_build)

    return choose(host, setting, judge, (_BPFTOOLS,))


def judge_bpftool(  # noqa: PLR0913  (what is tried, on what, and whether it may be)
    host: Host, argv: Argv, clang: Argv, checkout: str, *, may_build: bool, links: bool = False
) -> ToolVerdict:
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
    linked = treats(host, argv, TreatObject(compile_bpf(clang), link, own))
    return judged if linked.fit else linked


def _skeleton_of(host: Host, argv: Argv, clang: Argv, owner_of: str) -> ToolVerdict:
    asked = AskVersion((*argv, "version"), owner_of)
    says = host.ask(asked)
    bad = misbehaving(argv, asked, says)
    if bad is not None or not isinstance(says, Completed):
        wrapper = isinstance(says, Completed) and "not found for kernel" in says.output
        trouble = f"{argv[0]} is only a wrapper, without a bpftool for this kernel behind it"
        return _with_trouble(bad or ToolVerdict(argv, "unclear"), trouble if wrapper else "")
    generate = (*argv, "gen", "skeleton", OBJECT)
    judged = treats(host, argv, TreatObject(compile_bpf(clang), generate, owner_of), "_SKEL_H")
    version = version_in(says.output, "bpftool")
    return ToolVerdict(
        argv, judged.state, version, judged.trouble, (evidence(asked, says), *judged.seen)
    )


def _with_trouble(judged: ToolVerdict, trouble: str) -> ToolVerdict:
    return ToolVerdict(judged.argv, judged.state, "", trouble or judged.trouble, judged.seen)
