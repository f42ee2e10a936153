"""object.fixed-offsets: wrong here only where that is certain, right here alone, or not told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import (
    Answer,
    AskBpfObject,
    BpfObject,
    Finding,
    NoAnswer,
    ObjectProgram,
    Question,
    Status,
)
from bpfdoctor.host.btf.field_places import (
    AskFieldPlaces,
    AskParameterStructs,
    FieldPlace,
    FieldPlaces,
    ParameterStructs,
)
from bpfdoctor.host.elf.ask_fixed_reads import AskFixedReads
from bpfdoctor.host.elf.fixed_reads import (
    RETURNED,
    FixedRead,
    FixedReads,
    ProgramReads,
)
from bpfdoctor.projects.object import project_of_object
from bpfdoctor.testing import FakeHost, one, run_check

PATH = "/tmp/some.bpf.o"
READ = FixedRead(
    1496, 4, "task_struct", member="pid", declared=("task_struct",),
    file="a.bpf.c", line=14, text="\tread(&pid, 4,  &t->pid);",
)  # fmt: skip
PID = FieldPlace(True, 1264, 4)
BOOK = {
    ("task_struct", "pid"): PID,
    ("task_struct", "flags"): FieldPlace(True, 44, 4, shared=True),
    ("task_struct", "bit"): FieldPlace(True, 1188, 4, (2, 1)),
    ("task_struct", "parent"): FieldPlace(True, 1280, 8, target="task_struct"),
    ("task_struct", "name"): FieldPlace(True, 1752, 8),
    ("task_struct", "gone"): FieldPlace(True),
    ("task_struct", ""): FieldPlace(True),
    ("own", "pid"): FieldPlace(),
    ("own", ""): FieldPlace(),
}
GIVEN = {
    "some": ParameterStructs(True, ("", "task_struct"), "task_struct"),
    "nowhere": ParameterStructs(False),
}


class Kernel(FakeHost):
    """Answers for the members in BOOK, one by one."""

    def ask(self, question: Question[Any]) -> Any:
        if isinstance(question, AskFieldPlaces):
            return FieldPlaces(tuple(BOOK[each] for each in question.fields))
        if isinstance(question, AskParameterStructs):
            return GIVEN[question.name]
        return super().ask(question)


def found_for(
    *reads: FixedRead, attached: str = "", kernel: type[FakeHost] = Kernel, **known: Answer
) -> Finding:
    whole = BpfObject((ObjectProgram("ours", "tp/a/b"),), (), btf=True, kernel_btf=True)
    asked = known.get("asked", FixedReads((ProgramReads("ours", attached, reads),)))
    host = kernel({AskBpfObject(PATH): whole, AskFixedReads(PATH): asked})
    return one(run_check("object.fixed-offsets", host, project_of_object(PATH, whole)))


def changed(**changes: Any) -> FixedRead:
    return msgspec.structs.replace(READ, **changes)


def test_a_member_that_lies_elsewhere_is_wrong_here() -> None:
    found = found_for(READ)
    assert (found.status, found.about) == (Status.WARN, "ours")
    assert found.summary == (
        "wrong here: task_struct->pid is read at 1496 and lies at 1264"
        " (a.bpf.c:14: read(&pid, 4, &t->pid);)"
    )
    assert found.fixes


def test_a_member_that_lies_there_is_right_on_this_kernel_alone() -> None:
    found = found_for(changed(offset=1264))
    assert found.status == Status.WARN
    assert found.summary.startswith(
        "right on this kernel alone: task_struct->pid is read at 1264 ("
    )


@pytest.mark.parametrize(
    ("read", "attached"),
    [
        (changed(struct="", parameter=1), "some"),
        (changed(struct="", parameter=RETURNED), "some"),
        (changed(struct="", parameter=2), "some"),  # fexit: behind the parameters
        (changed(members=("parent", "parent")), ""),
        (changed(struct="", parameter=0), "nowhere"),  # declared alone
        (changed(declared=()), ""),
        (changed(member="", laid=(("task_struct", ("pid",)),)), ""),
        (changed(member="flags"), ""),
        (changed(size=8), ""),
    ],
)
def test_what_is_certain_is_wrong(read: FixedRead, attached: str) -> None:
    assert found_for(read, attached=attached).summary.startswith("wrong here: task_struct->")


@pytest.mark.parametrize(
    "read",
    [
        changed(declared=("thread_info",)),
        changed(member="flags", declared=()),
        changed(member="flags", declared=("task_struct", "thread_info")),
        changed(size=8, declared=()),
        changed(laid=(("task_struct", ("tgid",)),)),
        changed(doubtful=True),
        changed(guarded=True),
        changed(member="bit"),
        changed(member="gone"),
        changed(member=""),
        changed(member="", offset=0, size=9),
        changed(struct="", declared=()),
        changed(members=("gone",), declared=()),
        changed(members=("",), declared=("task_struct", "cred")),
    ],
)
def test_what_is_not_certain_is_not_told(read: FixedRead) -> None:
    found = found_for(read)
    assert (found.status, found.about) == (Status.UNKNOWN, "ours")
    assert found.summary.startswith("not to be told: ")


@pytest.mark.parametrize(
    ("read", "attached"),
    [
        (changed(struct="pt_regs"), ""),
        (changed(struct="trace_event_raw_sys_enter"), ""),
        (changed(struct="own", declared=("own",)), ""),
        (changed(struct="own", member=""), ""),
        (changed(struct="", parameter=0), "some"),  # no struct
        (changed(members=("name",)), ""),  # points to none
        (changed(member="", offset=0, size=8), ""),
        (changed(struct="", declared=(), member=""), ""),
    ],
)
def test_what_the_kernel_keeps_or_has_not_passes(read: FixedRead, attached: str) -> None:
    assert found_for(read, attached=attached).status == Status.PASS


def test_a_load_of_a_part_is_right_within_the_member() -> None:
    part = {"offset": 1267, "size": 1}
    assert found_for(changed(direct=True, **part)).summary.startswith("right on this kernel")
    assert found_for(changed(**part)).summary.startswith("wrong here")
    assert found_for(changed(direct=True, offset=1268)).summary.startswith("wrong here")


def test_a_kernel_that_tells_nothing_is_not_told() -> None:
    for read, attached in ((READ, ""), (changed(struct="", parameter=1), "some")):
        found = found_for(read, attached=attached, kernel=Silent)
        assert found.status == Status.UNKNOWN
        assert "ENOENT" in found.summary


class Silent(FakeHost):
    """A kernel without BTF."""

    def ask(self, question: Question[Any]) -> Any:
        if isinstance(question, AskFieldPlaces | AskParameterStructs):
            return NoAnswer("ENOENT", "no BTF")
        return super().ask(question)


def test_an_object_that_cannot_be_read_is_not_told() -> None:
    assert found_for(asked=NoAnswer("EACCES")).status == Status.UNKNOWN


def test_without_such_reads_it_passes() -> None:
    assert found_for(asked=FixedReads()).status == Status.PASS


def test_wrong_ones_come_before_the_others_and_are_not_too_many() -> None:
    wrong = [changed(offset=each) for each in range(5)]
    found = found_for(changed(offset=1264), changed(member="gone"), *wrong)
    assert found.summary.startswith("wrong here: task_struct->pid is read at 0 and")
    assert found.summary.endswith("; and 2 more")


def test_a_line_of_the_source_is_bounded() -> None:
    assert len(found_for(changed(text="x" * 1000, file="y")).summary) < 250
