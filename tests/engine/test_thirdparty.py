"""Third-party checks as they are installed: the good work, the others harm only themselves."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.machinery import PathFinder
from importlib.metadata import Distribution
from pathlib import Path

import psutil
import pytest

import bpfdoctor
from bpfdoctor.api import (
    AskIdentity,
    AskKernel,
    Check,
    Context,
    Finding,
    NoAnswer,
    Selection,
    Status,
    Target,
)
from bpfdoctor.engine import thirdparty
from bpfdoctor.engine.installed import Entry, entries
from bpfdoctor.engine.run import findings_of
from bpfdoctor.engine.thirdparty import load_third_party
from bpfdoctor.host.grant import Grant
from bpfdoctor.host.hosts import LiveHost, as_user
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Question
from bpfdoctor.host.record import RecordingHost
from bpfdoctor.smoke.embedded.build import BuildEmbedded
from bpfdoctor.testing import project_named

SAMPLES = Path(__file__).parents[1] / "sample_checks"
Install = Callable[..., Path]


def install_into(site: Path, *names: str) -> Path:
    """What pip does with a distribution: its modules, and its entry points."""
    facts = site / "bpfdoctor_samples-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bpfdoctor-samples\nVersion: 1\n")
    lines = [f"{name} = sample_{name}" for name in names]
    (facts / "entry_points.txt").write_text("\n".join(["[bpfdoctor.checks]", *lines, ""]))
    for name in names:
        shutil.copy(SAMPLES / f"{name}.py", site / f"sample_{name}.py")
    return site


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install samples where this interpreter finds them."""

    def make(*names: str) -> Path:
        site = install_into(tmp_path / "site", *names)
        monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
        return site

    return make


def context() -> Context:
    return Context(LiveHost(Machine()), project_named())


def findings(check: Check) -> list[Finding]:
    return list(findings_of(check, context()))


def only(*names: str) -> Check:
    found = {check.id: check for check in load_third_party()}
    return found[names[0]] if names else next(iter(found.values()))


def test_good_checks_are_described_and_ask_the_machine(install: Install) -> None:
    install("good")
    kernel, gate = load_third_party()
    assert (kernel.id, kernel.title, kernel.gates) == (
        "sample.kernel",
        "the kernel's release",
        False,
    )
    assert kernel.doc == "Which kernel runs; asked over the pipe."
    assert (gate.requires, gate.gates) == (("sample.kernel",), True)
    (found,) = findings(kernel)
    assert (found.status, found.key) == (Status.PASS, "sample.kernel[running]")
    assert found.summary == os.uname().release
    assert found.evidence[0].source == "$ uname -srvm"
    (found,) = findings(gate)
    assert (found.status, found.summary) == (Status.FAIL, "not with libbpf-bootstrap")


def test_a_time_limit_is_kept_between_a_second_and_five_minutes(install: Install) -> None:
    install("limits")
    beyond = 10  # bpfdoctor's own limit comes after that of the child
    assert [check.limit - beyond for check in load_third_party()] == [1, 1, 1, 300, 300]


@pytest.mark.parametrize(("may_build", "said"), [(False, "only looks"), (True, "may build")])
def test_a_check_is_told_what_is_selected_and_whether_the_user_asked_for_a_build(
    install: Install, may_build: bool, said: str
) -> None:
    install("may_build")
    (check,) = load_third_party()
    selection = Selection((Target("minimal"),))
    before = Context(LiveHost(Machine()), project_named(), selection, may_build)
    assert [finding.summary for finding in findings_of(check, before)] == [f"{said}: minimal"]


def test_a_module_gets_no_answer_before_one_of_its_checks_is_run(install: Install) -> None:
    install("inward")
    assert only().title.startswith("NoAnswer(reason='refused'")


def test_a_check_runs_with_the_bpfdoctor_that_asked_for_it(install: Install) -> None:
    install("inward")
    (found,) = findings(only())
    assert found.summary == bpfdoctor.__file__


