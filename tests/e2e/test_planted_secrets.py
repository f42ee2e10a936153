"""Secrets planted all over a machine and a checkout: none is in a snapshot or in JSON.

One real run each of `check` with its smoke, of an object, of errors, and of a recorded machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import transient_settings
from private_path import script

from bpfdoctor.host.record import Recorded, Snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.model import Tool
from bpfdoctor.smoke.run import Ran, RunProgram

COMMAND = (sys.executable, "-m", "bpfdoctor")

IN_THE_ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "GITHUB_TOKEN": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "CI_JOB_PASSWORD": "correct-horse-battery",
    "PLAIN_SETTING": "unlisted-value-4711",
    "SUDO_USER": "epona",
    "LOGNAME": "malon",
    "CFLAGS": "-O2 -DTOKEN=cflags-secret-1 '-DAPI_KEY=cflags secret-2'",
    "CPATH": "/home/darunia/include:/usr/include",
    "PKG_CONFIG_PATH": "/home/saria/lib/pkgconfig",
}
TOLD = {
    **{name: value for name, value in IN_THE_ENVIRONMENT.items() if name.isupper()},
    "CFLAGS": "cflags-secret-1",
    "CFLAGS, quoted": "secret-2",
    "CPATH": "darunia",
    "PKG_CONFIG_PATH": "saria",
}
MAKEFILE = {
    "an author's address": "ganon@castle.example",
    "a comment": "pw is 4kokiri4",
    "a secret variable": "deku-tree-9",
    "a definition": "makefile-define-7",
    "a login": "triforce-pw",
    "a query": "query-private-token",
    "a token": "glpat-0123456789abcdefghij",
    "an address": "192.168.77.13",
    "another's home": "rauru",
}
RECIPE = """
# Written by Ganon <ganon@castle.example>, whose pw is 4kokiri4
DEPLOY_SECRET := deku-tree-9
ALL_OF_IT := $(AWS_SECRET_ACCESS_KEY) $(PLAIN_SETTING)
DEFINES = -DPASSWORD=makefile-define-7
MIRROR = https://navi:triforce-pw@mirror.example/x?private_token=query-private-token
NAS = rsync://192.168.77.13/module
OTHER = /home/rauru/lib
JOB = glpat-0123456789abcdefghij
$(info $(DEFINES) $(MIRROR) $(NAS) $(OTHER) $(JOB) $(AWS_SECRET_ACCESS_KEY))
$(info $(shell echo password: $$CI_JOB_PASSWORD at $$PWD))
"""
SUBMODULES = {
    "libbpf": ("https://oauth2:url-password-3@git.castle.example/libbpf", "url-password-3"),
    "bpftool": ("deploy@10.20.30.40:bpf/bpftool.git", "10.20.30.40"),
    "blazesym": ("https://git.castle.example/b?private_token=submodule-query", "submodule-query"),
    "vmlinux.h": ("ssh://zora@[2001:db8::4711]/vmlinux.h#fragment-key", "2001:db8::4711"),
}
PLACES = ("client-hyrule", "project-ocarina", "tree-of-deku")
VERSION = """
echo 'clang version 14.0.6 (https://build:tool-password@llvm.castle.example/x)'
echo 'Target: x86_64-pc-linux-gnu, built by impa@build.example on 172.16.9.9 (52:54:00:ab:cd:ef)'
echo 'InstalledDir: /home/sheik/llvm; Authorization: Bearer tool-bearer-token'
"""
TOOL = ("tool-password", "llvm.castle", "impa@", "172.16.9.9", "52:54:00", "sheik", "tool-bearer")


def run(*words: str, environ: Mapping[str, str], cwd: Path, host: str = "") -> str:
    """The command's standard output, with another host name where we may have one."""
    command = [*COMMAND, *words]
    if host:
        shell = f'hostname {host}; exec "$@"'
        command = ["unshare", "--uts", "sh", "-c", shell, "sh", *command]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environ, timeout=300
    )
    assert ended.returncode in (0, 1, 2, 3), ended.stderr
    return ended.stdout


