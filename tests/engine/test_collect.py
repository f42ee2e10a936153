"""What the engine makes of findings for the report: order, fixes, rows, and the machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sample_project import finding

from bpfdoctor.api import (
    ASK_AS_ROOT,
    AskDistribution,
    AskIdentity,
    AskKernel,
    ByHand,
    Check,
    Distribution,
    Evidence,
    Finding,
    Fix,
    Identity,
    Install,
    Kernel,
    NoAnswer,
    Run,
    Selection,
    Stage,
    Status,
    Target,
)
from bpfdoctor.engine.collect import (
    ROOT_HAS_ASKED,
    broken_findings,
    host_facts,
    program_results,
    reported,
)
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.session import examine
from bpfdoctor.host.record import RecordedHost, read_snapshot
from bpfdoctor.model import HostFacts, Proof, Readiness, Reported, StageResult, Unrecorded
from bpfdoctor.testing import FakeHost

HOSTS = Path(__file__).parents[1] / "hosts"
DEBIAN = Distribution("debian", (), "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
KERNEL = Kernel("6.1.0-18-amd64", "#1 SMP", "x86_64")
SILENT = NoAnswer("EACCES")


def host(
    distribution: Distribution | NoAnswer = DEBIAN,
    kernel: Kernel | NoAnswer = KERNEL,
    euid: int | None = 0,
) -> FakeHost:
    identity = SILENT if euid is None else Identity(euid, 0, 0, 0, 1, 1, (0, 0))
    return FakeHost({AskDistribution(): distribution, AskKernel(): kernel, AskIdentity(): identity})


def report_of(found: Finding, machine: FakeHost | None = None) -> Reported:
    (one,) = reported([found], [], frozenset(), machine or host())
    return one


def test_all_of_a_finding_is_reported_with_the_title_of_its_check() -> None:
    seen, fix = Evidence("/proc/x", "1"), Run(("true",))
    found = Finding(Status.SKIP, "so it is", "a.b", "c", (seen,), (fix,), ("a.root",))
    checks = [Check("a.other", "another", lambda c: None), Check("a.b", "it", lambda c: None)]
    (one,) = reported([found], checks, frozenset({"a.b[c]"}), host())
    assert one == Reported(
        id="a.b",
        about="c",
        key="a.b[c]",
        title="it",
        status=Status.SKIP,
        needed=True,
        summary="so it is",
        evidence=(seen,),
        fixes=(fix,),
        blocked_by=("a.root",),
    )


def test_only_a_finding_whose_own_key_is_needed_counts() -> None:
    found = [finding(key, Status.PASS) for key in ("a.b", "a.b[c]", "a.b[d]")]
    made = reported(found, [], frozenset({"a.b[c]"}), host())
    assert [one.key for one in made if one.needed] == ["a.b[c]"]


def test_a_finding_of_no_check_has_its_id_for_a_title() -> None:
    assert report_of(finding("engine.load[x]", Status.ERROR)).title == "engine.load"


def test_findings_are_sorted_by_subject_then_id_then_about() -> None:
    keys = ["a.one", "a.one[x]", "a.one[y]", "a.two", "a-b.one", "b.one"]
    found = [finding(key, Status.PASS) for key in reversed(keys)]
    assert [one.key for one in reported(found, [], frozenset(), host())] == keys


UNASKED = Unrecorded("/proc/x", "not-recorded: the snapshot holds no answer to this")
ASKED = Evidence("/proc/y", "not-recorded: a file of that content")
OWN = Run(("modprobe", "x"))


@pytest.mark.parametrize(
    ("status", "seen", "replaced"),
    [
        (Status.UNKNOWN, (UNASKED,), True),
        (Status.UNKNOWN, (ASKED, UNASKED), True),
        (Status.UNKNOWN, (ASKED,), False),
        (Status.UNKNOWN, (), False),
        (Status.FAIL, (UNASKED,), False),
        (Status.WARN, (UNASKED,), False),
    ],
)
def test_only_what_is_unknown_because_it_was_not_recorded_is_to_be_recorded_anew(
    status: Status, seen: tuple[Evidence, ...], replaced: bool
) -> None:
    (fix,) = report_of(Finding(status, "", "a.b", evidence=seen, fixes=(OWN,))).fixes
    if replaced:
        assert isinstance(fix, ByHand)
        assert "bpfdoctor snapshot" in fix.text
    else:
        assert fix == OWN


def fixed(fix: Fix, machine: FakeHost) -> Fix:
    (made,) = report_of(Finding(Status.FAIL, "", "a.b", fixes=(fix,)), machine).fixes
    return made


def test_an_install_names_the_packages_of_this_distribution_and_kernel() -> None:
    ubuntu = Distribution("ubuntu", ("debian",), "22.04", "jammy", "Ubuntu 22.04")
    made = fixed(Install(("bpftool",)), host(ubuntu))
    assert isinstance(made, Install)
    assert made.packages == ("linux-tools-common", f"linux-tools-{KERNEL.release}")
    assert made.argv[0] == "apt-get"


def test_where_the_distribution_is_unknown_an_install_names_no_package() -> None:
    made = fixed(Install(("clang",)), host(distribution=SILENT))
    assert isinstance(made, Install)
    assert (made.packages, made.argv) == ((), ())


@pytest.mark.parametrize(
    "asked",
    [ByHand("boot otherwise", boot_with="lsm=bpf"), ByHand("so", boot_without="lockdown=x")],
)
def test_a_change_of_the_command_line_gets_the_steps_of_this_distribution(
    asked: ByHand,
) -> None:
    known = fixed(asked, host())
    unknown = fixed(asked, host(distribution=SILENT))
    assert isinstance(known, ByHand)
    assert "update-grub" in known.text
    assert unknown == asked


@pytest.mark.parametrize(
    ("release", "steps"), [("5.15.0-microsoft-standard-WSL2", True), ("6.1", False)]
)
def test_the_kernel_may_tell_the_steps_where_the_distribution_does_not(
    release: str, steps: bool
) -> None:
    machine = host(SILENT, msgspec.structs.replace(KERNEL, release=release))
    made = fixed(ByHand("boot otherwise", boot_with="lsm=bpf"), machine)
    assert isinstance(made, ByHand)
    assert ("wslconfig" in made.text) is steps


def test_where_the_kernel_does_not_say_its_release_a_fix_is_named_all_the_same() -> None:
    made = fixed(ByHand("boot otherwise", boot_with="lsm=bpf"), host(kernel=SILENT))
    assert isinstance(made, ByHand)
    assert "update-grub" in made.text


def test_a_fix_that_depends_on_no_distribution_stays_and_asks_nothing() -> None:
    for fix in (OWN, ByHand("think")):
        assert fixed(fix, FakeHost()) == fix


def test_a_row_a_program_the_selected_ones_first() -> None:
    result = {Stage.BUILD: StageResult(Readiness.READY, Proof.OBSERVED)}
    stages = {"one": {}, "two": result, "three": {}, "four": {}}
    selection = Selection((Target("four"), Target("two")))
    rows = program_results(selection, stages)
    assert [(row.name, row.selected) for row in rows] == [
        ("two", True),
        ("four", True),
        ("one", False),
        ("three", False),
    ]
    assert rows[0].stages == result


def test_the_machine_is_told_in_a_line() -> None:
    assert host_facts(host()) == HostFacts(KERNEL.release, "x86_64", DEBIAN.name, privileged=True)


@pytest.mark.parametrize("euid", [1000, None])
def test_only_effective_root_is_privileged(euid: int | None) -> None:
    assert host_facts(host(euid=euid)).privileged is False


def test_what_the_machine_would_not_say_is_a_question_mark() -> None:
    silent = host_facts(host(SILENT, SILENT))
    assert silent == HostFacts("?", "?", "?", privileged=True)


def test_every_file_of_checks_that_cannot_be_loaded_is_an_error_of_its_name() -> None:
    two, one = broken_findings({"zlib": "Traceback 1", "btf": "Traceback 2"})
    assert (two.key, one.key) == ("engine.load[btf]", "engine.load[zlib]")
    assert {two.status, one.status} == {Status.ERROR}
    assert [each.text for each in two.evidence] == ["Traceback 2"]


@pytest.mark.parametrize(
    ("machine", "key", "command"),
    [
        (
            "debian-6.12-lsm-without-bpf",
            "kernel.lsm-active",
            "lsm=lockdown,capability,yama,ima,evm,bpf",
        ),
        ("debian-6.1-lockdown", "kernel.lockdown", "s/ *lockdown=confidentiality//"),
    ],
)
def test_a_change_of_the_command_line_comes_with_its_steps(
    machine: str, key: str, command: str
) -> None:
    snapshot = read_snapshot(HOSTS / f"{machine}.json")
    options = msgspec.structs.replace(msgspec.convert(snapshot.options, Options), only=(key,))
    report = examine(RecordedHost(snapshot), options)
    (fix,) = next(each for each in report.findings if each.key == key).fixes
    assert isinstance(fix, ByHand)
    assert command in fix.text
    assert fix.text.endswith("\n  update-grub\n  reboot")


LOOK = ByHand("As root: look")


@pytest.mark.parametrize(
    ("given", "euid", "fixes"),
    [
        ((ASK_AS_ROOT,), 0, (ROOT_HAS_ASKED,)),
        ((ASK_AS_ROOT, LOOK), 0, (LOOK,)),
        ((LOOK,), 0, (LOOK,)),
        ((), 0, ()),
        ((ASK_AS_ROOT, LOOK), 1000, (ASK_AS_ROOT, LOOK)),
        ((ASK_AS_ROOT,), None, (ASK_AS_ROOT,)),
    ],
)
def test_root_is_not_told_to_ask_as_root(
    given: tuple[Fix, ...], euid: int | None, fixes: tuple[Fix, ...]
) -> None:
    found = Finding(Status.UNKNOWN, "", id="a.b", fixes=given)
    (one,) = reported([found], [], frozenset(), host(euid=euid))
    assert one.fixes == fixes
