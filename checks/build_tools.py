"""The other programs that a build calls: make, and those that only some projects' builds call."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer, Run
from bpfdoctor.api import blocked, check, evidence, passed, unknown, warned
from bpfdoctor.api import tools

CARGO = "1.75"
"""The oldest cargo that builds blazesym as libbpf-bootstrap pins it."""


@check(
    "toolchain.make",
    title="GNU make",
    applies=lambda project: bool(project.tools),
    excused_by=("toolchain.environment",),
)
def make(context: Context) -> Finding | None:
    """Make is GNU make, and new enough for the project's makefile.

    The makefiles of libbpf projects use functions that only GNU make has. On systems whose make
    is another one, GNU make is called `gmake`. What to do: install GNU make.
    """
    build = context.project.kind.build
    if build is None:
        return None
    chosen = tools.chosen_make(context.host, build.make)
    good = f"GNU make {chosen.version} ({build.make} or newer required)"
    return tools.verdict_on(chosen, good, "make>=4" if chosen.default.state == "old" else "make")


@check(
    "toolchain.llvm-strip",
    title="llvm-strip",
    requires=("toolchain.clang-bpf",),
    applies=lambda project: "LLVM_STRIP" in project.tools,
    excused_by=("toolchain.environment",),
)
def llvm_strip(context: Context) -> Finding:
    """llvm-strip strips a BPF object, where this project's own makefile calls it.

    It takes the useless DWARF out of what clang wrote; GNU strip does not know BPF. What to do:
    install LLVM's tools, or name one in LLVM_STRIP (`llvm-strip-16`).
    """
    clang = tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)
    if not clang.fit:
        return blocked("without clang there is no object to strip", ["toolchain.clang-bpf"])
    chosen = tools.chosen_llvm_strip(context.host, context.project.tools["LLVM_STRIP"], clang.argv)
    return tools.verdict_on(chosen, f"{chosen.used.words} strips a BPF object", "llvm")


@check("toolchain.cargo", title="cargo")
def cargo(context: Context) -> Finding | None:
    """A cargo that the makefile finds is new enough to build what it would build with it.

    libbpf-bootstrap's plain `make` builds `profile`, and with it a Rust library, wherever it
    finds a cargo; before cargo 1.75 that fails, and with it the whole build. A cargo may also be
    rustup's, with no toolchain behind it. Without cargo, `profile` is not built and nothing is
    wrong. What to do: `make CARGO=`, or install a newer cargo.
    """
    build = context.project.kind.build
    if build is None or "CARGO" not in {*build.tools, *build.variables}:
        return None
    setting = context.project.setting("CARGO", "cargo")
    words = tools.setting_words(context.host, setting)
    # none, or one that is computed: make may find no cargo either
    if not words or tools.odd_word(setting, words) or tools.unbuilt_tool(setting, words):
        return None
    question = tools.RunCommand((*words, "--version"), cwd="/")
    answer = context.ask(question)
    if isinstance(answer, NoAnswer) and answer.absent:
        return None
    seen = [evidence(question, answer)]
    without = ByHand(
        "build with `make CARGO=`, which leaves `profile` out; or install a newer cargo"
    )
    bad = tools.misbehaving(words, question, answer)
    if bad is not None or not isinstance(answer, tools.Completed):
        trouble = bad.trouble if bad else answer.shown()
        settle = unknown if bad is not None and bad.state == "unclear" else warned
        return settle(f"{trouble}; plain `make` would call it", seen=seen, fixes=[without])
    version = tools.version_in(answer.stdout, "cargo")
    if not version or tools.older(version, CARGO):
        summary = f"cargo {version or 'of unknown version'}: plain `make` needs {CARGO}"
        return warned(summary, seen=seen, fixes=[without])
    return passed(f"cargo {version} ({CARGO} or newer required)", seen=seen)


@check(
    "checkout.crates",
    title="crates that cargo needs",
    requires=("toolchain.cargo", "checkout.submodules[blazesym]"),
    applies=lambda project: bool(project.path and project.kind.build and project.kind.build.crates),
)
def crates(context: Context) -> Finding | None:
    """The crates that a program's Rust library is made of are in cargo's cache.

    Where some are not, the build fetches them from the network, which bpfdoctor does not ask
    before you do: then only a build can tell. What to do: let cargo fetch them once.
    """
    build = context.project.kind.build
    if build is None:
        return None
    lock = context.project.inside(build.crates)
    question = tools.AskCrates(lock)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    manifest = lock.removesuffix("lock") + "toml"
    fetch = Run(("cargo", "fetch", "--manifest-path", manifest), cwd=context.project.path)
    if isinstance(answer, NoAnswer):
        return unknown(f"{build.crates}: {answer.shown()}", seen=seen, fixes=[fetch])
    if answer.absent:
        lacking = f"{len(answer.absent)} of {answer.named} crates are not in cargo's cache"
        summary = f"{lacking}: the build would ask the network for those that it uses"
        return unknown(summary, seen=seen, fixes=[fetch])
    return passed(f"all {answer.named} crates are in cargo's cache", seen=seen)
