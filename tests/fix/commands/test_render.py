"""A plan in words: reason, command and undo; lines that can be pasted."""

from __future__ import annotations

from bpfdoctor.fix.commands.render import commands_of, commands_text, plan_text
from bpfdoctor.fix.plan import Plan, Step


def step(name: str) -> Step:
    return Step(id=name, kind="run", title=f"do {name}", argv=("true", name))


def test_the_plan_shows_reason_command_and_undo() -> None:
    mount = Step(
        id="m",
        kind="run",
        title="mount tracefs",
        argv=("mount", "-t", "tracefs", "tracefs", "/a b"),
        why=("runtime.tracefs",),
        privileged=True,
        undo=("umount", "/a b"),
    )
    assert mount.command() == "sudo mount -t tracefs tracefs '/a b'"
    assert mount.command(sudo=False) == "mount -t tracefs tracefs '/a b'"
    text = plan_text(Plan((mount,)))
    assert "mount -t tracefs tracefs '/a b'" in text
    assert "why:  runtime.tracefs" in text
    assert "undo: umount '/a b'" in text


def test_the_commands_can_be_pasted() -> None:
    written = Step(
        id="w",
        kind="run",
        title="write",
        argv=("bpftool", "btf"),
        cwd="/src/it",
        output="/src/it/vmlinux h",
        environment={"A": "b c"},
    )
    line = commands_text(Plan((written,)))
    assert line == "  $ cd /src/it && A='b c' bpftool btf > '/src/it/vmlinux h'\n"


def test_without_sudo_each_command_stands_under_who_runs_it() -> None:
    install = Step("p", "install", "", ("apt-get", "install"), privileged=True)
    plan = Plan((install, step("a"), step("b"), install))
    as_user = [*commands_of(plan, sudo=False, root=False)]
    assert as_user == [
        *("  As root:", "  $ apt-get install"),
        *("  As yourself:", "  $ true a", "  $ true b"),
        *("  As root:", "  $ apt-get install"),
    ]
    with_sudo = [*commands_of(plan, sudo=True, root=False)]
    assert with_sudo == [f"  $ {each}" for each in ("sudo apt-get install", "true a", "true b")] + [
        "  $ sudo apt-get install"
    ]
    assert "sudo" not in "".join(commands_of(plan, sudo=False, root=True))


def test_what_takes_a_step_back_in_words_is_shown_where_no_command_does() -> None:
    told = Step(id="a", kind="run", title="a", argv=("true",), undo_text="by the next boot")
    assert "undo: by the next boot" in plan_text(Plan((told,)))
