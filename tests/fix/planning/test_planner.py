"""From findings to one plan: what each fix becomes, in which order, and what a person has to do."""

from __future__ import annotations

import pytest
from manager_says import ManagerHost

from bpfdoctor.fix.managers.apt import LISTS
from bpfdoctor.fix.plan import Plan
from bpfdoctor.fix.planning.planner import LOWERS_SECURITY, make_plan
from bpfdoctor.model import ByHand, Fix, Install, Reported, Run, Status

HOST = ManagerHost({"dpkg --audit": ""}, names={LISTS: ("x_Packages",)})
MAKE = Install(("make",))
MOUNT = Run(("mount", "-t", "tracefs", "tracefs", "/t"), undo=("umount", "/t"), privileged=True)


def finding(key: str, *fixes: Fix, status: Status = Status.FAIL) -> Reported:
    return Reported(key.partition("[")[0], "", key, "", status, True, "", (), fixes, ())


def planned(*findings: Reported, host: ManagerHost = HOST, ids: tuple[str, ...] = ()) -> Plan:
    return make_plan(findings, host, frozenset(ids))


def test_what_two_findings_ask_for_is_one_step_with_both_reasons() -> None:
    plan = planned(finding("a", MAKE, MOUNT), finding("b", MOUNT, MAKE), finding("b", MAKE))
    assert [step.id for step in plan.steps] == ["packages", f"run:{' '.join(MOUNT.argv)}"]
    assert [step.why for step in plan.steps] == [("a", "b"), ("a", "b")]


def test_what_a_person_has_to_do_is_said_once() -> None:
    plan = planned(finding("a", ByHand("boot")), finding("b", ByHand("boot"), ByHand("buy")))
    assert [each.text for each in plan.manual] == ["boot", "buy"]
    assert [each.why for each in plan.manual] == [("a", "b"), ("b",)]
    assert plan.steps == ()


def test_an_installed_package_that_has_lost_a_file_is_for_a_person_to_install_again() -> None:
    argv = ("apt-get", "install", "--reinstall", "libc6-dev")
    lost = Install((), ("libc6-dev",), argv, text="elf.h belongs to it")
    plan = planned(finding("a", lost), finding("b", MAKE))
    assert [step.id for step in plan.steps] == ["packages"]
    assert plan.steps[0].packages == ("make",)
    (manual,) = plan.manual
    assert manual.why == ("a",)
    assert "elf.h belongs to it" in manual.text
    assert "\n  apt-get install --reinstall libc6-dev" in manual.text


def test_a_command_is_as_the_check_gave_it() -> None:
    run = Run(("mount", "x", "/y"), privileged=True, undo=("umount", "/y"), cwd="/c", text="note")
    (step,) = planned(finding("a", run)).steps
    assert (step.argv, step.undo, step.privileged) == (run.argv, run.undo, True)
    assert (step.cwd, step.notes, step.kind) == ("/c", ("note",), "run")
    assert (step.title, step.undo_text, step.owner_of) == ("mount x at /y", "", "/c")


def test_a_command_that_writes_a_file_is_taken_back_by_removing_it() -> None:
    (step,) = planned(finding("a", Run(("gen",), cwd="/c", output="a.h"))).steps
    assert (step.output, step.title) == ("/c/a.h", "write /c/a.h")
    assert step.undo == ("rm", "--", "/c/a.h")
    (step,) = planned(finding("a", Run(("gen",), output="/c/a.h"))).steps
    assert step.owner_of == "/c"


def test_of_one_command_two_files_are_two_steps() -> None:
    runs = [Run(("gen",), cwd="/c", output=name) for name in ("a", "b")]
    assert len(planned(finding("a", *runs)).steps) == 2


@pytest.mark.parametrize("command", [*LOWERS_SECURITY, "/usr/sbin/sysctl"])
def test_what_lowers_security_is_never_done_by_yes_alone(command: str) -> None:
    (step,) = planned(finding("a", Run((command, "x")))).steps
    assert step.manual
    (step,) = planned(finding("a", Run(("mount", command)))).steps
    assert not step.manual


def test_a_tool_off_a_users_path_is_run_where_it_is() -> None:
    host = ManagerHost(absent=("bpftool",))
    (step,) = planned(finding("a", Run(("bpftool", "x"))), host=host).steps
    assert step.argv == ("/usr/sbin/bpftool", "x")


def test_a_command_that_is_not_there_is_left_to_a_person_unless_packages_come_first() -> None:
    host = ManagerHost(HOST.says, names=HOST.names, absent=("bpftool", "/usr/sbin/bpftool"))
    run = Run(("bpftool", "x"), privileged=True)
    plan = planned(finding("a", run), host=host)
    assert plan.steps == ()
    assert plan.manual[0].why == ("a",)
    assert plan.manual[0].text.splitlines()[1:] == ["  bpftool x"]
    install, step = planned(finding("a", run, MAKE), host=host).steps
    assert (step.argv, step.after) == (("bpftool", "x"), (install.id,))
    assert planned(finding("a", MOUNT, MAKE), host=host).steps[1].after == ()


def test_what_a_blocked_check_will_ask_for_is_taken_along() -> None:
    blocked = finding("toolchain.bpftool", status=Status.SKIP)
    (step,) = planned(finding("a", MAKE), blocked).steps
    assert step.packages == ("make", "bpftool")
    (step,) = planned(finding("a", MAKE), blocked, ids=("a",)).steps
    assert step.packages == ("make",)
    assert planned(finding("a", MOUNT), blocked).steps[0].id != "packages"
    failed = finding("toolchain.bpftool")
    assert planned(finding("a", MAKE), failed).steps[0].packages == ("make",)


def test_what_is_asked_for_already_is_not_expected_too() -> None:
    blocked = finding("toolchain.bpftool", status=Status.SKIP)
    (step,) = planned(finding("a", Install(("bpftool",))), blocked).steps
    assert (step.packages, step.why) == (("bpftool",), ("a",))


def test_a_login_in_a_command_is_not_in_its_title() -> None:
    run = Run(("gen", "https://me:secret@example.org/x"), output="/c/https://me:secret@x/y")
    (step,) = planned(finding("a", run)).steps
    assert "secret" not in step.title
