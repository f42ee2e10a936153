"""Socket filters and classifiers."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskIdentity,
    AskLoadable,
    AttachClassifier,
    AttachSocketFilter,
    Attempt,
    Finding,
    Identity,
    LoadProgram,
    Modules,
    NoAnswer,
    Question,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.testing import FakeHost, one, run_check

FULL = (1 << 41) - 1
ROOT = Identity(0, FULL, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (-1, -1))
USER = Identity(1000, 0, FULL, 0, 0xEFFFFFFD, 0xEFFFFFFC, (65536, 65536))
LOADABLE = AskLoadable(("sch_ingress", "cls_bpf"))
NONE_LOADABLE = Modules(())


def judged(check: str, answers: dict[Question[Any], Answer], who: Answer = ROOT) -> Finding:
    return one(run_check(check, FakeHost({**answers, AskIdentity(): who})))


def tc(attached: Answer, modules: Answer = NONE_LOADABLE, who: Answer = ROOT) -> Finding:
    return judged("kernel.tc", {LOADABLE: modules, AttachClassifier(): attached}, who)


def test_an_attached_filter_or_classifier_passes() -> None:
    assert judged("kernel.socket-filter", {AttachSocketFilter(): Attempt()}).status is Status.PASS
    assert tc(Attempt()).status is Status.PASS
    assert tc(Attempt(), NoAnswer("EACCES")).status is Status.PASS


def test_modules_that_are_not_loaded_are_left_alone() -> None:
    found = judged("kernel.tc", {LOADABLE: Modules(("cls_bpf",))})
    assert found.status is Status.PASS
    assert "cls_bpf" in found.summary


def test_a_module_that_cannot_be_loaded_is_tried_for_real() -> None:
    gone = Attempt("ENOENT", "tc qdisc add dev lo clsact")
    some = Modules(("cls_bpf",), lacking=("sch_ingress",))
    assert tc(gone, some).status is Status.FAIL
    assert tc(gone, Modules((), ("sch_ingress", "cls_bpf"))).status is Status.FAIL
    assert tc(Attempt(), some).status is Status.PASS


def test_a_module_that_is_kept_out_is_the_cause_of_what_the_kernel_lacks() -> None:
    gone = Attempt("ENOENT", "tc qdisc add dev lo clsact")
    kept = Modules((), kept_out=(("cls_bpf", "modprobe.d has it installed by `/bin/false`"),))
    found = tc(gone, kept)
    assert found.status is Status.FAIL
    assert "cls_bpf: modprobe.d has it installed by `/bin/false`" in found.summary
    assert "cls_bpf" in repr(found.fixes)
    assert "Boot a kernel" not in repr(found.fixes)
    assert tc(Attempt(), kept).status is Status.PASS  # in a container another modprobe.d counts


def test_a_module_of_which_it_is_not_known_is_not_tried() -> None:
    doubtful = Modules(("sch_ingress",), doubtful=(("cls_bpf", "kernel.modprobe is /opt/load"),))
    found = judged("kernel.tc", {LOADABLE: doubtful})
    assert found.status is Status.UNKNOWN
    assert "kernel.modprobe is /opt/load" in found.summary
    assert found.fixes


def test_a_classifier_takes_more_privilege_than_a_tracing_program() -> None:
    refused: dict[Question[Any], Answer] = {LoadProgram("sched_cls"): Attempt("EPERM", "bpf")}
    assert judged("kernel.classifiers", refused, USER).status is Status.UNKNOWN
    found = judged("kernel.classifiers", refused, ROOT)
    assert (found.status, "NET_ADMIN" in repr(found.fixes)) == (Status.FAIL, True)


def test_a_kernel_without_classifiers_fails_for_anybody() -> None:
    unknown: dict[Question[Any], Answer] = {LoadProgram("sched_cls"): Attempt("EINVAL", "bpf")}
    assert judged("kernel.classifiers", unknown, USER).status is Status.FAIL
    assert judged("kernel.classifiers", {LoadProgram("sched_cls"): Attempt()}).status is Status.PASS


def test_what_the_kernel_lacks_fails_in_words() -> None:
    found = tc(Attempt("ENOENT", "tc qdisc add dev lo clsact"), who=USER)
    assert found.status is Status.FAIL
    assert "CONFIG_NET_SCH_INGRESS" in found.summary
    no_sockets = Attempt("EAFNOSUPPORT", "socket(AF_PACKET, SOCK_RAW)")
    packets: dict[Question[Any], Answer] = {AttachSocketFilter(): no_sockets}
    assert "CONFIG_PACKET" in judged("kernel.socket-filter", packets).summary


@pytest.mark.parametrize("answer", [NoAnswer("EPERM", "no namespace"), Attempt("ENOMEM", "bpf")])
def test_what_could_not_be_tried_is_unknown(answer: Answer) -> None:
    assert tc(answer).status is Status.UNKNOWN


def test_a_refusal_counts_for_root_alone() -> None:
    refused = Attempt("EPERM", "socket(AF_PACKET, SOCK_RAW)")
    answers: dict[Question[Any], Answer] = {AttachSocketFilter(): refused}
    assert judged("kernel.socket-filter", answers, USER).status is Status.UNKNOWN
    assert judged("kernel.socket-filter", answers, ROOT).status is Status.FAIL


@pytest.mark.bpf
@pytest.mark.parametrize("check", ["kernel.socket-filter", "kernel.classifiers", "kernel.tc"])
def test_this_kernel_answers(kernel: None, live: LiveHost, check: str) -> None:
    assert one(run_check(check, live)).status in (Status.PASS, Status.FAIL)
