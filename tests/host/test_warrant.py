"""What root may be asked is a closed list: whatever is beyond it is refused, and nothing is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bpfdoctor.host.bpf.attach import AttachKprobe, AttachTracepoint
from bpfdoctor.host.bpf.call_probe import ProbeCalls
from bpfdoctor.host.bpf.context import TryContext
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.bpf.instructions import TryInstructions
from bpfdoctor.host.bpf.map_probe import TryMap
from bpfdoctor.host.bpf.probes import CreateMap
from bpfdoctor.host.bpf.program_attrs import ProgramAttrs
from bpfdoctor.host.catalog import question_kinds, to_question
from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.root_questions import CLOSED_LIST, MOST_MEMORY
from bpfdoctor.host.system.files import ReadFile
from bpfdoctor.host.system.kconfig import AskKernelOption
from bpfdoctor.host.system.mounted import AskFileSystem
from bpfdoctor.host.system.tracefs import AskTracepoint
from bpfdoctor.host.warrant import GRANTED, MOST_GRANTS, Grants, Warrant
from bpfdoctor.smoke.kernel import kernel_grant, kernel_question
from bpfdoctor.smoke.run import RunProgram

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
BUILT = RunProgram("/home/me/.cache/built", "0" * 64, "minimal")
CODE = Fire("b700000001000000" * 2, (), "code of another's")


def refusal(question: Question[Any], *grants: Grant, smoke: bool = False) -> str:
    given = Grants(Warrant(smoke))
    for grant in grants:
        given.add(msgspec.to_builtins(grant))
    return given.refusal(question)


def granted(question: Question[Any]) -> Grant:
    kind = type(question).__name__
    return grant_of(kind, [getattr(question, name) for name in GRANTED[kind]])


def test_every_privileged_question_is_in_the_list_and_each_of_its_fields_is_bound() -> None:
    privileged = {name: kind for name, kind in question_kinds().items() if kind.privileged}
    fields = {name: set(kind.__struct_fields__) for name, kind in privileged.items()}
    assert {name: set(bounds) for name, bounds in CLOSED_LIST.items()} == fields


class Unlisted(Question[NoAnswer], frozen=True):
    """A new kind of question, about which nobody has thought."""

    privileged = True


def test_a_question_that_is_not_in_the_list_is_not_put() -> None:
    assert refusal(Unlisted(), smoke=True)


def recorded() -> list[Question[Any]]:
    """What our own checks asked in real runs, of machines and of compiled objects."""
    asked = [
        to_question(each["question"])
        for path in sorted(SNAPSHOTS.glob("*/snapshot.json"))
        for each in json.loads(path.read_text())["answers"]
        if each["question"]["ask"] in question_kinds()
    ]
    return [each for each in asked if each.privileged]


def test_what_our_own_checks_ask_is_put_or_sudo_would_make_them_blind() -> None:
    asked = recorded()
    assert {"TryMap", "AttachTrampoline", "AskIdentity", "TryCalls", "Fire"} <= {
        str(type(each).__struct_config__.tag) for each in asked
    }
    grants = [granted(each) for each in asked if type(each).__name__ in GRANTED]
    assert [(each, said) for each in asked if (said := refusal(each, *grants, smoke=True))] == []


LIKE = ProgramAttrs("kprobe")
LARGEST = MOST_MEMORY // 16
HUGE = TryMap(2, 4, 4, LARGEST + 1)


@pytest.mark.parametrize(
    ("within", "beyond"),
    [
        (AskFileSystem("/sys/fs/bpf"), ReadFile("/etc/shadow")),
        (AskFileSystem("/sys/fs/bpf"), AskFileSystem("/root/.ssh")),
        (AskFileSystem("/sys"), AskFileSystem("/sys/../root")),
        (AskTracepoint("sched", "sched_switch"), AskTracepoint("..", "sched_switch")),
        (AskTracepoint("a.b", "c"), AskTracepoint("sched", "../../../../root")),
        (AttachTracepoint("syscalls", "x"), AttachTracepoint("syscalls", "x/../y")),
        (AttachTracepoint("syscalls", "x", 65535), AttachTracepoint("syscalls", "x", 65536)),
        (AskKernelOption("CONFIG_BPF"), AskKernelOption("CONFIG_BPF\n")),
        (AskKernelOption("C" * 255), AskKernelOption("C" * 256)),
        (AttachKprobe(True, ("f.isra.0",)), AttachKprobe(True, ("f\np:evil g",))),
        (AttachKprobe(True, ("f",) * 16), AttachKprobe(True, ("f",) * 17)),
        (AttachKprobe(offset=(1 << 64) - 1), AttachKprobe(offset=1 << 64)),
        (CreateMap("array", 4, 4, LARGEST), CreateMap("array", 4, 4, LARGEST + 1)),
        (TryMap(2, 4, 4, LARGEST), HUGE),
        (TryMap(1, 4, 1 << 30, 1), TryMap(2, 4, 1 << 30, 1)),
        (TryMap(1, 4, 1 << 30, 1), TryMap(1, 4, 1 << 30, 2)),
        (TryContext(LIKE, maps=(TryMap(2, 4, 4, 1),)), TryContext(LIKE, maps=(HUGE,))),
        (TryContext(LIKE, reads=((0, 8),)), TryContext(LIKE, reads=((0, 256),))),
        (ProbeCalls(LIKE, (6,)), ProbeCalls(ProgramAttrs("kprobe", btf_id=1), (6,))),
        (ProbeCalls(LIKE, (6,) * 4096), ProbeCalls(LIKE, (6,) * 4097)),
        (ProbeCalls(LIKE, functions=("f",)), ProbeCalls(LIKE, functions=("\x1b[2J",))),
        (TryInstructions(((0xDB, 0, 1),)), TryInstructions(((0x100, 0, 1),))),
    ],
)  # fmt: skip
def test_each_argument_is_bound_or_root_would_do_more_than_bpfdoctor_asks(
    within: Question[Any], beyond: Question[Any]
) -> None:
    assert refusal(within) == ""
    assert refusal(beyond)


def test_without_a_smoke_root_runs_nothing_whatever_is_granted() -> None:
    for question in (BUILT, CODE, kernel_question()):
        assert "smoke" in refusal(question)
        assert "smoke" in refusal(question, granted(question))


def test_in_a_smoke_root_runs_what_was_built_and_nothing_else() -> None:
    built = granted(BUILT)
    assert refusal(BUILT, built, smoke=True) == ""
    assert refusal(kernel_question(), kernel_grant(), smoke=True) == ""
    for other in (
        msgspec.structs.replace(BUILT, binary="/tmp/evil"),
        msgspec.structs.replace(BUILT, sha256="1" * 64),
        CODE,
        msgspec.structs.replace(CODE, code=kernel_question().code),
    ):
        assert "built" in refusal(other, built, kernel_grant(), smoke=True)
    assert "built" in refusal(BUILT, smoke=True)


def test_a_program_that_was_built_is_not_run_in_any_way_that_is_asked_for() -> None:
    for changed in (
        {"limit": 61.0},
        {"program": "a\nb"},
        {"arguments": ("x",) * 65},
        {"arguments": ("a\0b",)},
        {"pattern": "x" * 4097},
    ):
        question = msgspec.structs.replace(BUILT, **changed)
        assert refusal(question, granted(question), smoke=True)


@pytest.mark.parametrize(
    "plain", [7, {}, {"ask": "RunProgram"}, {"ask": "RunProgram", "named": [{"a": 1}]}, [[]]]
)
def test_a_grant_that_is_none_grants_nothing_and_breaks_nothing(plain: Any) -> None:
    given = Grants(Warrant(smoke=True))
    given.add(plain)
    assert given.refusal(BUILT)
    given.add(msgspec.to_builtins(granted(BUILT)))
    assert given.refusal(BUILT) == ""


def test_grants_do_not_fill_the_memory() -> None:
    given = Grants(Warrant(smoke=True))
    for number in range(MOST_GRANTS):
        given.add({"ask": "RunProgram", "named": ["/x", str(number)]})
    given.add(msgspec.to_builtins(granted(BUILT)))
    assert given.refusal(BUILT)


@pytest.mark.parametrize("arguments", [["--all"], ["--smoke", "--smoke"], ["--smoke", ""], [""]])
def test_a_warrant_is_one_word_or_none_so_that_a_rule_can_name_it(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match="--smoke"):
        Warrant.told(arguments)


def test_a_warrant_is_told_as_it_is() -> None:
    for warrant in (Warrant(), Warrant(smoke=True)):
        assert Warrant.told(warrant.arguments) == warrant
    assert Warrant().arguments == ()
