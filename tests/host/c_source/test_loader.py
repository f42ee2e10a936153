"""What a loader does with its BPF programs and maps, read off C that says it in many ways."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cpu_limit import within_cpu

from bpfdoctor.host.c_source.ask_loader import AskLoader
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.c_source.read_loader import read_loader
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer

OPEN = "struct it_bpf *skel = it_bpf__open_and_load();"


def within(body: str, before: str = "") -> Loader:
    """A loader whose `main` does this."""
    return read_loader([f"{before}\nint main(void)\n{{\n\t{OPEN}\n\t{body}\n}}\n"])


NOTHING = Loader(opened=("it_bpf",))


@pytest.mark.parametrize(
    "words",
    [
        "it_bpf__attach(skel);",
        "// bpf_program__set_autoload(skel->progs.a, false);",
        "/* bpf_program__set_autoload(skel->progs.a, false); **/",
        'printf("bpf_program__set_autoload(skel->progs.a, false);");',
        "\n#if 0\nbpf_program__set_autoload(skel->progs.a, false);\n#endif\n",
        "\n#if 1\n#else\nbpf_program__set_autoload(skel->progs.a, false);\n#endif\n",
        "\n#if 0\n#ifdef A\n#else\nbpf_program__attach(skel->progs.a);\n#endif\n#endif\n",
        "skel->rodata->pid = getpid(); skel->bss->on = 1;",
        'printf("%s", bpf_program__name(skel->progs.a));',
        "rb = ring_buffer__new(bpf_map__fd(skel->maps.m), on_event, skel, NULL);",
        "bpf_map__update_elem(skel->maps.m, &key, sizeof(key), &value, sizeof(value), 0);",
        "bpf_program__set_log_level(skel->progs.a, 1);",
        "if (!skel->links.a) return 1;",
        "it_bpf__destroy(skel); free(skel);",
        'puts("quote \\" inside"); // bpf_program__attach(skel->progs.a)',
    ],
)
def test_what_says_nothing_of_a_program_weakens_nothing(words: str) -> None:
    assert within(words) == NOTHING


@pytest.mark.parametrize(
    "words",
    [
        "bpf_program__set_autoload(skel->progs.a, false);",
        "bpf_program__set_autoload(skel->progs.a, env.with && !probe());",
        "bpf_program__set_autoload(\n\t\tskel\n\t\t->progs\n\t\t. a, false);",
        "bpf_program__\\\nset_autoload(skel->progs.a, false);",
        "bpf_program__set_autoload /* off */ (skel->progs.a, false);",
        "\n#ifdef OLD\nbpf_program__set_autoload(skel->progs.a, false);\n#endif\n",
        "\n#if 0\n#elif defined(OLD)\nbpf_program__set_autoload(skel->progs.a, false);\n#endif\n",
        'bpf_program__set_autoload(bpf_object__find_program_by_name(o, "a"), false);',
        'struct bpf_program *p = bpf_object__find_program_by_name(o, "a"); '
        "if (p) bpf_program__set_autoload(p, false);",
        "struct bpf_program *p; p = skel->progs.a; bpf_program__set_autoload(p, false);",
        "struct bpf_program *all[] = { skel->progs.a }; "
        "for (i = 0; i < 1; i++) bpf_program__set_autoload(all[i], false);",
        "struct { struct bpf_program *it; } t[] = {{ .it = skel->progs.a }}; "
        "bpf_program__set_autoload(t[i].it, false);",
        "env.prog = skel->progs.a; bpf_program__set_autoload(env.prog, false);",
        "(void)(bpf_program__set_autoload)(skel->progs.a, false);"
        " bpf_program__set_autoload(skel->progs.a, 0);",
    ],
)
def test_a_program_that_may_be_left_out_is_named(words: str) -> None:
    assert within(words) == Loader(optional=("a",), opened=("it_bpf",))


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (
            "static void off(struct bpf_program *p) { bpf_program__set_autoload(p, false); }",
            "off(skel->progs.a);",
        ),
        (
            "static void off(int n, struct bpf_program *p) { bpf_program__set_autoload(p, n); }\n"
            "static void both(struct bpf_program *q) { off(0, q); }",
            "both(skel->progs.a);",
        ),
        (
            "static struct bpf_program *pick(struct it_bpf *s) { return s->progs.a; }",
            "bpf_program__set_autoload(pick(skel), false);",
        ),
        (
            "#define OFF(s, name) bpf_program__set_autoload((s)->progs.name, false)",
            "OFF(skel, a);",
        ),
        (
            "#define OFF(name) \\\n\tbpf_program__set_autoload(skel->progs.name##_x, false)\n"
            "#define ALL(x) OFF(x)",
            "ALL(a); bpf_program__set_autoload(skel->progs.a, 0);",
        ),
        (
            "#define NAMED(n) bpf_object__find_program_by_name(skel->obj, #n)",
            "bpf_program__set_autoload(NAMED(a), false);",
        ),
        (
            "static void set(struct it_bpf *obj) { bpf_program__set_autoload(obj->progs.a, 0); }",
            "set(skel);",
        ),
    ],
)
def test_functions_and_macros_of_its_own_are_looked_through(before: str, words: str) -> None:
    found = within(words, before)
    assert "a" in found.optional
    assert not found.every_optional
    assert set(found.optional) <= {"a", "a_x"}


@pytest.mark.parametrize(
    "words",
    [
        "bpf_object__for_each_program(p, skel->obj) bpf_program__set_autoload(p, false);",
        "while ((p = bpf_object__next_program(o, p))) bpf_program__set_autoload(p, false);",
        "bpf_program__set_autoload(bpf_object__find_program_by_name(o, name), false);",
        "bpf_program__set_autoload(*skel->skeleton->progs[i].prog, false);",
        "bpf_program__set_autoload(((struct bpf_program **)&skel->progs)[i], false);",
        "bpf_program__set_autoload(whose(), false);",
    ],
)
def test_a_program_that_is_computed_may_be_any(words: str) -> None:
    found = within(words)
    assert found.every_optional
    assert (found.every_by_hand, found.every_retargeted, found.every_sized) == (False,) * 3


@pytest.mark.parametrize(
    "words",
    [
        "skel->links.a = bpf_program__attach_kprobe(skel->progs.a, false, name);",
        "links[i] = bpf_program__attach_perf_event(skel->progs.a, fd);",
        "int fd = bpf_program__fd(skel->progs.a); setsockopt(s, 1, 50, &fd, sizeof(fd));",
        "LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = bpf_program__fd(skel->progs.a)); "
        "bpf_tc_attach(&hook, &o);",
        "skel->links.a = other;",
        "bpf_program__set_autoattach(skel->progs.a, false);",
        "bpf_link *l = bpf_program__attach(skel->progs.a);",
    ],
)
def test_what_it_attaches_itself_is_named(words: str) -> None:
    assert within(words) == Loader(by_hand=("a",), opened=("it_bpf",))


def test_what_it_sends_elsewhere_is_named() -> None:
    found = within("bpf_program__set_attach_target(skel->progs.a, 0, name);")
    assert found == Loader(retargeted=("a",), opened=("it_bpf",))


@pytest.mark.parametrize(
    "words",
    [
        "bpf_program__set_type(skel->progs.a, BPF_PROG_TYPE_XDP);",
        "bpf_program__set_expected_attach_type(skel->progs.a, BPF_XDP);",
        "bpf_program__set_flags(skel->progs.a, BPF_F_SLEEPABLE);",
        "bpf_program__set_insns(skel->progs.a, insns, count);",
        "bpf_program__set_kprobe(skel->progs.a);",
    ],
)
def test_what_it_loads_as_something_else_is_named(words: str) -> None:
    assert within(words) == Loader(changed=("a",), opened=("it_bpf",))


@pytest.mark.parametrize(
    "words",
    [
        "bpf_map__set_max_entries(skel->maps.m, n);",
        "bpf_map__set_value_size(skel->maps.m, n * sizeof(long));",
        "bpf_map__set_type(skel->maps.m, BPF_MAP_TYPE_ARRAY);",
        "bpf_map__resize(skel->maps.m, n);",
        "bpf_map__set_autocreate(skel->maps.m, false);",
        "bpf_map__reuse_fd(skel->maps.m, fd);",
        'struct bpf_map *p = bpf_object__find_map_by_name(o, "m"); bpf_map__set_max_entries(p, 1);',
    ],
)
def test_a_map_of_another_size_is_named(words: str) -> None:
    assert within(words) == Loader(sized=("m",), opened=("it_bpf",))


def test_what_another_file_does_with_a_program_may_be_anything() -> None:
    given = within("helper(skel->progs.a, skel->maps.m);")
    assert given.optional == given.by_hand == given.retargeted == given.changed == ("a",)
    assert given.sized == ("m",)
    whole = within("prepare(skel);")
    assert whole.every_optional
    assert whole.every_by_hand
    assert whole.every_retargeted
    assert whole.every_changed
    assert within("struct bpf_object *o = skel->obj; prepare(o);").every_optional
    assert not within("struct bpf_object *o = skel->obj; bpf_object__load(o);").every_optional
    assert whole.every_sized


def test_the_other_file_says_what_it_does() -> None:
    main = f"int main(void) {{ {OPEN} helper(skel->progs.a); prepare(skel); }}"
    other = (
        "void helper(struct bpf_program *p) { bpf_program__set_autoload(p, 0); }\n"
        "void prepare(struct it_bpf *s) { bpf_program__attach(s->progs.b); }"
    )
    found = read_loader([main, other])
    assert found == Loader(optional=("a",), by_hand=("b",), opened=("it_bpf",))


def test_a_function_whose_address_is_taken_is_called_with_any_program() -> None:
    before = "static int off(struct bpf_program *p) { return bpf_program__set_autoload(p, 0); }"
    assert within("each(skel->obj, off);", before).every_optional
    assert not within("off(skel->progs.a);", before).every_optional


def test_code_whose_brackets_do_not_close_is_not_believed() -> None:
    before = "void off(struct bpf_program *p) {\n bpf_program__set_autoload(p, 0); }"
    assert not within("off(skel->progs.a);", before).every_optional
    assert within("off(skel->progs.a); if (1) {", before).every_optional


def test_skeletons_are_told_from_what_is_opened_otherwise() -> None:
    words = "a_bpf__open(); a_bpf__load(a); bpf_object__open(p); bpf_object__load(o); "
    found = within(f"{words} buffer__open(b); c__open_opts(&o);")
    assert found.opened == ("a_bpf", "c", "it_bpf")


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        ('bpf_object__open_file("mine.bpf.o", NULL);', ("mine_bpf",)),
        ('bpf_object__open("out/dir.d/one-two.o");', ("one_two",)),
        ('snprintf(p, 9, "%s/mine.bpf.o", dir); bpf_object__open_file(p, NULL);', ("mine_bpf",)),
        ("bpf_object__open_file(argv[1], NULL);", ()),
        ('puts("mine.bpf.o");', ()),
    ],
)
def test_an_object_that_is_opened_by_file_is_named(words: str, opened: tuple[str, ...]) -> None:
    assert within(words).opened == ("it_bpf", *opened)


@pytest.mark.parametrize(
    "words",
    [
        "LIBBPF_OPTS(bpf_object_open_opts, o, .btf_custom_path = argv[1]);",
        "o.btf_custom_path = env.btf;",
        "struct bpf_object_load_attr a = { .obj = obj, .target_btf_path = path };",
        "err = ensure_core_btf(&open_opts);",
        "set(&o.btf_custom_path, argv[1]);",
    ],
)
def test_a_loader_may_bring_the_kernels_types(words: str) -> None:
    assert within(words).own_btf


@pytest.mark.parametrize("words", ["// o.btf_custom_path = x;", 'puts("btf_custom_path");'])
def test_what_only_speaks_of_it_brings_no_types(words: str) -> None:
    assert not within(words).own_btf


HOSTILE = (
    "(" * 30_000,
    "int main(void) { " + "bpf_program__attach(" * 20_000,
    "#define A(x) x x x x x x x x\n" + "A(" * 12 + "y" + ")" * 12,
    "".join(f"#define M{n + 1}(x) M{n}(x##x)\n" for n in range(30)) + "M30(aaaaaaaa)",
    "#define A(x) x\n" + "A(" * 30_000,
    "int main(void) { " + "f(" * 20_000 + "a" + ")" * 20_000 + "; }",
    "int a" + " = b" * 30_000 + ";",
    "int main(void) {" + "return " * 30_000 + "}",
    "/*" * 20_000,
    "/" + "*" * 20_000,
    '"' * 30_000 + "'" * 30_000 + "\\" * 30_000,
    "#if 1\n" * 20_000 + "int a;\n" * 20_000,
    "#else\n#endif\n" * 20_000,
    "".join(f"v{n} = v{n + 1};" for n in range(20_000)) + "v20000 = s->progs.a;",
    "x->progs",
    "int main(void) { bpf_program__attach(x.progs",
)


def test_text_made_to_be_slow_is_bounded() -> None:
    code = (
        "import json, sys; from bpfdoctor.host.c_source.read_loader import read_loader\n"
        "for text in json.load(sys.stdin): print(read_loader([text]).unread or 'read')"
    )
    said = within_cpu(code, given=json.dumps(HOSTILE)).splitlines()
    assert len(said) == len(HOSTILE)
    assert said[-1] == "read"


def test_what_is_given_up_may_be_anything() -> None:
    found = read_loader(["int main(void) { f" + "(" * 100 + "s->progs.a" + ")" * 100 + "; }"])
    assert found.unread
    assert found.may_leave_out("a")
    assert found.attaches("a")
    assert found.retargets("a")
    assert found.changes("a")
    assert found.sizes("m")


def test_files_that_cannot_be_read_are_no_answer(tmp_path: Path, live: LiveHost) -> None:
    (tmp_path / "good.c").write_text("int main(void) { bpf_program__attach(s->progs.a); }")
    os.mkfifo(tmp_path / "pipe.c")
    (tmp_path / "large.c").write_text(" " * (1 << 20) + " ")
    answer = live.ask(AskLoader((str(tmp_path / "good.c"),)))
    assert isinstance(answer, Loader)
    assert answer.by_hand == ("a",)
    for name, reason in (("none.c", "ENOENT"), ("pipe.c", "refused"), ("large.c", "too-large")):
        said = live.ask(AskLoader((str(tmp_path / "good.c"), str(tmp_path / name))))
        assert isinstance(said, NoAnswer)
        assert said.reason == reason
