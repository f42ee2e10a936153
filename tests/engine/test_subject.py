"""Recognition of the project has a time limit, as a check has."""

from __future__ import annotations

import pytest
from stuck import StuckHost

from bpfdoctor.engine.object_file import project_in_time
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.subject import recognised
from bpfdoctor.errors import BpfDoctorError, UndeterminedError
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.testing import FakeHost


@pytest.mark.parametrize(
    ("kind", "named"), [("AskDirectory", "realpath /here"), ("AskIdentity", "/proc/self/status")]
)
def test_what_is_not_recognised_in_time_is_unknown_and_says_what_took_long(
    kind: str, named: str
) -> None:
    host = StuckHost(kind)
    with pytest.raises(UndeterminedError) as raised:
        recognised(host, Options(directory="/here"), 0.5)
    host.let_go.set()
    assert "/here" in raised.value.message
    assert f"there is no answer yet to `{named}" in raised.value.message


def test_what_the_options_cannot_mean_is_said_as_ever() -> None:
    host = FakeHost(otherwise=NoAnswer("ENOENT"))
    with pytest.raises(BpfDoctorError, match="no project") as raised:
        recognised(host, Options(directory="/here", project="no-such"))
    assert not isinstance(raised.value, UndeterminedError)


def test_an_object_that_cannot_be_read_in_time_is_named() -> None:
    host = StuckHost("ReadObject")
    with pytest.raises(UndeterminedError, match=r"a\.bpf\.o"):
        project_in_time(host, "a.bpf.o", 0.01)
    host.let_go.set()
