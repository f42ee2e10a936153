"""Which findings are repaired: what is needed and failed, or whatever the user named."""

from __future__ import annotations

import pytest

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.planning.selection import require_known, to_repair
from bpfdoctor.model import Reported, Status


def finding(key: str, status: Status = Status.FAIL, *, needed: bool = True) -> Reported:
    name = key.partition("[")[0]
    return Reported(name, "", key, "", status, needed, "", (), (), ())


EVERY = [finding(f"a.{status.value}", status) for status in Status]


def test_only_what_failed_and_is_needed_is_repaired_unasked() -> None:
    findings = [*EVERY, finding("b.fail", needed=False)]
    assert [each.key for each in to_repair(findings)] == ["a.fail"]


def test_whatever_does_not_pass_is_repaired_where_it_is_named() -> None:
    ids = frozenset(each.id for each in EVERY)
    found = {each.status for each in to_repair(EVERY, ids)}
    assert found == {Status.FAIL, Status.WARN, Status.UNKNOWN}


def test_an_id_names_all_its_findings_and_a_key_one() -> None:
    findings = [finding("a.x[one]", needed=False), finding("a.x[two]"), finding("a.y")]
    assert to_repair(findings, frozenset({"a.x"})) == findings[:2]
    assert to_repair(findings, frozenset({"a.x[one]"})) == findings[:1]


def test_a_key_that_no_finding_has_is_refused_with_the_near_miss() -> None:
    findings = [finding("a.x[libbpf]"), finding("a.y")]
    require_known(findings, ["a.x[libbpf]", "a.z"])
    with pytest.raises(BpfDoctorError, match="no finding called") as refused:
        require_known(findings, ["a.x[libpbf]"])
    assert refused.value.hint == "did you mean a.x[libbpf]?"
    with pytest.raises(BpfDoctorError) as refused:
        require_known(findings, ["zzz[q]"])
    assert "bpfdoctor check" in str(refused.value.hint)
