"""What looks like a secret is replaced, and what only looks a little like one is not."""

from __future__ import annotations

import pytest
from cpu_limit import within_cpu

from bpfdoctor.host.secret_names import is_secret_name, steers_builds
from bpfdoctor.host.secret_values import Secrets

TOKENS = [
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "github_pat_11ABCDEFG0123456789_abcdefghij",
    "glpat-0123456789abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "xoxb-123456789012-abcdefGHIJ",
    "npm_0123456789abcdefghijABCDEFGHIJ012345",
    "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
    "sk_live_0123456789abcdef",
    "sk-proj-0123456789abcdefghij01",
    "AIzaSyA0123456789abcdefghijABCDEFGHIJ01",
    "SG.0123456789abcdefghij.0123456789abcdefghij",
    "hf_0123456789abcdefghijABCDEF",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP",
    "123456789:AAF0123456789abcdefghijABCDEFGHIJ01",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["%s", "a %s b", "x='%s'", "path/%s/x", "(%s)"])
def test_a_token_is_known_by_its_shape(token: str, around: str) -> None:
    assert Secrets().text(around % token) == around % "$SECRET"


def test_a_token_is_known_behind_what_its_own_shape_may_hold() -> None:
    text = "a-glpat-0123456789abcdefghij a_AKIAIOSFODNN7EXAMPLE a-eyJhbGci.eyJzdWIi.dBjftJeZ"
    assert Secrets().text(text) == "a-$SECRET a_$SECRET a-eyJhbGci.$SECRET"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("-DTOKEN=abc -DX=1", "-DTOKEN=$SECRET -DX=1"),
        ("cc '-DTOKEN=a b' x", "cc '-DTOKEN=$SECRET' x"),
        ('cc -DTOKEN=\\"a b\\" x', 'cc -DTOKEN=\\"$SECRET\\" x'),
        ("cc -DKEY='\"a b\"' x", "cc -DKEY='$SECRET' x"),
        ("cc -DTOKEN=a\\ b x", "cc -DTOKEN=$SECRET x"),
        ("run 'TOKEN=it'\"'\"'s' x", "run 'TOKEN=$SECRET' x"),
        ("run 'TOKEN=never closed", "run 'TOKEN=$SECRET"),
        ("make authToken=abc V=1", "make authToken=$SECRET V=1"),
        ("DEPLOY_KEY := a b # c\nCC = gcc", "DEPLOY_KEY := $SECRET\nCC = gcc"),
        ("export PASSWORD ?= a \\\n b\nCC = gcc", "export PASSWORD ?= $SECRET\nCC = gcc"),
        ('{"password": "a b", "n": 1}', '{"password": "$SECRET", "n": 1}'),
        ('ESSID:"a b" x', 'ESSID:"$SECRET" x'),
        ("password: hunter2 x", "password: $SECRET x"),
        ("curl --api-key abc x", "curl --api-key $SECRET x"),
        ("all: export KEY = a b\n\tcc", "all: export KEY = $SECRET\n\tcc"),
        ("define PASSWORD\na\nb\nendef\nC=d", "define PASSWORD\n$SECRET\nendef\nC=d"),
        ("define APPS\na\nendef", "define APPS\na\nendef"),
        ("sshpass -p hunter2 ssh x", "sshpass -p $SECRET ssh x"),
        ("machine h login bob password hunter2", "machine h login bob password $SECRET"),
        ("Server=h;Pwd=abc; x", "Server=h;Pwd=$SECRET x"),
        ("see //r.example/:_authToken=abc x", "see //r.example/:_authToken=$SECRET x"),
        ("curl -u bob:pw x", "curl -u $SECRET x"),
        ("Authorization: Basic abc def\nHost: x", "Authorization: $SECRET\nHost: x"),
        ("curl -H 'Private-Token: abc' x", "curl -H 'Private-Token: $SECRET' x"),
        ("sent Bearer 0123456789abcdef.x", "sent Bearer $SECRET"),
        ("rw,password=a,b 0 0", "rw,password=$SECRET 0 0"),
        ("https://bob:pw@h.corp/x", "https://$SECRET@h.corp/x"),
        ("https://bob:p@w@h.corp/x", "https://$SECRET@h.corp/x"),
        ("https://bob:p/w@h.corp/x", "https://$SECRET@h.corp/x"),
        ("https:/bob:pw@h.corp/x", "https:/$SECRET@h.corp/x"),
        ("https://h.corp/x?a=b&c=d y", "https://h.corp/x?$QUERY y"),
        ("https://github.com/x?a=b", "https://github.com/x?$QUERY"),
        ("https://h.corp/x#abc", "https://h.corp/x#$FRAGMENT"),
        ("-----BEGIN PRIVATE KEY-----\na\n-----END PRIVATE KEY-----\nb", "$SECRET\nb"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nnever ended", "a $SECRET"),
    ],
)
def test_what_is_written_for_what_was_said(said: str, written: str) -> None:
    assert Secrets().text(said) == written