def test_what_a_check_prints_stays_in_its_process(
    install: Install, capfd: pytest.CaptureFixture[str]
) -> None:
    install("prints")
    (found,) = findings(only())
    assert (found.status, found.summary) == (Status.PASS, "printed")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("sample", "check_id", "said"),
    [
        ("exits", "sample.exits", r"without a result \(exit status 0\)$"),
        ("exits", "sample.leaves", r"without a result \(exit status 7\): and that was it$"),
        ("exits", "sample.killed", r"without a result \(killed by SIGKILL\)$"),
        ("exits", "sample.crashes", r"without a result \(killed by SIGSEGV\)"),
        ("exits", "sample.deaf", r"without a result \(killed by SIGKILL\)"),
        ("garbage", "sample.garbage", "wrote into the pipe"),
        ("hangs", "sample.hangs", "did not end within 4 seconds$"),
    ],
)
def test_what_goes_wrong_is_one_error(
    install: Install, sample: str, check_id: str, said: str
) -> None:
    install(sample)
    (found,) = findings(only(check_id))
    assert (found.status, found.id) == (Status.ERROR, check_id)
    assert re.search(said, found.summary)


@pytest.mark.parametrize(
    ("check_id", "printed"),
    [
        ("sample.exits", []),
        ("sample.leaves", ["one thing\nled to \\xff another\nand that was it\n"]),
    ],
)
def test_what_a_check_printed_before_it_broke_is_evidence(
    install: Install, check_id: str, printed: list[str]
) -> None:
    install("exits")
    (found,) = findings(only(check_id))
    assert [each.text for each in found.evidence if each.source] == printed


@pytest.mark.parametrize(("sample", "said"), [("raises", "a fault of theirs"), ("nonsense", "int")])
def test_a_fault_in_python_is_one_error_with_its_traceback(
    install: Install, sample: str, said: str
) -> None:
    install(sample)
    (found,) = findings(only())
    assert found.status is Status.ERROR
    assert said in found.evidence[0].text
    assert "Traceback" in found.evidence[0].text


def ended(pid: int) -> bool:
    """Whether a process ends within 20 seconds, or is but waited for; it is then made to."""
    processes = [psutil.Process(pid)] if psutil.pid_exists(pid) else []
    alive = psutil.wait_procs(processes, 20)[1]
    lasting = [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    for process in lasting:
        process.kill()
    return not lasting


def test_a_hang_leaves_no_process(install: Install) -> None:
    site = install("hangs")
    findings(only())
    assert ended(int((site / "pid").read_text()))


def test_a_hang_does_not_outlive_bpfdoctor(install: Install) -> None:
    site = install("lingers")
    os.mkfifo(site / "pid")
    pipe = os.open(site / "pid", os.O_RDWR)
    code = "from bpfdoctor.engine.thirdparty import load_third_party; load_third_party()"
    environment = {**os.environ, "PYTHONPATH": str(site)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        said = select.select([pipe], [], [], 60)[0]
        process.kill()
    assert said, "the module was not loaded"
    pid = int(os.read(pipe, 32))
    os.close(pipe)
    assert ended(pid)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ("unimportable", "No module named 'a_module_that_nobody_has'"),
        ("empty", "holds no check"),
        ("requires", "requires sample.absent, which does not exist"),
        ("slow_import", "did not end within 1 seconds"),
    ],
)
def test_a_module_that_cannot_be_used_is_one_gating_error(
    install: Install, monkeypatch: pytest.MonkeyPatch, sample: str, said: str
) -> None:
    if sample == "slow_import":
        monkeypatch.setattr(thirdparty, "DESCRIBE_LIMIT", 1)
    install(sample)
    (check,) = load_third_party()
    assert check.gates
    (found,) = findings(check)
    assert found.status is Status.ERROR
    assert said in found.summary
    assert bool(found.evidence) is (sample == "unimportable")


