"""What a check may import: every name that was ever handed out; nothing before it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bpfdoctor import api
from bpfdoctor.api import bpf, files, kernel, objects, tools
from bpfdoctor.api.late import listed

PARTS = sorted(
    path.stem for path in Path(str(api.__file__)).parent.glob("[!_]*.py") if path.stem != "late"
)

HANDED_OUT = """
    ASK_AS_ROOT Alike Answer AskBpf AskBpfObject AskContainer AskCrates AskData AskDistribution
    AskEnumerator AskEnvironment AskField AskFileSystem AskFunction AskHelper AskIdentity
    AskKernel AskKernelBtf AskKernelOption AskLibc AskLoadable AskSecurityFile AskSpace
    AskSubmodules AskSymbols AskTracefs AskTracepoint AskUsdt AttachBtfTracepoint
    AttachClassifier AttachIterator AttachKprobe AttachRawTracepoint AttachSocketFilter
    AttachTracepoint AttachTrampoline AttachUprobe Attempt BPF_FLAGS BTF_OF_MODULES BpfObject
    BtfFacts Build ByHand CAP_SYS_ADMIN CAP_SYS_RESOURCE C_FLAGS Calls Check Chosen Compile
    Compiled Completed Context CountCycles CreateMap Distribution EnumeratorFacts Evidence
    FieldFacts FileSystem FileText FindExecutables FindTool Finding Findings FireLsm Fix
    FoundTools FunctionFacts HELPERS Host INITIAL_PID_NAMESPACE Identity Install Judged Kernel
    KernelOption LOADABLE Libc ListDirectory LoadLsm LoadProgram LookAt LsmFired Marks Modules
    Names NoAnswer OTHER_TARGET ObjectExtern ObjectMap ObjectProgram OpenPerfEvent PathFacts
    Program Project Question REFUSED RETURNING RaiseMemlock ReadFile Refused Run RunCommand
    Selection Space Stage Status Submodule Submodules Symbols Target ToolPath TracePlace Tracefs
    TracepointFacts Trial TryCalls TryContext TryInstructions TryMap UsdtProbes UseGlobalData
    Variables able blocked check chosen_archivers chosen_bpftool chosen_clang chosen_compilers
    chosen_llvm_strip chosen_make compile_bpf compile_c emits_bpf evidence failed hindrances
    holds in_initial_namespace is_root judge_bpftool kernel_version kprobe_place lacking
    last_words like loaded_for lockdown_mode map_trial may_load misbehaving modules_are_read
    object_of of_the_kernel older passed passing probed status_of target_architecture target_of
    to_paste tool_words trial_of tried unknown verdict_on verdict_on_all version_in warned word
""".split()  # noqa: SIM905  (174 rows otherwise)
"""The names of `bpfdoctor.api` when it was one module: checks of third parties import them."""


@pytest.mark.parametrize("name", HANDED_OUT)
def test_a_name_that_was_handed_out_is_still_there(name: str) -> None:
    assert getattr(api, name) is not None


def test_a_star_brings_every_name_that_was_handed_out_and_no_module() -> None:
    found: dict[str, object] = {}
    exec("from bpfdoctor.api import *", found)
    assert set(HANDED_OUT) <= found.keys()
    assert not [name for name, value in found.items() if isinstance(value, ModuleType)]
    assert not {"TYPE_CHECKING", "annotations", "late_names"} & found.keys()


@pytest.mark.parametrize("part", PARTS)
def test_a_star_of_a_part_brings_its_names_alone(part: str) -> None:
    found: dict[str, object] = {}
    exec(f"from bpfdoctor.api.{part} import *", found)
    assert found.keys() - {"__builtins__"} == listed(f"bpfdoctor.api.{part}").keys()


def test_what_may_be_asked_for_is_seen_before_it_was() -> None:
    code = "from bpfdoctor import api; print('AskKernel' in dir(api), 'AskKernel' in vars(api))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "True False\n"


def test_helpers_that_were_numbers_are_so_still() -> None:
    helpers: Any = api.HELPERS
    assert helpers == {name: each.number for name, each in bpf.HELPERS.items()}


def test_the_names_are_those_of_one_module() -> None:
    assert len(HANDED_OUT) == len(set(HANDED_OUT)) == 174


@pytest.mark.parametrize("part", PARTS)
def test_every_name_that_a_part_lists_is_where_it_says(part: str) -> None:
    module = importlib.import_module(f"bpfdoctor.api.{part}")
    names = listed(module.__name__)
    assert names
    for name, (place, original) in names.items():
        assert getattr(module, name) is getattr(importlib.import_module(place), original)


def test_a_name_means_one_thing_in_every_part_and_in_the_contract() -> None:
    seen: dict[str, object] = {name: vars(api)[name] for name in _contract()}
    for part in sorted({*PARTS} - {"former"}):
        module = importlib.import_module(f"bpfdoctor.api.{part}")
        for name in listed(module.__name__):
            assert seen.setdefault(name, getattr(module, name)) is getattr(module, name)


def _contract() -> set[str]:
    """What the contract itself hands out, whatever was looked up before."""
    ours = {"contract", "model", "host.question", "projects.model"}
    return {
        name
        for name, value in vars(api).items()
        if getattr(value, "__module__", "") in {f"bpfdoctor.{each}" for each in ours}
    }


def test_what_was_renamed_is_the_same_under_both_names() -> None:
    assert api.Alike is objects.ProgramAttrs
    assert api.TryCalls is objects.ProbeCalls
    assert api.Judged is tools.ToolVerdict
    assert api.Chosen is tools.ToolChoice
    assert api.AskKernelOption is kernel.Option
    assert api.ReadFile is files.Read


@pytest.mark.parametrize("module", [api, kernel])
def test_a_name_that_nobody_has_is_refused_as_python_does(module: object) -> None:
    with pytest.raises(AttributeError, match="NoSuchQuestion"):
        module.NoSuchQuestion  # type: ignore[attr-defined]  # noqa: B018


def imported_by(code: str) -> set[str]:
    """The modules of ours that are there after `code`."""
    script = f"{code}\nimport sys\nprint(*(m for m in sys.modules if m.startswith('bpfdoctor')))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_no_question_is_imported_before_it_is_asked_for() -> None:
    there = imported_by("from bpfdoctor.api import Context, check, kernel, objects, tools")
    asking = ("system", "btf", "bpf", "elf", "git", "tools")
    rooms = ("bpfdoctor.judging", *(f"bpfdoctor.host.{room}" for room in asking))
    assert not {name for name in there if name.startswith(rooms)}


def test_one_question_does_not_bring_the_others_of_its_part() -> None:
    there = imported_by("from bpfdoctor.api import kernel; kernel.Option")
    assert "bpfdoctor.host.system.kconfig" in there
    assert "bpfdoctor.host.btf.kernel_types" not in there