@pytest.mark.parametrize(
    "text",
    [
        "key = 0; struct key = {",
        "token == x; token != y",
        "CONFIG_KEYS=y CONFIG_ENCRYPTED_KEYS=m KEY=3 PASS=0x10",
        "PASSWORD=$(PW) TOKEN=${T} KEY=$K SECRET=@SECRET@",
        "KEY_SIZE=large key_size: 4, tokenizer=fast bypass=never keyboard=us",
        "glibc-devel-static-x86_64-2.36 sk-lookup-and-many-other-words",
        "Basic authentication is bearer of news",
        "https://www.kernel.org/doc/html/latest/bpf/btf.html#bpf-btf",
        "https://git.kernel.org/x/commit/?id=2f4b3bf6b231",
        "http://h.corp:8080/x docker -u 1000:1000",
        "auth: none needed",
        "token_fd = bpf_token_create(fd, 0); cookie = 5; .token_fd=obj->token_fd,",
        "PWD=/x OLDPWD=/y",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Secrets().text(text) == text


def test_what_a_secret_variable_holds_is_secret_wherever_it_is_met() -> None:
    environ = {
        "CI_PASSWORD": "hunter",
        "X_AUTH": "abcdefg8",
        "KEY_FILE": "plainword1",
        "MY_KEY": "kernelish",
        "GPG_KEY": "/home/x/key",
        "A_TOKEN": "true",
        "PATH": "/usr/bin",
    }
    text = "hunter abcdefg8 plainword1 kernelish /home/x/key true /usr/bin hunters"
    written = "$SECRET $SECRET plainword1 kernelish /home/x/key true /usr/bin hunters"
    assert Secrets.of(environ).text(text) == written


def test_structures_hold_no_value_of_a_secret_name() -> None:
    value = {
        "GITHUB_TOKEN": "abc",
        "argv": ("x", "--password", "abc", "abc"),
        "CC": "abc",
        "KEY": 1,
    }
    written = {**value, "GITHUB_TOKEN": "$SECRET", "argv": ("x", "--password", "$SECRET", "abc")}
    assert Secrets().value(value) == written


@pytest.mark.parametrize(
    "name",
    ["CC", "CROSS_COMPILE", "EXTRA_CFLAGS", "LIBBPF_SRC", "V", "HOME", "APPS", "LLVM_CONFIG"],
)
def test_a_makefile_learns_what_steers_builds(name: str) -> None:
    assert steers_builds(name)


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "LIBBPF_TOKEN", "DATABASE_URL", "CFLAGS_KEY", "SSH_AUTH_SOCK", ""],
)
def test_a_makefile_learns_nothing_else(name: str) -> None:
    assert not steers_builds(name)


@pytest.mark.parametrize(
    "name", ["KEY", "api-key", "authToken", "DB_PWD", "a.password", "secrets2"]
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret_name(name)


UNITS = [
    *("a", "a-", "--a ", "a:", "a://", "a://b:c", "://a:b", "TOKEN=", "TOKEN='", '"TOKEN=', "x\\"),
    *(
        "TOKEN='x\n",
        "KEY=1 ",
        '"token"',
        '\\"token\\":\\"',
        "-----BEGIN PRIVATE KEY-----",
        "$SECRET",
    ),
    *("eyJ-", "eyJaaaaa.", "SG.aaaaaaaaaaaaaaaaaa", "sk-", "sk-a-", "Bearer aaa", "-u a:", "?#"),
    *("Maaaaaaaaaaaaaaaaaaaaaaa.", "1.", "ab:", "::", "0a1b2c3d-", "a@", "x@y.", "/home/a", "~a/"),
    *("user=a", "'", '"', "../lb", "../lb/", "[", "é", "\n", "hunter22", ".hyrule", "://[:"),
    *(
        "define a\n",
        "a:b.git",
        "a:",
        "login a",
        "login a password ",
        "pass:",
        "sshpass -p",
        "#\\\n",
    ),
]
CODE = """
import sys
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.secret_values import Secrets
spelled = [("../lb", "/home/bob/acme/lb"), ("lb", "/home/bob/acme/lb")]
redactor = Redactor("/home/bob/acme/lb", "/home/bob", "", "bob", "hyrule", spelled=spelled,
    secrets=Secrets(["hunter22"]))
for unit in eval(sys.argv[1]):
    redactor.text(unit * (150_000 // len(unit)))
"""


def test_hostile_text_is_redacted_in_a_time_that_its_size_bounds() -> None:
    within_cpu(CODE, repr(UNITS), seconds=100)
