"""clang as a libbpf build uses it: judged by the BPF that it emits."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.question import Host, NoAnswer, evidence
from bpfdoctor.host.tools.compile import Compile, Compiled
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict
from bpfdoctor.judging.tools.version import older, says_version
from bpfdoctor.model import Evidence
from bpfdoctor.projects.model import Setting

NO_TOOLS: Mapping[str, Setting] = {}

OLDEST_CLANG = "10"
"""What libbpf projects ask for at least; BTF itself comes from 8 on."""

BPF_FLAGS = ("-g", "-O2", "-target", "bpf")

BPF_CODE = """\
struct task { int pid; int tgid; } __attribute__((preserve_access_index));
__attribute__((section("tp/syscalls/sys_enter_write"), used)) int probe(struct task *task)
{
	return task->tgid;
}
char LICENSE[] __attribute__((section("license"), used)) = "Dual BSD/GPL";
"""
"""A BPF program that reads a field of a relocatable structure; it includes nothing."""


_CLANGS = (
    "clang-[0-9]*",
    "/usr/lib/llvm-*/bin/clang",
    "/usr/lib64/llvm*/bin/clang",
    "/usr/lib/llvm*/bin/clang",
    "/usr/lib/llvm/*/bin/clang",
    "/opt/rh/llvm-toolset-*/root/usr/bin/clang",
)


def compile_bpf(clang: Argv, without: tuple[str, ...] = ()) -> Compile:
    """The question whether a clang emits BPF, BTF and CO-RE relocations: one compile for all.

    `without` are variables of the environment that it does not get.
    """
    return Compile(clang, BPF_CODE, BPF_FLAGS, without=without)


def emits_bpf(answer: Compiled | NoAnswer) -> bool:
    """The object is BPF machine code, and has BTF."""
    if isinstance(answer, NoAnswer) or not answer.ok or answer.object is None:
        return False
    return answer.object.machine == "EM_BPF" and answer.object.btf


def chosen_clang(
    host: Host, minimum: str = OLDEST_CLANG, tools: Mapping[str, Setting] = NO_TOOLS
) -> ToolChoice:
    """The clang that is used: at least `minimum`, and 10, and one that emits BPF.

    `tools` are those of the makefile; without one it is `$CLANG`, or `clang`.
    """
    floor = OLDEST_CLANG if older(minimum, OLDEST_CLANG) else minimum
    setting = tools.get("CLANG") or Setting("CLANG", "clang")
    return choose(
        host, setting, lambda argv: judge_clang(host, argv, floor), (_CLANGS,), usual="clang"
    )


def judge_clang(host: Host, argv: Argv, minimum: str) -> ToolVerdict:
    """One clang. A version that cannot be read is no fault where BPF comes out."""
    says = says_version(host, argv, "clang")
    if isinstance(says, ToolVerdict):
        return says
    version, seen = says
    if version and older(version, minimum):
        trouble = f"{argv[0]} is version {version}; {minimum} is the oldest that will do"
        return ToolVerdict(argv, "old", version, trouble, (seen,))
    return _judge_emission(host, argv, version, seen)


def _judge_emission(host: Host, argv: Argv, version: str, says: Evidence) -> ToolVerdict:
    question = compile_bpf(argv)
    answer = host.ask(question)
    seen = (says, evidence(question, answer))
    if emits_bpf(answer):
        return ToolVerdict(argv, "fit", version, "", seen)
    if isinstance(answer, NoAnswer):
        trouble = f"{argv[0]} did not compile: {answer.shown()}"
        return ToolVerdict(argv, "unclear", version, trouble, seen)
    if not version:
        trouble = f"{argv[0]} does not say that it is clang, and does not emit BPF"
        return ToolVerdict(argv, "unfit", "", trouble, seen)
    return ToolVerdict(argv, "no-bpf", version, f"{argv[0]} {version} does not emit BPF", seen)
