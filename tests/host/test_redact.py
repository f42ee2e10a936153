"""What names a person, a machine or a place never gets into a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cpu_limit import within_cpu
from hypothesis import given, settings, strategies as st

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor, printable
from bpfdoctor.host.redact_allowlist import COMMON
from bpfdoctor.host.system.files import FileText, LookAt, PathFacts, ReadFile

CHECKOUT = "/home/zelda/src/libbpf-bootstrap"


def zeldas() -> Redactor:
    return Redactor(
        checkout=CHECKOUT,
        home="/home/zelda",
        cache="/home/zelda/.cache/bpfdoctor",
        user="zelda",
        host_name=("hyrule.corp.example", "hyrule"),
    )


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (f"{CHECKOUT}/examples/c", "$CHECKOUT/examples/c"),
        ("/home/zelda/.cache/bpfdoctor/x", "$CACHE/x"),
        ("/home/zelda", "~"),
        ("PATH=/bin:/home/zelda/bin:/usr/bin", "PATH=/bin:~/bin:/usr/bin"),
        (
            f"-I/home/zelda/inc -L{CHECKOUT} -isystem/home/zelda/a",
            "-I~/inc -L$CHECKOUT -isystem~/a",
        ),
        ("file:///home/zelda/x", "file://~/x"),
        ("/mnt/home/zelda/x", "/mnt/home/$USER/x"),
        ("/home/zeldas/x /home/zelda-old", "/home/zeldas/x /home/$USER-old"),
        ("owner zelda (zelda's)", "owner $USER ($USER's)"),
        ("Linux Hyrule 6.1, hyrule.corp.example", "Linux $HOST 6.1, $HOST"),
        ("https://zelda:secret@git.corp.example/zelda/x", "https://$USER@$HOST1/$USER/x"),
        ("http://[fe80::1]:3142/debian", "http://$HOST1:3142/debian"),
        ("git@git.corp.example:zelda/x.git", "git@$HOST1:$USER/x.git"),
        ("https://hyrule:8000/", "https://$HOST:8000/"),
        ("clone https://github.com/libbpf/libbpf-bootstrap", None),
        ("https://www.kernel.org/doc https://deb.debian.org/debian", None),
        ("undefined reference to `memcpy@GLIBC_2.14'", None),
        ("$ make 'CLANG=clang -O2' A='$B'", None),
    ],
)
def test_what_is_written_for_what_was_said(said: str, written: str | None) -> None:
    assert zeldas().text(said) == (said if written is None else written)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("on HYRULE", "on $HOST"),
        ("git@git.example:x", "git@$HOST1:x"),
        ("cat '~/x'", "cat ~/x"),
        ("/home/Link/x", "~/x"),
        ("ro\u017falind", "$HOST"),  # a long s, which is an s where case does not count
    ],
)
def test_one_sign_is_enough_for_a_line_to_be_looked_at(said: str, written: str) -> None:
    redactor = Redactor(home="/home/Link", user="Link", host_name=("hyrule", "Rosalind"))
    assert redactor.text(said) == written


def test_a_host_keeps_its_token_and_another_gets_another() -> None:
    redact = zeldas().text
    assert redact("http://a.corp/1 http://b.corp/2") == "http://$HOST1/1 http://$HOST2/2"
    assert redact("ssh://B.corp/3") == "ssh://$HOST2/3"


def test_quotes_that_only_a_replaced_path_needed_are_dropped() -> None:
    spaced = Redactor(home="/home/zelda x")
    assert spaced.text("$ '/home/zelda x/clang' -v") == "$ ~/clang -v"
    assert spaced.text("$ 'CLANG=/home/zelda x/my clang'") == "$ 'CLANG=~/my clang'"
    assert spaced.text("$ '~/clang'") == "$ ~/clang"


@pytest.mark.parametrize("unit", ["$HOST1", "~", "$USER/1", "a"])
def test_quotes_that_are_never_closed_are_read_in_a_bounded_time(unit: str) -> None:
    code = "import sys; from bpfdoctor.host.redact import Redactor as R; print(R().text(input()))"
    assert within_cpu(code, given=f"'{unit * 20000}").strip() == f"'{unit * 20000}"
    assert Redactor().text(f"'{unit * 3}'") == (f"'{unit * 3}'" if unit == "a" else unit * 3)


@pytest.mark.parametrize(
    "name", ["root", "user", "www-data", "debian", "vm", "x", "", "USER", "host7"]
)
def test_a_name_that_identifies_nobody_mangles_nothing(name: str) -> None:
    text = f"{name} /etc/{name} user root host7 debian /usr/lib/x86_64-linux-gnu $USER"
    assert Redactor(user=name, host_name=name).text(text) == text


def test_the_root_directory_and_no_directory_are_no_secret() -> None:
    assert Redactor(checkout="/", home="", cache="relative").text("/usr / relative") == (
        "/usr / relative"
    )


def test_root_is_at_home_in_slash_root_alone() -> None:
    redact = Redactor(home="/root", user="root", checkout="/src").text
    assert redact("/root/x root /chroot/root /usr/src/linux /src/a") == (
        "~/x root /chroot/root /usr/src/linux $CHECKOUT/a"
    )


def test_a_structure_keeps_its_shape_and_its_numbers() -> None:
    redactor = zeldas()
    facts = PathFacts("link", "/home/zelda/x", "file", 7, 0o644, 1000, True)
    assert redactor.value(facts).target == "~/x"
    assert redactor.value({"/home/zelda": [1, None, ("zelda", True)]}) == {
        "~": [1, None, ("$USER", True)]
    }


def test_names_of_fields_and_fields_of_few_words_are_no_secrets() -> None:
    odd = Redactor(user="link-x", host_name="limit")
    assert odd.value(ReadFile("/limit", 5)) == ReadFile("/$HOST", 5)
    assert odd.value(LookAt("link-x")) == LookAt("$USER")


def test_what_is_no_text_is_escaped() -> None:
    assert zeldas().text(os.fsdecode(b"/home/zelda/\xff")) == "~/\\xff"
    assert printable("\ud800") == "\\ud800"
    assert Redactor(home=os.fsdecode(b"/home/\xff")).value(FileText("/home/\\xff/a")).text == "~/a"


def test_this_machine_gives_its_own_names(tmp_path: Path) -> None:
    link = tmp_path / "home"
    (tmp_path / "real").mkdir()
    link.symlink_to(tmp_path / "real")
    machine = Machine({"HOME": str(link), "SUDO_USER": "zelda"}, cache=tmp_path / "cache")
    redact = Redactor.of(machine, str(tmp_path / "checkout")).text
    said = f"{link}/a {tmp_path}/real/b {tmp_path}/cache/c {tmp_path}/checkout/d zelda"
    assert redact(said) == "~/a ~/b $CACHE/c $CHECKOUT/d $USER"


PLACES = (CHECKOUT, "/home/zelda", "/root", "zelda", "hyrule", "HYRULE", "hyrule.corp.example")
ROUND = ("http://", "https://zelda@", "git@", "zelda@", "nas.corp", "github.com", "$USER", "$HOST1")
PARTS = st.sampled_from((*PLACES, *ROUND, *"/.~':a _@-\né$`\"=[]%\udc80", "-I"))
TEXTS = st.lists(PARTS | st.characters(), max_size=12).map("".join)


@settings(deadline=None)
@given(TEXTS)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    redactor = Redactor(
        CHECKOUT, ("/home/zelda", "/root"), "", "zelda", ("hyrule.corp.example", "hyrule")
    )
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert Redactor().text(once) == once


def names() -> st.SearchStrategy[str]:
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-"
    words = st.text(alphabet, min_size=3, max_size=12)
    return words.filter(lambda w: w[0].isalpha() and w[-1] != "-" and w not in COMMON).map(
        lambda w: f"{w}q7"  # no word of the other parts
    )


@settings(deadline=None)
@given(
    names(), names(), st.lists(TEXTS, min_size=2, max_size=5), st.sampled_from([" ", "/", ":", "'"])
)
def test_a_planted_name_never_survives(user: str, host: str, texts: list[str], edge: str) -> None:
    home = f"/home/{user}"
    redactor = Redactor(f"{home}/tree", home, f"{home}/.cache/x", user, host)
    secrets = [f"{home}/tree/a", home, user, host, f"http://{user}:pass@{host}/", host.upper()]
    planted = "".join(f"{text}{edge}{secret}{edge}" for text in texts for secret in secrets)
    written = redactor.value({"k": [planted]})["k"][0].lower()
    assert user not in written
    assert host not in written
