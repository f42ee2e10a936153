"""Which tool a makefile would run, and which one is used where that is unfit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.judging.tools.choice import ToolChoice, choose, tool_words
from bpfdoctor.judging.tools.finding import LEAD_THERE, verdict_on
from bpfdoctor.judging.tools.make import chosen_make
from bpfdoctor.judging.tools.tool_verdict import Argv, State, ToolVerdict, absent
from bpfdoctor.model import ByHand, Evidence, Status
from bpfdoctor.projects.model import Setting


def host(**environment: str) -> LiveHost:
    return LiveHost(Machine(environment))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ("cc",)),
        ({"CROSS_COMPILE": "foo-"}, ("foo-cc",)),
        ({"CROSS_COMPILE": ""}, ("cc",)),
        ({"CROSS_COMPILE": "foo-", "CC": "ccache gcc"}, ("ccache", "gcc")),
        ({"CC": ""}, ()),
    ],
)
def test_a_prefix_of_the_environment_counts_where_the_variable_is_not_set(
    environment: dict[str, str], words: Argv
) -> None:
    assert tool_words(host(**environment), "CC", "$(CROSS_COMPILE)cc") == words


def chosen(machine: LiveHost, setting: Setting, usual: str = "") -> ToolChoice:
    """The choice where every tool that PATH leads to is fit, and gcc may stand in."""

    def judge(argv: Argv) -> ToolVerdict:
        return absent(machine, argv) or ToolVerdict(argv, "fit")

    return choose(machine, setting, judge, (("gcc",),), usual=usual)


def set_to(value: str, origin: str = "file") -> Setting:
    return Setting("CC", value, origin, makefile="src/Makefile")


@pytest.mark.parametrize(
    ("setting", "environment"),
    [
        (Setting("CC", "$(CROSS_COMPILE)cc"), {"CROSS_COMPILE": "foo-"}),
        (set_to("foo-cc"), {"CROSS_COMPILE": "foo-"}),
        (set_to("foo-cc"), {"CROSS_COMPILE": "/opt/bin/foo-"}),
        (set_to("aarch64-linux-gnu-gcc"), {}),
        (set_to("aarch64-linux-gnu-gcc-12", "environment"), {}),
        (Setting("CC", "cc"), {"CC": "arm-none-eabi-gcc"}),
    ],
)
def test_a_cross_build_is_not_dropped_for_a_tool_of_this_machine(
    tmp_path: Path, setting: Setting, environment: dict[str, str]
) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    found = chosen(host(PATH=str(tmp_path), **environment), setting)
    assert (found.fit, found.cross, found.override) == (False, True, "")
    finding = verdict_on(found, "", "cc")
    assert finding.status is Status.FAIL
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert (
        fix.text == f"install {found.default.words}, which the cross build calls, or put it on PATH"
    )
    assert fix.instead is None


@pytest.mark.parametrize(
    ("setting", "environment"),
    [
        (set_to("gcc-15"), {}),
        (set_to("musl-gcc"), {}),
        (set_to("mycc"), {"CROSS_COMPILE": "foo-"}),
        (Setting("HOSTCC", "aarch64-linux-gnu-gcc", "file"), {}),
        (Setting("CC", "cc"), {}),
    ],
)
def test_another_compiler_stands_in_where_no_cross_build_was_asked_for(
    tmp_path: Path, setting: Setting, environment: dict[str, str]
) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    found = chosen(host(PATH=str(tmp_path), **environment), setting)
    assert found.override == f"{setting.variable}=gcc"


def test_the_makefiles_own_word_goes_before_the_environments(tmp_path: Path) -> None:
    for name in ("clang-15", "clang-16", "gcc"):
        (tmp_path / name).symlink_to("/bin/true")
    machine = host(PATH=str(tmp_path), CC="clang-16")
    assert chosen(machine, set_to("clang-15 -m64")).argv == ("clang-15", "-m64")
    assert chosen(machine, Setting("CC", "cc")).argv == ("clang-16",)
    assert chosen(machine, set_to("clang-15", "override")).is_default


def test_where_an_unfit_tool_is_set_is_shown(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    found = chosen(host(PATH=str(tmp_path)), set_to("clang-15"))
    assert found.seen[0] == Evidence("src/Makefile", "CC = clang-15")
    assert found.override == "CC=gcc"


def test_no_argument_changes_what_the_makefile_overrides(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    found = chosen(host(PATH=str(tmp_path)), set_to("clang-15", "override"))
    assert (found.fit, found.override) == (False, "")


def test_a_tool_that_the_makefile_computes_is_unknown_and_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    computed = Setting("CC", "", "file", "$(shell cat tool)", "src/Makefile")
    finding = verdict_on(chosen(host(PATH=str(tmp_path)), computed), "", "cc")
    assert finding.status is Status.UNKNOWN
    assert finding.summary == "the makefile computes CC by $(shell cat tool)"
    assert finding.fixes == (ByHand("run `bpfdoctor check`, which asks make"),)


@pytest.mark.parametrize(("value", "plain"), [("cc", True), ("clang-15", False)])
def test_only_the_usual_name_is_what_a_package_brings(
    tmp_path: Path, value: str, plain: bool
) -> None:
    (tmp_path / "gcc").symlink_to("/bin/true")
    assert chosen(host(PATH=str(tmp_path)), set_to(value), usual="cc").plain is plain


@pytest.mark.parametrize(
    ("state", "used"),
    [("unproven", "ours"), ("fit", "ours"), ("unclear", "other"), ("unfit", "other")],
)
def test_what_a_build_has_yet_to_prove_is_not_passed_over_for_another(
    tmp_path: Path, state: State, used: str
) -> None:
    """A checkout's own tool is not run before a build: `make` will take it all the same."""
    (tmp_path / "other").symlink_to("/bin/true")

    def judge(argv: Argv) -> ToolVerdict:
        return ToolVerdict(argv, state if argv == ("ours",) else "fit")

    setting = Setting("TOOL", "ours")
    chosen = choose(host(PATH=str(tmp_path)), setting, judge, (("other",),))
    assert (chosen.argv, chosen.default.argv) == ((used,), ("ours",))


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_a_tool_that_path_does_not_lead_to_is_not_to_be_installed(path: str) -> None:
    finding = verdict_on(chosen_make(host(PATH=path), "3.81"), "", "make")
    assert finding.status is Status.FAIL
    assert finding.summary == "make is not on PATH, which does not lead to /usr/bin/make"
    assert finding.fixes == (ByHand(LEAD_THERE),)


