"""Each command, driven with names that want to drive the terminal: none of them does.

A hostile name clears the screen, turns text around, and goes on as a line of ours: a verdict, a
step of a plan, a question, a command to type.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from bpfdoctor.fix.journal.write import After, Before, Journal, now
from bpfdoctor.fix.plan import Plan, Step

SNAPSHOTS = Path(__file__).parents[1] / "hosts"
COMMAND = (sys.executable, "-m", "bpfdoctor")
LINES = (
    "Ready: forged",
    "  9. forged step",
    "$ forged command",
    "Do this? forged",
    "  ok  forged.check",
)
DRIVING = (
    "\x1b[2J\x1b]0;forged\x07\x08\x7f\r\v\f\x85\u2028\u2029\x9b1A\u202e\u2066\u200b\u061c\ufeff"
)
HOSTILE = "it" + DRIVING + "[red]x[/red][link=https://forged]\n" + "\n".join(LINES) + "\n"
OURS = re.compile(r"\x1b\[(?:[0-9;]*m|2K|1A|\?25[lh])|\r")
"""What this program itself sends to a terminal: colours, its status line, the cursor hidden."""


def faults(text: str) -> list[str]:
    """The characters that do something, and the lines that pose as ours."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    raw = {ascii(c) for c in text if unicodedata.category(c) in kinds and c != "\n"}
    posing = [
        line
        for line in text.splitlines()
        if re.match(
            r"\s*(Ready: forged|9\. forged|\$ forged|Do this\? forged|ok  forged|forged)", line
        )
    ]
    return [*sorted(raw), *posing]


def ran(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None, status: int | None = None
) -> str:
    """What a command said, on both streams."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(cwd), **(environ or {})},
        timeout=120,
    )
    assert status is None or ended.returncode == status, ended.stderr.decode()
    assert ended.returncode != 5, ended.stderr.decode()
    return (ended.stdout + b"\n" + ended.stderr).decode()


def at_a_terminal(*arguments: str, cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """What a person sees who answers no; without what this program itself draws."""
    here, there = pty.openpty()
    settings = termios.tcgetattr(there)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(there, termios.TCSANOW, settings)
    os.write(here, b"n\nn\n")
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=there,
        stdout=there,
        stderr=there,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm", "HOME": str(cwd), **(environ or {})},
        start_new_session=True,
    )
    os.close(there)
    seen = b""
    try:
        while data := os.read(here, 1 << 16):
            seen += data
    except OSError:  # the other end is closed
        pass
    os.close(here)
    assert process.wait(120) != 5, seen.decode()
    return OURS.sub("", seen.decode())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory of a hostile name; in it programs and submodules of such names."""
    place = tmp_path / HOSTILE.replace("/", ":")
    below = place / "examples" / "c"
    below.mkdir(parents=True)
    name = HOSTILE.replace("\n", "").replace("/", ":").replace(" ", "")
    makefile = f"APPS = minimal {name}\nall: $(APPS)\n$(APPS): %: %.o\n\tclang -target bpf $<\n"
    (below / "Makefile").write_text(makefile)
    for program in ("minimal", HOSTILE.replace("/", ":")[:80]):
        (below / f"{program}.bpf.c").write_text(
            '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n'
        )
    escaped = HOSTILE.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    (place / ".gitmodules").write_text(
        f'[submodule "libbpf"]\n\tpath = libbpf\n\turl = "https://x/{escaped}"\n'
        f'[submodule "{escaped[:9]}"]\n\tpath = "a{escaped}"\n\turl = ../x\n'
    )
    git = ("git", "-C", str(place), "-c", "init.defaultBranch=m")
    pinned = f"160000,{'1' * 40}"
    for words in (("init", "-q"), ("update-index", "--add", "--cacheinfo", f"{pinned},libbpf")):
        subprocess.run([*git, *words], check=True)
    odd = "a" + HOSTILE.strip("\n").replace("/", ":")
    subprocess.run([*git, "update-index", "--add", "--cacheinfo", f"{pinned},{odd}"], check=True)
    return place


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--no-smoke", "--for", "minimal"),
        ("check", "--for", "minimal:build"),
        ("programs",),
        ("fix", "--dry-run", "--no-smoke"),
        ("smoke", "minimal"),
    ],
    ids=" ".join,
)
def test_a_checkout_drives_nothing(checkout: Path, words: tuple[str, ...]) -> None:
    project = ("--project", "libbpf-bootstrap", "-C", str(checkout))
    said = ran(*words, *project, cwd=checkout.parent)
    assert "\\x1b[2J" in said
    assert faults(said) == []