def test_what_a_module_that_cannot_be_used_printed_is_evidence(install: Install) -> None:
    install("unimportable")
    check = only()
    (found,) = findings(check)
    assert "ModuleNotFoundError" in found.evidence[0].text
    assert "sample_unimportable" in check.doc
    assert "unimportable" in check.title


@pytest.mark.parametrize(
    ("entry", "check_id"),
    [
        ("-Odd Name- = absent_module", "thirdparty.odd-name-absent-module"),
        ("Xx = absent_Xx", "thirdparty.xx-absent-xx"),
        ("é = é", "thirdparty.unnamed"),
    ],
)
def test_whatever_an_entry_is_called_it_makes_a_valid_id(
    install: Install, entry: str, check_id: str
) -> None:
    site = install()
    points = site / "bpfdoctor_samples-1.dist-info" / "entry_points.txt"
    points.write_text(f"[bpfdoctor.checks]\n{entry}\n")
    assert only().id == check_id


def test_an_id_that_is_taken_stays_with_its_owner(install: Install) -> None:
    install("double", "good")
    double, good = load_third_party()
    assert (double.id, double.title) == ("sample.kernel", "the id of another")
    (found,) = findings(good)
    assert "two checks have the id sample.kernel" in found.summary

    ours = Check("sample.kernel", "ours", lambda context: None)
    for unusable in load_third_party([ours]):
        assert unusable.id in ("thirdparty.double-sample-double", "thirdparty.good-sample-good")


def test_nothing_is_loaded_from_the_working_directory(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = install_into(tmp_path / "checkout", "prints")
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(sys, "path", ["", str(hostile), *sys.path])
    assert "sample_prints" not in {entry.module for entry in entries()}
    (hostile / "sample_good.py").write_text("raise SystemExit('loaded from the checkout')")
    install("good")
    assert only("sample.kernel").title == "the kernel's release"


def test_a_broken_installation_of_others_is_passed_over(install: Install) -> None:
    site = install("good")
    for name, text in (("a-1", b"\xff[bpfdoctor.checks"), ("b-1", b"[bpfdoctor.checks]\nno value")):
        (site / f"{name}.dist-info").mkdir()
        (site / f"{name}.dist-info" / "entry_points.txt").write_bytes(text)
    assert [entry.name for entry in entries() if entry.module == "sample_good"] == ["good"]


def test_the_command_line_starts_without_looking_for_third_parties() -> None:
    code = "import sys, bpfdoctor.cli; print('bpfdoctor.engine.thirdparty' in sys.modules)"
    argv = [sys.executable, "-c", code]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == "False\n"


def egg(site: Path) -> Path:
    """The same as an egg."""
    (site / "bpfdoctor_samples-1.dist-info").rename(site / "EGG-INFO")
    return site.rename(site.with_name("samples.Egg"))


def egg_info(site: Path) -> Path:
    """The same as older installers leave it."""
    (site / "bpfdoctor_samples-1.dist-info").rename(site / "bpfdoctor_samples-1.egg-info")
    return site


def archive(site: Path) -> Path:
    """The same in an archive."""
    return Path(shutil.make_archive(str(site.with_name("all")), "zip", site))


@pytest.mark.parametrize("made", [lambda site: site, egg, egg_info, archive])
def test_entries_are_found_however_they_were_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Path], Path]
) -> None:
    place = made(install_into(tmp_path / "site", "good"))
    monkeypatch.setattr(sys, "path", [str(place)])
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    assert entries() == [Entry("good", "sample_good")]


def test_entries_that_only_another_finder_knows_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = install_into(tmp_path / "elsewhere", "good") / "bpfdoctor_samples-1.dist-info"

    class Finder:
        def find_spec(self, *args: object) -> None:
            """Find no module."""

        def find_distributions(self, context: object) -> list[Distribution]:
            return [Distribution.at(facts)]

    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent")])
    monkeypatch.setattr(sys, "meta_path", [Finder(), PathFinder])
    assert entries() == [Entry("good", "sample_good")]


