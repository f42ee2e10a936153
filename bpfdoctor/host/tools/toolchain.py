"""The tools of a libbpf build, each judged by having it do what the build wants of it."""

from __future__ import annotations

from collections.abc import Mapping

from bpfdoctor.host.question import Host, NoAnswer, evidence
from bpfdoctor.host.tools.choice import (
    Argv,
    AskVersion,
    Chosen,
    Judged,
    absent,
    choose,
    looked_at,
    misbehaving,
    older,
    version_in,
)
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.compile import OBJECT, Compile, Compiled, TreatObject
from bpfdoctor.model import Evidence

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

C_CODE = """\
#include <stdio.h>
#include <stdlib.h>
int main(void)
{
	return puts("ok") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
"""

COMPILERS = ("CC", "HOSTCC")
"""The make variables that name a C compiler."""

C_FLAGS = ("-g", "-Wall")
"""What the makefiles of libbpf-bootstrap give the C compiler."""

_CLANGS = (
    "clang-[0-9]*",
    "/usr/lib/llvm-*/bin/clang",
    "/usr/lib64/llvm*/bin/clang",
    "/usr/lib/llvm*/bin/clang",
    "/usr/lib/llvm/*/bin/clang",
    "/opt/rh/llvm-toolset-*/root/usr/bin/clang",
)
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


def compile_bpf(clang: Argv) -> Compile:
    """The question whether a clang emits BPF, BTF and CO-RE relocations: one compile for all."""
    return Compile(clang, BPF_CODE, BPF_FLAGS)


def compile_c(cc: Argv) -> Compile:
    """The question whether a C compiler compiles, links and makes what runs."""
    return Compile(cc, C_CODE, C_FLAGS, link=True, run=True)


def emits_bpf(answer: Compiled | NoAnswer) -> bool:
    """The object is BPF machine code, and has BTF."""
    if isinstance(answer, NoAnswer) or not answer.ok or answer.object is None:
        return False
    return answer.object.machine == "EM_BPF" and answer.object.btf


def chosen_clang(host: Host, minimum: str = OLDEST_CLANG) -> Chosen:
    """The clang that is used: at least `minimum`, and 10, and one that emits BPF."""
    floor = OLDEST_CLANG if older(minimum, OLDEST_CLANG) else minimum
    return choose(host, "CLANG", "clang", lambda argv: judge_clang(host, argv, floor), (_CLANGS,))


def judge_clang(host: Host, argv: Argv, minimum: str) -> Judged:
    """One clang. A version that cannot be read is no fault where BPF comes out."""
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = AskVersion((*argv, "--version"))
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or Judged(argv, "unclear")
    version = version_in(answer.output, "clang")
    seen = evidence(question, answer)
    if version and older(version, minimum):
        trouble = f"{argv[0]} is version {version}; {minimum} is the oldest that will do"
        return Judged(argv, "old", version, trouble, (seen,))
    return _judge_emission(host, argv, version, seen)


def _judge_emission(host: Host, argv: Argv, version: str, says: Evidence) -> Judged:
    question = compile_bpf(argv)
    answer = host.ask(question)
    seen = (says, evidence(question, answer))
    if emits_bpf(answer):
        return Judged(argv, "fit", version, "", seen)
    if isinstance(answer, NoAnswer):
        trouble = f"{argv[0]} did not compile: {answer.shown()}"
        return Judged(argv, "unclear", version, trouble, seen)
    if not version:
        trouble = f"{argv[0]} does not say that it is clang, and does not emit BPF"
        return Judged(argv, "unfit", "", trouble, seen)
    return Judged(argv, "no-bpf", version, f"{argv[0]} {version} does not emit BPF", seen)


def chosen_compilers(host: Host, tools: Mapping[str, str]) -> tuple[Chosen, ...]:
    """Every C compiler that a makefile with these tools calls: CC, and HOSTCC, which makes the
    programs that the build itself runs. Where HOSTCC is not fit, a CC that is takes its place."""
    chosen: list[Chosen] = []
    for variable in (name for name in COMPILERS if name in tools):
        rather = next((each.used for each in chosen if each.fit), None)
        chosen.append(_chosen_compiler(host, variable, tools[variable], rather))
    return tuple(chosen)


def _chosen_compiler(host: Host, variable: str, default: str, rather: Judged | None) -> Chosen:
    def judge(argv: Argv) -> Judged:
        return judge_cc(host, argv)

    others = (("gcc",), ("gcc-[0-9]*",), ("clang",), ("clang-[0-9]*",))
    return choose(host, variable, default, judge, others, rather=rather)


def judge_cc(host: Host, argv: Argv) -> Judged:
    """One C compiler: fit when it compiles and links; whether the result runs is told apart."""
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = compile_c(argv)
    answer = host.ask(question)
    seen = (evidence(question, answer),)
    if isinstance(answer, NoAnswer):
        return misbehaving(argv, question, answer) or Judged(argv, "unclear")
    if answer.ok:
        return Judged(argv, "fit", "", "", seen)
    return Judged(argv, "unfit", "", f"{argv[0]} does not {answer.step} a C program", seen)


def chosen_make(host: Host, minimum: str) -> Chosen:
    """The GNU make that is used; `gmake` is its name where make is another one."""
    return choose(
        host, "MAKE", "make", lambda argv: _judge_make(host, argv, minimum), (("gmake",),)
    )


def _judge_make(host: Host, argv: Argv, minimum: str) -> Judged:
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = AskVersion((*argv, "--version"))
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or Judged(argv, "unclear")
    seen = (evidence(question, answer),)
    version = version_in(answer.output, "GNU Make")
    if not version:
        return Judged(argv, "unfit", "", f"{argv[0]} does not say that it is GNU make", seen)
    if older(version, minimum):
        trouble = f"{argv[0]} is GNU make {version}; the makefile needs {minimum}"
        return Judged(argv, "old", version, trouble, seen)
    return Judged(argv, "fit", version, "", seen)


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
    """The bpftool that is used: one that makes a skeleton of an object which `clang` compiled.

    One that lies in `checkout` runs as the owner of that tree, if we are root and he is not; and
    only where it `may_build`: else it is looked at, and stays unproven.
    """

    def judge(argv: Argv) -> Judged:
        own = checkout if checkout and argv[0].startswith(f"{checkout}/") else ""
        missing = absent(host, argv)
        if own and missing is None and not may_build:
            return looked_at(host, argv)
        return missing or _judge_bpftool(host, argv, clang, own)

    return choose(host, "BPFTOOL", default, judge, (_BPFTOOLS,))


def _judge_bpftool(host: Host, argv: Argv, clang: Argv, owner_of: str) -> Judged:
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