@pytest.mark.parametrize("words", [("check", "--no-smoke"), ("fix", "--no-smoke")], ids=" ".join)
def test_neither_does_it_at_a_terminal(checkout: Path, words: tuple[str, ...]) -> None:
    project = ("--project", "libbpf-bootstrap", "-C", str(checkout))
    said = at_a_terminal(*words, *project, cwd=checkout.parent)
    assert "\\x1b[2J" in said
    assert faults(said) == []


@pytest.mark.parametrize(
    "words",
    [
        (HOSTILE,),
        (f"--{HOSTILE}",),
        ("check", f"--{HOSTILE}"),
        ("check", HOSTILE),
        ("check", "-C", HOSTILE),
        ("check", "--for", HOSTILE),
        ("check", "--for", f"minimal:{HOSTILE}"),
        ("check", "--only", HOSTILE),
        ("check", "--skip", HOSTILE),
        ("check", "--project", HOSTILE),
        ("check", "--object", HOSTILE, "--no-smoke"),
        ("check", "--from", HOSTILE),
        ("check", "--record", f"{HOSTILE}/x"),
        ("check", "--format", HOSTILE),
        ("check", "--format", f"json={HOSTILE}/x"),
        ("programs", "--object", HOSTILE),
        ("smoke", HOSTILE),
        ("fix", HOSTILE),
        ("fix", f"checkout.submodules[{HOSTILE}]", "--dry-run", "--no-smoke"),
        ("undo", HOSTILE),
        ("undo", "a", HOSTILE),
        ("init", f"{HOSTILE}/x", "--from", f"ext::{HOSTILE}", "--dry-run"),
        ("init", HOSTILE, "--from", f"https://x/{HOSTILE}", "--dry-run"),
        ("list", HOSTILE),
        ("explain", HOSTILE),
        ("snapshot", "-o", f"{HOSTILE}/x"),
    ],
    ids=lambda words: " ".join(words)[:24].replace("\x1b", ""),
)
def test_a_word_of_the_command_line_drives_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = ran(*words, cwd=tmp_path)
    assert "\\x1b" in said
    assert faults(said) == []


def test_an_address_to_clone_drives_nothing_at_a_terminal(tmp_path: Path) -> None:
    address = "https://x/[red]`pwned`;pwned[/red]"
    said = at_a_terminal("init", HOSTILE.replace("/", ":"), "--from", address, cwd=tmp_path)
    assert "Nothing was done." in said
    assert "[red]`pwned`" in said
    assert faults(said) == []


@pytest.mark.parametrize(
    "name", ["CC", "CLANG", "CFLAGS", "TMPDIR", "HOME", "XDG_CACHE_HOME", "MAKEFLAGS"]
)
def test_the_environment_drives_nothing(checkout: Path, name: str) -> None:
    value = HOSTILE if name not in ("TMPDIR", "HOME", "XDG_CACHE_HOME") else f"/{HOSTILE}"
    project = ("--project", "libbpf-bootstrap", "-C", str(checkout))
    said = ran("check", "--no-smoke", *project, cwd=checkout.parent, environ={name: value})
    assert faults(said) == []


