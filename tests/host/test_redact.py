"""What names a person, a machine or a place never gets into a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cpu_limit import within_cpu
from hypothesis import given, settings, strategies as st

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.redact_allowlist import COMMON
from bpfdoctor.host.redact_values import printable
from bpfdoctor.host.secret_values import Secrets
from bpfdoctor.host.system.files import Directory, FileText, LookAt, PathFacts, ReadFile

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
        ("/home/zeldas/x /home/zelda-old", "/home/$USER2/x /home/$USER3"),
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


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("deploy@10.1.2.3:x git@10.1.2.3:x", "$USER@$HOST1:x git@$HOST1:x"),
        ("a@[fe80::1]:x a@3com.corp:x", "$USER@$HOST1:x $USER@$HOST2:x"),
        ("url = buildbox:x/y.git", "url = $HOST1:x/y.git"),
        ("ping 10.1.2.3, 10.1.2.3:80 10.1.2.4/24.", "ping $HOST1, $HOST1:80 $HOST2/24."),
        ("2001:db8::1 fe80::5054:ff:fe12:3456%eth0", "$HOST1 $HOST2%eth0"),
        ("ip=10.0.0.2::10.0.0.1:255.255.255.0", "ip=$HOST1::$HOST2:255.255.255.0"),
        ("00:11:22:33:44:55 eth0:00-11-22-33-44-55", "$MAC eth0:$MAC"),
        ("UUID=0a1b2c3d-0a1b-0A1B-0a1b-0a1b2c3d4e5f", "UUID=$UUID"),
        ("Ann <ann@a.example>, x+y@b.example.", "Ann <$EMAIL>, $EMAIL."),
        ("by ann@192.0.2.1", "by $EMAIL"),
        ("-I/home/ann/x ~ann/x /home/ann", "-I/home/$USER2/x ~$USER2/x /home/$USER2"),
        ("/Users/ann /run/media/bob/x", "/Users/$USER2 /run/media/$USER3/x"),
        ("rw,username=ann,domain=CORP login=root", "rw,username=$USER2,domain=$USER3 login=root"),
        (
            "postgres://a:b@db/x redis+tls://:pw@db",
            "postgres://$USER@$HOST1/x redis+tls://$USER@$HOST1",
        ),
        ("https://u:p@w@git.corp/x", "https://$USER@$HOST1/x"),
    ],
)
def test_what_names_a_machine_or_a_person_is_replaced(said: str, written: str) -> None:
    assert Redactor().text(said) == written
    assert zeldas().text(said) == written


@pytest.mark.parametrize(
    "text",
    [
        "5.15.153.1-microsoft-standard-WSL2 version 1.2.3.4 since 5.10.74.3 v1.2.3.4 1.2.3.4.5",
        "memcpy@GLIBC_2.14 foo@plt getty@tty1.service x@sha256:0123 serde@1.0.1 pkg@2:x",
        "file:/srv/x.git https://github.com/libbpf/libbpf.git git.go:10",
        "12:34:56 std::string a::b dead::beef :: ::1 0000:00:1f.2 127.0.0.1 0.0.0.0 999.1.1.1",
        "1.2~rc1 /home/runner /home/user ~/x f ~x",
    ],
)
def test_what_only_looks_like_an_address_or_a_person_stays(text: str) -> None:
    assert Redactor().text(text) == text


CLIENT = "/home/zelda/clients/acme/lb"


def test_the_names_of_the_directories_above_a_checkout_are_hidden() -> None:
    redact = Redactor(CLIENT, "/home/zelda", user="zelda").text
    assert redact(f"{CLIENT}/x {CLIENT}") == "$CHECKOUT/x $CHECKOUT"
    assert redact("/home/zelda/clients/acme/bpfdoctor.toml") == "~/$DIR1/$DIR2/bpfdoctor.toml"
    assert redact("/home/zelda/clients /home/zelda /home /") == "~/$DIR1 ~ /home /"
    assert redact("/home/zelda/clients/globex /home/zelda/x") == "~/$DIR1/globex ~/x"
    assert redact("/home/zelda/clients2") == "~/clients2"


def test_the_names_below_a_checkout_stay() -> None:
    redact = Redactor(CLIENT, "/home/zelda", places=f"{CLIENT}/examples/c").text
    assert (
        redact(f"{CLIENT}/examples/c/x {CLIENT}/examples")
        == "$CHECKOUT/examples/c/x $CHECKOUT/examples"
    )


def test_what_every_system_has_keeps_its_name() -> None:
    redact = Redactor(
        "/usr/src/acme/lb", places=("/var/lib/dpkg", "/usr/lib/llvm-14", "/tmp/x")
    ).text
    assert redact("/usr/src/acme/x /usr/src") == "/usr/src/$DIR1/x /usr/src"
    assert redact("/var/lib/dpkg /usr/lib/llvm-14/bin /tmp/x/y") == (
        "/var/lib/dpkg /usr/lib/llvm-14/bin /tmp/$DIR2/y"
    )


def test_a_question_about_a_parent_is_the_one_that_its_redacted_answer_asks() -> None:
    parents = Directory(CLIENT, tuple(str(each) for each in Path(CLIENT).parents))
    redactor = Redactor(CLIENT, "/home/zelda", user="zelda")
    for live, written in zip(parents.parents, redactor.value(parents).parents, strict=True):
        for name in ("bpfdoctor.toml", "examples/c/Makefile", ".git"):
            asked = LookAt(f"{live.rstrip('/')}/{name}")
            replayed = LookAt(f"{written.rstrip('/')}/{name}")
            assert redactor.value(asked) == replayed == Redactor().value(replayed)


def test_a_path_is_hidden_as_it_was_typed() -> None:
    spelled = [("../acme/lb", CLIENT), ("lb", CLIENT)]
    redact = Redactor(CLIENT, "/home/zelda", spelled=spelled).text
    assert redact("../acme/lb") == redact("lb") == "$CHECKOUT"
    assert redact("stat ../acme/lb/x") == redact("stat lb/x") == "stat $CHECKOUT/x"
    assert redact("see '../acme/lb/x': lb is a word, ../acme/lb2") == (
        "see $CHECKOUT/x: lb is a word, ../acme/lb2"
    )


def test_what_is_no_address_after_all_hides_no_name() -> None:
    redact = Redactor(user="ada", host_name="bee-7").text
    assert redact("::ada x::bee-7 a::ada") == "::$USER x::$HOST a::$USER"


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
SECRETS = (
    *("TOKEN=", "'KEY=", '"password": ', "-DAPI_KEY=", "--token ", "?sig=", "#", "user=", "login="),
    *("ghp_0123456789abcdef", "Bearer 0123456789abcdef", "-----BEGIN PRIVATE KEY-----", "$SECRET"),
    *("10.1.2.3", "fe80::1", "00:11:22:33:44:55", "/home/alice", "~alice/", "/home/zelda/clients"),
    *("://a:b@c", "-u a:b", "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f", "\\n", "$DIR1", "hunter22"),
)
PARTS = st.sampled_from(
    (*PLACES, *ROUND, *SECRETS, *"/.~':a _@-\né$`\"=[]%\udc80\\?&,0", "-I", "-D")
)
TEXTS = st.lists(PARTS | st.characters(), max_size=12).map("".join)


@settings(deadline=None)
@given(TEXTS)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    redactor = Redactor(
        CHECKOUT,
        ("/home/zelda", "/root"),
        "",
        "zelda",
        ("hyrule.corp.example", "hyrule"),
        places="/home/zelda/clients/acme",
        others="epona",
        secrets=Secrets(["hunter22"]),
    )
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert Redactor().text(once) == once
    shown = Secrets().text(text)
    assert Secrets().text(shown) == shown


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