@pytest.mark.parametrize(
    ("value", "odd"),
    [
        ("cc", ""),
        ("ccache gcc-12 -m32 -std=gnu11 -Wno-error=x -DX=1", ""),
        ("/opt/llvm/bin/clang-15 --target=x86_64-linux-gnu", ""),
        ("aarch64-linux-gnu-gcc", ""),
        ("sh -c id", "sh"),
        ("env cc", "env"),
        ("/usr/bin/python3 tools/cc", "/usr/bin/python3"),
        ("ccache sh -c id", "sh"),
        ("cc -o /etc/passwd", "-o"),
        ("cc -fplugin=evil.so", "-fplugin=evil.so"),
        ("cc -Wl,-o,x", "-Wl,-o,x"),
        ("cc -wrapper sh,-c", "-wrapper"),
        ("cc @options", "@options"),
    ],
)
def test_a_makefile_has_nothing_run_but_a_tool_with_options_that_write_and_load_nothing(
    value: str, odd: str
) -> None:
    asked: list[Argv] = []

    def judge(argv: Argv) -> ToolVerdict:
        asked.append(argv)
        return ToolVerdict(argv, "fit")

    found = choose(host(), set_to(value), judge, ())
    assert asked == ([] if odd else [tuple(value.split())])
    assert found.default.argv == (() if odd else tuple(value.split()))
    assert found.fit is not bool(odd)
    assert repr(odd) in found.default.trouble or not odd
    assert choose(host(), set_to(value, "environment"), judge, ()).fit  # the user's own word


@pytest.mark.parametrize("before", ["", "ccache "])
def test_a_tool_in_a_checkout_that_is_not_to_be_built_is_looked_at_and_not_run(
    tmp_path: Path, before: str
) -> None:
    tool = tmp_path / "tools/cc"
    tool.parent.mkdir()
    tool.symlink_to("/proc/self/exe")
    asked: list[Argv] = []

    def judge(argv: Argv) -> ToolVerdict:
        asked.append(argv)
        return ToolVerdict(argv, "fit")

    named = Setting("CC", f"{before}{tmp_path}/./tools/cc", "file", unbuilt=str(tmp_path))
    assert choose(host(), named, judge, ()).default.state == "unproven"
    assert not asked
    elsewhere = msgspec.structs.replace(named, unbuilt=f"{tmp_path}/to")
    assert choose(host(), elsewhere, judge, ()).fit
    users = msgspec.structs.replace(named, origin="environment")
    assert choose(host(), users, judge, ()).fit