def test_what_a_tool_prints_drives_nothing(tmp_path: Path, checkout: Path) -> None:
    tools = tmp_path / ("bin" + HOSTILE.replace("/", "").replace(":", ""))
    tools.mkdir()
    (tmp_path / "words").write_text(HOSTILE)
    for name in ("clang", "make", "cc", "gcc", "bpftool", "ar", "llvm-strip", "cargo"):
        tool = tools / name
        tool.write_text(
            f"#!/bin/sh\n/bin/cat {tmp_path}/words\n/bin/cat {tmp_path}/words >&2\nexit 1\n"
        )
        tool.chmod(0o755)
    project = ("--project", "libbpf-bootstrap", "-C", str(checkout))
    path = f"{tools}:{os.environ['PATH']}"
    said = ran("check", "--no-smoke", *project, cwd=tmp_path, environ={"PATH": path})
    assert "\\x1b[2J" in said
    assert faults(said) == []


def poisoned(value: object) -> object:
    """The same data, with every text that is free to be anything made hostile."""
    if isinstance(value, dict):
        fixed = ("ask", "answer", "kind", "reason", "error", "call")
        return {k: v if k in fixed else poisoned(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


@pytest.mark.parametrize("which", ["Distribution", "Kernel", "every"])
@pytest.mark.parametrize("words", [("check",), ("programs",)], ids=" ".join)
def test_a_snapshot_drives_nothing(tmp_path: Path, which: str, words: tuple[str, ...]) -> None:
    snapshot = json.loads((SNAPSHOTS / "debian-6.1-base.json").read_text())
    for each in snapshot["answers"]:
        if which in ("every", each["answer"].get("answer")):
            each["answer"] = poisoned(each["answer"])
    (tmp_path / "hostile.snapshot").write_text(json.dumps(snapshot))
    said = ran(*words, "--from", "hostile.snapshot", cwd=tmp_path)
    assert (
        "\\x1b[2J" in said or (which, words) == ("Distribution", ("programs",)) or which == "Kernel"
    )
    assert faults(said) == []


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """What a run of somebody's left that can be taken back."""
    state = tmp_path / "state" / "bpfdoctor"
    step = Step(
        id="1",
        kind="run",
        title=f"a title {HOSTILE}",
        argv=("true", HOSTILE),
        why=(f"key[{HOSTILE}]",),
        undo=("true", HOSTILE),
        undo_text=HOSTILE,
        notes=(f"note {HOSTILE}",),
    )
    kept = Journal.begin(state, Plan((step,)))
    kept.write(Before(step, step.argv, now()))
    kept.write(After("1", "done", 0, 1.0, HOSTILE))
    with kept.path.open("a") as file:
        file.write(HOSTILE)
    return tmp_path


def test_a_journal_drives_nothing(journal: Path) -> None:
    state = {"XDG_STATE_HOME": str(journal / "state")}
    said = ran("undo", "--dry-run", cwd=journal, environ=state)
    said += at_a_terminal("undo", cwd=journal, environ=state)
    assert "\\x1b[2J" in said
    assert faults(said) == []


CHECK = """
from bpfdoctor.api import ByHand, Context, Evidence, Findings, check, failed

HOSTILE = {hostile!r}

def words(context: Context) -> Findings:
    seen = [Evidence(HOSTILE, HOSTILE)]
    return failed(HOSTILE, about=HOSTILE, seen=seen, fixes=[ByHand(HOSTILE.partition(chr(10))[0])])

words.__doc__ = HOSTILE
words = check("hostile.words", title=HOSTILE, gates=True)(words)
"""


def test_a_check_of_others_drives_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    facts = site / "bpfdoctor_samples-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bpfdoctor-samples\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[bpfdoctor.checks]\nwords = sample_words\n")
    (site / "sample_words.py").write_text(CHECK.format(hostile=HOSTILE))
    installed = {"PYTHONPATH": str(site)}
    for words in (("check", "--only", "hostile.words"), ("list",), ("explain", "hostile.words")):
        said = ran(*words, cwd=tmp_path, environ=installed)
        assert "hostile" in said
        assert faults(said) == []


def test_forced_colours_are_all_that_a_terminal_is_sent(tmp_path: Path) -> None:
    said = at_a_terminal("check", "--from", str(SNAPSHOTS / "debian-6.1-base.json"), cwd=tmp_path)
    assert faults(said) == []
    assert "kernel.btf" in said
