"""What a command gets of the environment; another user's gets named variables alone."""

from __future__ import annotations

import os
import pwd

import pytest

from bpfdoctor.host.credentials import Credentials, credentials_of
from bpfdoctor.host.environment import child_environment, home_of
from bpfdoctor.host.machine import Machine

NOBODY = credentials_of(pwd.getpwnam("nobody").pw_uid)


KEYS = """
AWS_SECRET_ACCESS_KEY GITHUB_TOKEN SSH_AUTH_SOCK GPG_AGENT_INFO CARGO_REGISTRY_TOKEN KUBECONFIG
DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR XDG_CONFIG_HOME PYTHONPATH LD_PRELOAD BASH_ENV ENV
SUDO_USER CCACHE_SECONDARY_STORAGE MY_CC CCX NPM_TOKEN TMPDIR MAIL OLDPWD
"""
STEERING = """
PATH CC CLANG ARCH CFLAGS EXTRA_CFLAGS CPATH MAKEFLAGS LLVM_STRIP PKG_CONFIG_PATH https_proxy
no_proxy TERM CROSS_COMPILE VMLINUX
"""


@pytest.mark.parametrize("name", KEYS.split())
def test_what_may_be_a_key_or_an_agent_is_roots_alone(name: str) -> None:
    assert name not in child_environment({name: "x"}, NOBODY)
    assert child_environment({name: "x"})[name] == "x"


@pytest.mark.parametrize("name", STEERING.split())
def test_what_steers_a_build_is_passed_on(name: str) -> None:
    assert child_environment({name: "x"}, NOBODY)[name] == "x"


def test_a_proxy_with_a_login_is_roots_alone() -> None:
    given = {"https_proxy": "http://root:secret@proxy:3128", "http_proxy": "http://proxy:3128"}
    assert set(given) & set(child_environment(given, NOBODY)) == {"http_proxy"}


def test_home_and_name_are_that_users() -> None:
    given = {"HOME": "/root", "USER": "root", "LOGNAME": "root"}
    known = pwd.getpwnam("nobody")
    environ = child_environment(given, NOBODY)
    assert (environ["HOME"], environ["USER"], environ["LOGNAME"]) == (
        known.pw_dir,
        "nobody",
        "nobody",
    )
    nameless = child_environment(given, Credentials(3_999_999_999, 1))
    assert nameless["HOME"] == home_of(3_999_999_999) == "/nonexistent"
    assert "USER" not in nameless


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone becomes another user")
def test_a_command_of_another_user_has_his_groups_and_nothing_of_ours() -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    machine = Machine({"PATH": "/usr/bin:/bin", "GITHUB_TOKEN": "secret"})
    script = "id -u; id -g; id -G; ls /proc/self/fd; grep CapEff /proc/self/status; env"
    try:
        said = machine.run(["sh", "-c", script], identity=NOBODY, cwd="/").stdout.decode()
    finally:
        os.close(reader)
        os.close(writer)
    lines = said.splitlines()
    assert lines[:3] == [str(NOBODY.uid), str(NOBODY.gid), " ".join(map(str, NOBODY.groups))]
    assert lines[3:7] == ["0", "1", "2", "3"]  # the last is that of the directory, for ls
    assert lines[7].split() == ["CapEff:", "0" * 16]
    assert "secret" not in said