def found(texts: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Which secrets are where, with what stands around them."""
    return [
        f"{what} in {name}: {text[max(0, at - 60) : at + 60]!r}"
        for name, text in texts.items()
        for what, secret in secrets.items()
        if (at := text.lower().find(secret.lower())) >= 0
    ]


def configure(place: Path, *words: str) -> None:
    """Write a setting of git's."""
    subprocess.run(("git", "config", *words), cwd=place, check=True)


@pytest.fixture
def planted(
    make_checkout: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A checkout full of secrets, deep in directories with telling names."""
    made = make_checkout(tmp_path)
    place = tmp_path.joinpath(*PLACES)
    place.parent.mkdir(parents=True)
    made.rename(place)
    makefile = place / "examples/c/Makefile"
    makefile.write_text(RECIPE + makefile.read_text())
    for name, (url, _) in SUBMODULES.items():
        for file in (".gitmodules", ".git/config"):
            configure(place, "-f", file, f"submodule.{name}.url", url)
    shutil.rmtree(place / "blazesym")
    (place / "blazesym").mkdir()
    configure(place, "remote.origin.url", "https://x:origin-password@h.example/y")
    configure(place, "submodule.libbpf.update", "!curl -u zora:update-password https://x")
    configure(place, "user.email", "tingle@maps.example")
    tools = tmp_path / "tools-of-ruto"
    tools.mkdir()
    for name in ("bpftool-of-ruto", "cargo", "clang-14"):
        script(tools, name, VERSION)
    (tmp_path / "tmp-of-nabooru").mkdir()
    for name, value in IN_THE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp-of-nabooru"))
    monkeypatch.setenv("PATH", f"{tools}:/home/talon/bin:{os.environ['PATH']}")
    return place


SECRETS = {
    **TOLD,
    **MAKEFILE,
    **{f"submodule {name}": secret for name, (_, secret) in SUBMODULES.items()},
    "a fragment": "fragment-key",
    "a private host": "git.castle.example",
    "git's origin": "origin-password",
    "git's update": "update-password",
    "git's address": "tingle@",
    **{f"directory {name}": name for name in PLACES},
    **{f"what a tool says: {each}": each for each in TOOL},
    "TMPDIR": "tmp-of-nabooru",
    "PATH": "tools-of-ruto",
    "PATH, another's": "talon",
}
"""Each is planted in one place."""


def test_none_of_fifty_planted_secrets_is_in_json_or_in_a_snapshot(
    planted: Path, tmp_path: Path
) -> None:
    host = "kakariko-host" if os.geteuid() == 0 and shutil.which("unshare") else ""
    snapshot, environ = tmp_path / "snapshot.json", dict(os.environ)
    named = ("--record", str(snapshot), "--format", "text=said.txt", "--format", "json=said.json")
    where = os.path.relpath(planted, tmp_path / "tools-of-ruto")
    run("check", "-C", where, *named, environ=environ, cwd=tmp_path / "tools-of-ruto", host=host)
    again = run("check", "--json", "--from", str(snapshot), environ=environ, cwd=tmp_path)
    said = (tmp_path / "tools-of-ruto/said.json").read_text()
    texts = {"json": said, "snapshot": snapshot.read_text(), "replay": again}
    assert len(SECRETS) >= 40
    assert "libbpf" in said
    assert "AskSubmodules" in texts["snapshot"]
    assert found(texts, {**SECRETS, "host name": host or "no-such-host"}) == []
    assert second_opinion(texts) == []
    shown = {"text": (tmp_path / "tools-of-ruto/said.txt").read_text()}
    assert found(shown, {name: SECRETS[name] for name in USELESS}) == []

    live, replayed = json.loads(said), json.loads(again)
    for name in ("started", "seconds"):
        live.pop(name), replayed.pop(name)
    assert live == replayed


USELESS = ("GITHUB_TOKEN", "CFLAGS", "a definition", "a login", "a query", "a token")
"""Of no use in a command: text has none of them either."""

PLUGINS = """
ArtifactoryDetector AWSKeyDetector AzureStorageKeyDetector BasicAuthDetector CloudantDetector
DiscordBotTokenDetector GitHubTokenDetector GitLabTokenDetector IbmCloudIamDetector
IbmCosHmacDetector JwtTokenDetector KeywordDetector MailchimpDetector NpmDetector OpenAIDetector
PrivateKeyDetector PypiTokenDetector SendGridDetector SlackDetector SoftlayerDetector
SquareOAuthDetector StripeDetector TelegramBotTokenDetector TwilioKeyDetector IPPublicDetector
"""
"""All but those that take every hash for a secret."""


def second_opinion(texts: Mapping[str, str]) -> list[str]:
    """What detect-secrets takes for a secret, that is not our word for one."""
    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS.split()]}):
        return [
            f"{each.type} in {name}: {each.secret_value}: {line.strip()[:200]}"
            for name, text in texts.items()
            for line in text.splitlines()
            for each in scan_line(line)
            if not (each.secret_value or "").startswith("$")
        ]


def seen(tmp_path: Path, *words: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a command writes as JSON, and its snapshot, if it writes one."""
    there = {**os.environ, **(environ or {})}
    texts = {"json": run(*words, "--json", environ=there, cwd=tmp_path)}
    if (tmp_path / "snapshot.json").exists():
        texts["snapshot"] = (tmp_path / "snapshot.json").read_text()
    return texts


OBJECT = """
char licence[] __attribute__((section("license"))) = "GPL ghp_0123456789abcdefghijABCDEFGHIJ012345";
int value __attribute__((section(".data.zelda@castle.example"))) = 1;
char said[] __attribute__((section(".rodata"))) = "-----BEGIN RSA PRIVATE KEY-----";
__attribute__((section("kprobe/AKIAIOSFODNN7EXAMPLE"))) int f(void *ctx) { return value + said[0]; }
__attribute__((section("tp/password=section-secret/x"))) int g(void *ctx) { return value; }
"""


def test_what_an_object_says_holds_no_secret(
    tmp_path: Path, needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("clang")
    place = tmp_path / "client-hyrule"
    place.mkdir()
    (place / "x.c").write_text(OBJECT)
    made = ("clang", "-g", "-O2", "-target", "bpf", "-c", "x.c", "-o", "x.bpf.o")
    subprocess.run(made, cwd=place, check=True, capture_output=True)
    (tmp_path / "here").mkdir()
    for spelled in (str(place / "x.bpf.o"), "client-hyrule/x.bpf.o", "./client-hyrule/x.bpf.o"):
        texts = seen(tmp_path, "check", "--object", spelled, "--record", "snapshot.json")
        assert "x.bpf.o" in texts["json"]
        assert {"ReadObject", "MatchBtf"} <= set(re.findall(r"\w+", texts["snapshot"]))
        secrets = {"a token": "ghp_01", "an address": "castle.ex", "a key": "AKIAIO"}
        more = {"a header": "PRIVATE KEY", "a name": "section-secret", "a place": "client-hyrule"}
        assert found(texts, {**secrets, **more}) == []


@pytest.mark.parametrize(
    "words",
    [
        ("-C", "../client-hyrule/gone"),
        ("-C", "PLACE/client-hyrule/gone"),
        ("--object", "PLACE/client-hyrule/gone.bpf.o"),
        ("--record", "PLACE/client-hyrule/gone/snapshot.json"),
        ("--record=PLACE/client-hyrule/gone/snapshot.json",),
        ("--from", "PLACE/client-hyrule/gone.json"),
        ("--from", "https://navi:triforce@x/y.json"),
        ("--project", "ghp_0123456789abcdefghijABCDEFGHIJ012345"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_an_error_in_json_tells_of_no_place_that_was_typed(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "client-hyrule").mkdir()
    (tmp_path / "here").mkdir()
    typed = [each.replace("PLACE", str(tmp_path)) for each in words]
    texts = seen(tmp_path / "here", "check", "--no-smoke", *typed)
    assert '"message"' in texts["json"]
    secrets = {"a place": "client-hyrule", "another": tmp_path.name, "a login": "triforce"}
    assert found(texts, {**secrets, "a token": "ghp_01"}) == []


def test_a_project_file_is_not_quoted_with_its_secrets(tmp_path: Path) -> None:
    kind = "glpat-0123456789abcdefghij"
    (tmp_path / "bpfdoctor.toml").write_text(f'[project]\nkind = "{kind}"\n')
    assert found(seen(tmp_path, "check", "--no-smoke"), {"a token": kind}) == []


CMDLINE = (
    "BOOT_IMAGE=/vmlinuz root=UUID=0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f ip=10.9.8.7::10.9.8.1"
    " systemd.machine_id=0123456789abcdef0123456789abcdef rd.luks.key=luks-key-file user=malon"
    " ifname=eth0:52:54:00:ab:cd:ef nfsroot=10.9.8.2:/srv iscsi_password=iscsi-secret quiet"
)
MOUNTS = (
    "//nas/share /mnt/x cifs rw,username=talon,password=mount-secret,domain=KAKARIKO,addr=10.7.7.7"
    " 0 0\ndarunia@10.5.5.5:/x /home/darunia/x fuse.sshfs rw,user_id=0 0 0\n"
)
OUTPUT = (
    "connecting to postgres://app:output-secret@10.4.4.4/x\nexport API_TOKEN=output-token-1\n"
    'wlan0 ESSID:"hyrule wifi" psk=wifi-secret\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n'
    "-----END OPENSSH PRIVATE KEY-----\nSerial: 7 serial=SN12345678 mail to malon@ranch.example\n"
    "Set-Cookie: sid=cookie-secret; path=/\nfe80::5054:ff:feab:cdef%eth0\n"
)
HELD = """
0a1b2c3d-0a1b 10.9.8.7 10.9.8.1 0123456789abcdef luks-key-file malon 52:54:00 10.9.8.2 iscsi-secret
talon mount-secret KAKARIKO 10.7.7.7 darunia 10.5.5.5 output-secret output-token-1 wifi-secret
b3BlbnNz SN12345678 ranch.example cookie-secret fe80 10.4.4.4 argument-secret 10.3.3.3 wifi
"""


def test_no_answer_of_a_recorded_machine_holds_a_secret() -> None:
    texts = {ReadFile("/proc/cmdline"): CMDLINE, ReadFile("/proc/mounts"): MOUNTS}
    answers = [Recorded(question, FileText(text)) for question, text in texts.items()]
    argv = ("curl", "--api-token", "argument-secret", "http://10.3.3.3/")
    answers.append(Recorded(RunCommand(argv), Completed(0, OUTPUT, OUTPUT)))
    answers.append(Recorded(RunProgram("/x", "", "p"), Ran(1, OUTPUT, proof=OUTPUT)))
    snapshot = Snapshot(Tool("x", "1"), "3", "", 0.0, {"k": OUTPUT}, tuple(answers))
    written = {"snapshot": snapshot.encoded(Redactor()).decode()}
    assert found(written, {each: each for each in HELD.split()}) == []
    assert second_opinion(written) == []
