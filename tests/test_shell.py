"""A line that is pasted whole does nothing, unless it is a command, without its mark."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from pasted import Shell

from bpfdoctor.shell import MARK, barred, command_in, command_line, inert, quoted, typed

HARMLESS = [
    "",
    "Ready: minimal, bootstrap; predicted, not proven by running.",
    "libbpf-bootstrap (examples/c), /home/ann/libbpf-bootstrap",
    "Linux 6.1.0 x86_64, Debian GNU/Linux 12 (bookworm), asked as root",
    "  pass     toolchain.make  GNU make 4.3 (3.81 or newer required)",
    "  pass     runtime.disk    71,428 MB free at /tmp, and a build takes 60 MB",
    "  fail     kernel.lsm[load]  an LSM program: bpf(BPF_PROG_LOAD): EPERM",
    "     why:  toolchain.clang, libraries.libelf",
    "bpfdoctor: there is no check called 'a;b>c`d`'",
    "[1/3] install clang",
    " 12. install clang",
]
ACTING = [
    "run `make clean` first",
    "make clean",
    "  reboot    build: ready",
    "  fail  x: not this; make clean",
    "  fail  x: a > b",
    "  fail  x: a < b",
    "  fail  x: a >> b",
    "  fail  x: a | pwned",
    "  fail  x: a & pwned",
    "  fail  x: a && pwned",
    "  fail  x: a || pwned",
    "  fail  x: $(pwned)",
    "  fail  x: `pwned`",
    "  fail  x: ${x:=y}",
    "  fail  x: <(pwned)",
    '  fail  x: "$(pwned)"',
    "  fail  x: \\'; pwned '",
    "  fail  x: ';' \\\"; pwned",
    "> /tmp/x",
    "< /tmp/x",
    "| pwned",
    "& pwned",
    "# pwned",
    "* pwned",
    "~/pwned",
    "./pwned now",
    "! pwned",
    "!pwned",
    "a!pwned",
    "$ pwned > x",
    "(pwned)",
    "{ pwned; }",
    "time pwned",
    "exec pwned",
    "exit",
    "x=1 pwned",
    "Ready=1 pwned",
    "X=$(pwned)",
    "'pwned' now",
    '"pwned" now',
    "p\\wned now",
    "Ready () { pwned; }",
    "/tmp/a(e:'pwned':)",
    "  fail  x: /tmp(e:'pwned':)",
    "[ -e x ] && pwned",
    "case x in x) pwned;; esac",
    "if true; then pwned; fi",
    "for minimal to fires; do pwned; done",
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_that_no_shell_knows_stays_as_it_is(line: str) -> None:
    assert inert(line) == line


@pytest.mark.parametrize("line", ACTING)
def test_a_line_that_a_shell_would_act_on_gets_a_bar(line: str) -> None:
    assert inert(line) == barred(line)


def test_no_line_of_words_does_anything(shell: Shell) -> None:
    assert shell.paste([*HARMLESS, *map(inert, ACTING), *map(barred, HARMLESS)]) == []


def test_a_line_without_its_bar_would_be_found(shell: Shell) -> None:
    for line in (
        "make clean",
        "  fail  x: a; pwned",
        "  fail  x: a > b",
        "a `pwned`",
        "exit",
        "x=1",
    ):
        assert shell.paste([line]) != [], line
        for made in (shell.place / "empty").iterdir():
            made.unlink()


def test_neither_does_another_shell(shell: Shell) -> None:
    for line in ACTING:
        assert shell.run(inert(line), "/bin/sh") == [], line


def test_neither_does_the_history_of_a_shell(tmp_path: Path) -> None:
    pasted = "".join(
        f"{inert(line)}\n" for line in ("a!touch b", "!touch", "  fail  x: hello!!", "!!")
    )
    script = f"set -o history -o histexpand\ntouch ; touch {tmp_path}/made #\nrm {tmp_path}/made\n"
    ended = subprocess.run(
        ["/bin/bash", "--norc"], input=script + pasted, text=True, capture_output=True, check=False
    )
    assert "syntax error" in ended.stderr
    assert [*tmp_path.iterdir()] == []


COMMANDS = [
    "git -C /a submodule update",
    "bpftool btf dump file /sys/kernel/btf/vmlinux format c > vmlinux.h",
    "bpftool btf | sudo tee 'a b' > /dev/null",
    "cat < /dev/null",
    "cd /tmp && bpftool btf > made",
    "cd /tmp && bpftool btf | sudo tee made",
    "A='b c' make x",
    "make a; make b",
    "make a & make b",
    "make a || make b",
    "make $(sh x)",
    "make `sh x`",
    "cd /tmp && make `sh x`",
    "make <(sh x)",
    'make "a$(sh x)"',
    "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX lsm=bpf\"' > 90-bpf.cfg",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_with_its_mark_does_nothing(shell: Shell, command: str) -> None:
    for which in (("/bin/bash", "--norc"), ("/bin/sh",)):
        assert shell.run(typed(command, 4), *which) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_its_mark_does_what_it_says(shell: Shell, command: str) -> None:
    line = typed(command).removeprefix(MARK)
    if line.startswith("sh -c "):
        assert shlex.split(line)[2] == command
    else:
        assert line.removeprefix("true && ") == command
        assert shell.run(line) != []


@pytest.mark.parametrize(
    "word",
    [
        "a",
        "a b",
        "it's",
        "$(x)",
        "a\nb",
        "\x1b[2J",
        "\u202eab",
        "\\n\n",
        "'\n'",
        "\t",
        "\x01f",
        "é\n",
        "a" + " " * 90 + "9. b",
    ],
    ids=ascii,
)
def test_a_word_is_itself_in_a_shell_and_one_visible_line(word: str) -> None:
    line = command_line(["printf", "%s", word])
    assert line.isprintable()
    ended = subprocess.run(
        ["/bin/bash", "-c", line], env={"LC_ALL": "C.UTF-8"}, capture_output=True, check=True
    )
    assert ended.stdout.decode() == word


def test_a_byte_that_is_no_text_is_itself_in_a_shell() -> None:
    ended = subprocess.run(
        ["/bin/bash", "-c", f"printf %s {quoted(chr(0xDCFF))}"], capture_output=True, check=True
    )
    assert ended.stdout == b"\xff"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("  make x", "make x"),
        ("$ make x", "make x"),
        ("make x", ""),
        ("  # in Windows", ""),
        ("", ""),
    ],
)
def test_an_indented_line_of_instructions_is_a_command(line: str, command: str) -> None:
    assert command_in(line) == command


def test_a_command_is_one_line_whatever_is_in_it() -> None:
    assert typed("touch 'a\n  rm x'", 2) == "  $ touch 'a\\n  rm x'"
