"""Reports made by hand, and the comparison with what they were written as before."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.model import (
    ByHand,
    Evidence,
    Fix,
    HostFacts,
    Install,
    ProgramResult,
    ProjectFacts,
    Proof,
    Readiness,
    Report,
    Reported,
    Run,
    Selection,
    Stage,
    StageResult,
    Status,
    Target,
    Tool,
    Verdict,
    key_of,
)

HERE = "compiled from its source"
OTHERS = "of commit 80334a2, not of this tree"
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a golden file; BPFDOCTOR_GOLDEN=write writes it anew, to be read in the diff."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if os.environ.get("BPFDOCTOR_GOLDEN") == "write":
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


def found(
    check: str,
    status: Status,
    summary: str,
    *,
    about: str = "",
    needed: bool = True,
    title: str = "",
    seen: tuple[Evidence, ...] = (),
    fixes: tuple[Fix, ...] = (),
    by: tuple[str, ...] = (),
) -> Reported:
    """A finding as a report carries it."""
    key = key_of(check, about)
    return Reported(check, about, key, title or check, status, needed, summary, seen, fixes, by)


def program(
    name: str,
    selected: bool,
    origin: str = "",
    **stages: tuple[Readiness, Proof, tuple[str, ...]],
) -> ProgramResult:
    """A program, stage by stage; a stage that is not given is as the one before it."""
    results: dict[Stage, StageResult] = {}
    for stage in Stage:
        given = stages.get(stage.value)
        results[stage] = StageResult(*given) if given else list(results.values())[-1]
    return ProgramResult(name, selected, results, origin=origin)


@pytest.fixture
def ready() -> Report:
    """Everything works and was seen to."""
    seen = (Readiness.READY, Proof.OBSERVED, ())
    trace = Evidence(
        "instances/bpfdoctor/trace",
        " minimal-4242 [001] d..21 77.1: bpf_trace_printk: BPF triggered from PID 4242.",
    )
    return Report(
        tool=Tool("bpfdoctor", "0.1.0"),
        started="2026-03-01T12:00:00Z",
        seconds=31.5,
        verdict=Verdict(0, Readiness.READY, "Ready: minimal, proven by running."),
        project=ProjectFacts("libbpf-bootstrap", "examples/c", "/home/ann/libbpf-bootstrap"),
        host=HostFacts("6.1.0-18-amd64", "x86_64", "Debian GNU/Linux 12", privileged=True),
        findings=(
            found("kernel.btf", Status.PASS, "5.2 MB, 126,610 types"),
            found("smoke.program", Status.PASS, "fired", about="minimal", seen=(trace,)),
            found("toolchain.clang", Status.PASS, "clang 14.0.6 (/usr/bin/clang)"),
        ),
        programs=(
            program(
                "minimal",
                True,
                "from the object built",
                build=seen,
                load=seen,
                attach=seen,
                fires=seen,
            ),
        ),
        selection=Selection((Target("minimal"),)),
        smoke="ran",
    )


@pytest.fixture
def broken() -> Report:
    """One of everything that a report can hold: every status, every kind of fix."""
    predicted = (Readiness.READY, Proof.PREDICTED, ())
    no_build = (Readiness.NOT_READY, Proof.PREDICTED, ("libraries.libelf",))
    untold = (Readiness.UNKNOWN, Proof.NONE, ("kernel.btf",))
    unasked = (Readiness.UNKNOWN, Proof.NONE, ())
    no_kprobe = (Readiness.NOT_READY, Proof.PREDICTED, ("kernel.kprobes",))
    return Report(
        tool=Tool("bpfdoctor", "0.1.0"),
        started="2026-03-01T12:00:00Z",
        seconds=2.25,
        verdict=Verdict(
            1, Readiness.NOT_READY, "Not ready: libraries.libelf: libelf.h is not found."
        ),
        project=ProjectFacts("libbpf-bootstrap", "examples/c", "/home/ann/libbpf-bootstrap"),
        host=HostFacts("6.1.0-18-amd64", "x86_64", "Debian GNU/Linux 12", privileged=False),
        findings=_broken_findings(),
        programs=(
            msgspec.structs.replace(
                program("bootstrap", True, HERE, build=no_build, load=untold), not_fired=True
            ),
            program("kprobe", False, HERE, build=no_build, load=predicted, attach=no_kprobe),
            program("ksyscall", False, OTHERS, build=no_build, load=predicted, attach=no_kprobe),
            program("minimal_ns", True, build=no_build, load=predicted),
            program("profile", False, build=no_build, load=unasked),
        ),
        selection=Selection(
            (Target("minimal_ns", Stage.BUILD), Target("bootstrap")),
            note="minimal_ns in place of minimal: this is a PID namespace",
        ),
        smoke="left-out",
    )


def _broken_findings() -> tuple[Reported, ...]:
    log = "\n".join(f"line {number} of a long answer" for number in range(1, 41))
    vmlinux_h = Run(
        ("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"),
        privileged=True,
        text="make the header from the running kernel",
        cwd="/home/ann/libbpf-bootstrap/vmlinux.h",
        output="include/my header.h",
    )
    return (
        found(
            "checkout.submodules",
            Status.WARN,
            "at another commit than the superproject pins",
            about="bpftool/libbpf",
            title="submodules",
            fixes=(
                Run(
                    ("git", "submodule", "update", "--init", "--recursive", "--", "bpftool"),
                    cwd="/home/ann/libbpf-bootstrap",
                ),
            ),
        ),
        found("checkout.vmlinux-h", Status.FAIL, "empty", title="vmlinux.h", fixes=(vmlinux_h,)),
        found(
            "kernel.btf",
            Status.UNKNOWN,
            "EACCES",
            title="kernel BTF",
            seen=(Evidence("/sys/kernel/btf/vmlinux", "EACCES: Permission denied"),),
            fixes=(Run(("/usr/bin/head", "-c4", "/sys/kernel/btf/vmlinux"), privileged=True),),
        ),
        found("kernel.kprobes", Status.FAIL, "CONFIG_KPROBES is not set", needed=False),
        found("kernel.limits", Status.WARN, "a limit that nothing minds", needed=False),
        found(
            "libraries.libelf",
            Status.FAIL,
            "libelf.h is not found",
            title="libelf: header and library",
            seen=(
                Evidence("$ cc -x c - -lelf", "\x1b[1mfatal error\x1b[0m: libelf.h: No such file"),
                Evidence("$ make minimal", log, truncated=True),
            ),
            fixes=(
                Install(
                    ("libelf-headers",), ("libelf-dev",), ("apt-get", "install", "-y", "libelf-dev")
                ),
            ),
        ),
        found(
            "libraries.zlib",
            Status.FAIL,
            "zlib.h is not found",
            title="zlib: header and library",
            fixes=(
                Install(("zlib-headers",)),
                ByHand("Ask whoever runs this container for zlib's headers:\n  nix-shell -p zlib"),
            ),
        ),
        found("plugin.crash", Status.ERROR, "the check itself broke", title="a third party's"),
        found(
            "smoke.program",
            Status.SKIP,
            "not checked: depends on libraries.libelf",
            about="bootstrap",
            by=("libraries.libelf",),
        ),
    )