def test_of_an_entry_that_names_an_object_the_module_counts(install: Install) -> None:
    points = install() / "bpfdoctor_samples-1.dist-info" / "entry_points.txt"
    points.write_text("[bpfdoctor.checks]\ngood = sample_good:kernel\n")
    assert Entry("good", "sample_good") in entries()


def test_where_nobody_names_the_group_the_installed_distributions_are_not_opened(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install()
    (site / "bpfdoctor_samples-1.dist-info" / "entry_points.txt").write_text("[console_scripts]\n")
    monkeypatch.setattr(sys, "path", [str(site), str(tmp_path / "absent")])
    monkeypatch.setattr("importlib.metadata.distributions", None)
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    assert entries() == []


@pytest.fixture
def left_behind(install: Install) -> Iterator[Callable[[], list[int]]]:
    """The processes that the sample has left: they were ended with it."""
    site = install("forks")

    def pids() -> list[int]:
        return [int(line) for line in (site / "pids").read_text().split()]

    yield pids
    assert not [pid for pid in pids() if psutil.pid_exists(pid)]


def test_a_process_that_is_left_behind_keeps_nobody_waiting(
    left_behind: Callable[[], list[int]],
) -> None:
    """It held its end of the pipe: the run waited for it, for ever where a module was loaded."""
    began = time.monotonic()
    (found,) = findings(only("sample.forks"))
    assert (found.status, found.summary) == (Status.PASS, "done")
    (found,) = findings(only("sample.abandons"))
    assert found.status is Status.ERROR
    assert "without a result (exit status 3)" in found.summary
    assert time.monotonic() - began < 50  # their limit is 60 seconds
    assert len(left_behind()) == 2


def test_a_module_that_leaves_a_process_behind_as_it_is_loaded_is_one_error(
    left_behind: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE_FORKS", "import")
    (found,) = findings(only())
    assert found.status is Status.ERROR
    assert "without a result (exit status 3)" in found.summary
    assert len(left_behind()) == 1


class Root:
    """Somebody who answers as root, and remembers what."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def ask(self, question: Question[A]) -> A | NoAnswer:
        self.asked.append(question)
        return NoAnswer("ENOENT", "asked as root")

    def grant(self, grant: Grant) -> None:
        self.asked.append(grant)

    def close(self) -> None:
        """Nothing to end."""


@pytest.mark.parametrize("recording", [False, True])
def test_a_check_that_is_not_ours_never_reaches_root(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: bool
) -> None:
    """It gave itself a program to run, and that ran as root."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nid -u\n")
    monkeypatch.setenv("SAMPLE_PROGRAM", str(program))
    install("privileged")
    root = Root()
    live = LiveHost(Machine(), root)
    recorder = RecordingHost(live)
    asked = Context(recorder if recording else live, project_named())
    (found,) = findings_of(only(), asked)
    assert (found.status, found.summary) == (Status.PASS, f"{os.geteuid()} {os.geteuid()}")
    assert root.asked == []
    assert live.ask(AskIdentity()) == NoAnswer("ENOENT", "asked as root")
    assert [type(each.question) for each in recorder.answers] == [AskKernel] * recording


def test_without_sudo_a_check_shares_what_was_asked_before(install: Install) -> None:
    install("privileged")
    live = LiveHost(Machine())
    recorder = RecordingHost(live)
    (found,) = findings_of(only(), Context(recorder, project_named()))
    assert found.status is Status.PASS
    assert AskIdentity() in [each.question for each in recorder.answers]


class Unknown:
    """A host of which nobody knows whether it asks root."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        return LiveHost(Machine()).ask(question)


def test_a_host_that_may_be_root_is_not_asked_what_root_would_be() -> None:
    host = as_user(Unknown())
    for question in (AskIdentity(), BuildEmbedded(("clang",))):
        answer = host.ask(question)
        assert isinstance(answer, NoAnswer)
        assert answer.reason == "refused"
    assert not isinstance(host.ask(AskKernel()), NoAnswer)
