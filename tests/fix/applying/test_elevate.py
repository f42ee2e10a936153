"""How a command becomes root's: the sudo is the test's own, the user is real."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_sudo import Sudo

from bpfdoctor.fix.applying import elevate
from bpfdoctor.fix.applying.elevate import Elevation, sudo_is_typed
from bpfdoctor.host.sudo import SYSTEM_PATH

MINIMAL = {"PATH": "/sbin", "HOME": "/root", "LC_ALL": "C"}


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elevate, "SYSTEM_PATH", "/sbin")


@pytest.mark.usefixtures("fixed")
def test_the_users_environment_does_not_steer_what_root_runs() -> None:
    hostile = {"PATH": "/tmp/evil", "LD_PRELOAD": "evil.so", "HOME": "/home/me", "LC_ALL": "de"}
    assert Elevation(hostile, terminal=False).minimal({}) == MINIMAL


@pytest.mark.usefixtures("fixed")
def test_a_proxy_and_what_the_step_sets_reach_root_or_nothing_could_be_fetched() -> None:
    proxies = {"http_proxy": "a", "HTTPS_PROXY": "b", "Ftp_Proxy": "c", "no_proxy": "d"}
    elevation = Elevation({**proxies, "xhttp_proxy": "e"}, terminal=False)
    assert elevation.minimal({"A": "b"}) == {**MINIMAL, **proxies, "A": "b"}
    set_by_step = {"LC_ALL": "x", "no_proxy": "y"}
    assert elevation.minimal(set_by_step) == {**MINIMAL, **proxies, **set_by_step}


def test_root_is_asked_for_no_sudo(sudo: Sudo) -> None:
    if os.geteuid() != 0:
        pytest.skip("we are not root")
    sudo.installed(quietly=0)
    elevation = Elevation({}, terminal=True)
    assert (elevation.prefix(), elevation.refused) == ((), "")
    assert elevation.command(("true", "x"), {"A": "b"}) == ["true", "x"]
    elevation.stopper()(1, 0)
    assert not sudo_is_typed()
    assert sudo.heard == []


@pytest.mark.usefixtures("user")
def test_what_sudo_runs_gets_the_minimal_environment(sudo: Sudo) -> None:
    sudo.installed(quietly=0)
    elevation = Elevation({"LD_PRELOAD": "evil.so", "no_proxy": "x"}, terminal=False)
    argv = elevation.command(("/usr/bin/env",), {"A": "b c"})
    settings = [f"PATH={sudo.place}", "HOME=/root", "LC_ALL=C", "no_proxy=x", "A=b c"]
    assert argv == [str(sudo.place / "sudo"), "-n", "env", *settings, "/usr/bin/env"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True, env={})
    assert set(settings) <= set(ended.stdout.splitlines())


@pytest.mark.usefixtures("user")
def test_a_sudo_that_keeps_the_environment_is_given_none_of_the_users(
    sudo: Sudo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without secure_path it looked for `true` on the user's PATH, and ran that as root."""
    sudo.is_script(f'env >> {sudo.log}; [ "$2" = kill ] || exit 0')
    for name in ("LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "PERL5LIB", "GCONV_PATH", "SECRET"):
        monkeypatch.setenv(name, "/nowhere/theirs")
    elevation = Elevation(os.environ, terminal=False)
    assert elevation.prefix() is not None
    elevation.stopper()(os.getpid(), 0)
    names = {line.partition("=")[0] for line in sudo.heard}
    assert names <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"}
    assert f"PATH={SYSTEM_PATH}" in sudo.heard


@pytest.mark.usefixtures("user")
def test_without_sudo_nothing_becomes_roots(sudo: Sudo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    elevation = Elevation({"PATH": "/usr/bin"}, terminal=True)
    assert elevation.prefix() is None
    assert elevation.refused == "sudo is not installed"
    assert not sudo_is_typed()
    with pytest.raises(PermissionError, match="sudo is not installed"):
        elevation.command(("true",), {})


@pytest.mark.usefixtures("user")
def test_a_password_is_asked_for_on_a_terminal_alone(sudo: Sudo) -> None:
    sudo.installed(quietly=1, asking=0)
    without = Elevation({}, terminal=False)
    assert without.prefix() is None
    assert "there is no terminal" in without.refused
    assert sudo.heard == ["-n true"]
    on_one = Elevation({}, terminal=True)
    assert on_one.prefix() == (str(sudo.place / "sudo"), "-n")
    assert on_one.refused == ""
    assert sudo.heard == ["-n true", "-n true", "-v"]


@pytest.mark.usefixtures("user")
def test_a_password_is_not_asked_for_where_none_is_needed(sudo: Sudo) -> None:
    sudo.installed(quietly=0, asking=0)
    assert Elevation({}, terminal=True).prefix() is not None
    assert sudo.heard == ["-n true"]
    assert sudo_is_typed()


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(("quietly", "heard"), [(0, ["-n true"]), (1, ["-n true", "-v"])])
def test_sudo_is_asked_once_whatever_it_answers(sudo: Sudo, quietly: int, heard: list[str]) -> None:
    sudo.installed(quietly=quietly, asking=1)
    elevation = Elevation({}, terminal=True)
    assert sudo.heard == []
    assert elevation.refused == ("sudo refused" if quietly else "")
    assert (elevation.prefix() is None) == bool(quietly)
    assert elevation.refused == ("sudo refused" if quietly else "")
    assert sudo.heard == heard


@pytest.mark.usefixtures("user")
def test_a_sudo_that_hangs_or_cannot_be_run_gives_no_root(
    sudo: Sudo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elevate, "PATIENCE", 0.2)
    sudo.is_script("exec cat /dev/zero > /dev/null")
    assert "no terminal" in Elevation({}, terminal=False).refused
    (sudo.place / "sudo").unlink()  # the one that hung may be in use for a moment yet
    (sudo.place / "sudo").write_text("#!/nowhere/sh\n")
    (sudo.place / "sudo").chmod(0o755)
    assert Elevation({}, terminal=True).refused == "sudo refused"


@pytest.mark.usefixtures("user")
def test_a_sudo_that_is_to_ask_nothing_cannot_read_what_is_typed(sudo: Sudo) -> None:
    sudo.is_script("read line && exit 1; exit 0")
    read, write = os.pipe()
    kept = os.dup(0)
    try:
        os.write(write, b"typed\n")
        os.dup2(read, 0)
        assert Elevation({}, terminal=False).prefix() is not None
    finally:
        os.dup2(kept, 0)
        for descriptor in (read, write, kept):
            os.close(descriptor)


@contextlib.contextmanager
def redirected(descriptor: int, path: Path) -> Iterator[None]:
    kept = os.dup(descriptor)
    with path.open("wb") as file:
        os.dup2(file.fileno(), descriptor)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


@pytest.mark.usefixtures("user")
def test_what_sudo_prints_does_not_get_into_a_report(sudo: Sudo) -> None:
    """Only the call that asks the user is heard, and on standard error."""
    sudo.is_script("echo noise $1; echo error $1 >&2; [ $1 = -v ]")
    output, error = sudo.place / "output", sudo.place / "error"
    with redirected(1, output), redirected(2, error):
        assert Elevation({}, terminal=True).prefix() is not None
    assert output.read_text() == ""
    assert error.read_text() == "noise -v\nerror -v\n"


@pytest.mark.usefixtures("user")
def test_what_is_roots_is_stopped_by_root(sudo: Sudo) -> None:
    sudo.installed(quietly=0)
    with subprocess.Popen(["sleep", "60"]) as process:
        Elevation({}, terminal=False).stopper()(process.pid, 15)
        assert process.wait() == -15
    assert sudo.heard == ["-n true", f"-n kill -15 -- {process.pid}"]


@pytest.mark.usefixtures("user")
def test_without_a_way_to_root_nothing_is_signalled(sudo: Sudo) -> None:
    sudo.installed(quietly=1)
    Elevation({}, terminal=False).stopper()(os.getpid(), 15)
    assert sudo.heard == ["-n true"]
