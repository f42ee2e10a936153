"""Which texts of build files name BPF, and which do not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.git.bpf_words import BUILD_FILES, is_source, word_in


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("Makefile", "x.o: x.c\n\tclang -target bpf -c x.c\n", "target bpf"),
        ("GNUmakefile", "F = --target=bpf\n", "target=bpf"),
        ("makefile", "F = -target  bpfel\n", "target bpfel"),
        ("Makefile", "\t$(BPFTOOL) gen   skeleton $< > $@\n", "gen skeleton"),
        ("Makefile", "LIBBPF_SRC := libbpf/src\n", "libbpf"),
        ("Makefile", "LDLIBS += -lbpf -lelf\n", "-lbpf"),
        ("Makefile", "\tgo run github.com/cilium/ebpf/cmd/bpf2go\n", "bpf2go"),
        ("CMakeLists.txt", "bpf_object(minimal minimal.bpf.c)\n", "bpf_object"),
        ("CMakeLists.txt", "BPF_OBJECT (minimal)\n", "BPF_OBJECT"),
        ("meson.build", "run_command('clang', '-target', 'bpf')\n", "target', 'bpf"),
        ("meson.build", "libbpf = dependency('libbpf')\n", "libbpf"),
        ("Cargo.toml", '[dependencies]\nlibbpf-rs = "0.26"\n', "libbpf"),
        ("Cargo.toml", '[dependencies]\naya = "0.13"\n', "aya"),
        ("Cargo.toml", "[dependencies]\naya-ebpf.workspace = true\n", "aya-ebpf"),
        ("Cargo.toml", '[dependencies.aya]\nversion = "0.13"\n', "dependencies.aya"),
        ("Cargo.toml", '[dependencies]\nx = { package = "aya" }\n', 'package = "aya"'),
        ("go.mod", "tool github.com/cilium/ebpf/cmd/bpf2go\n", "bpf2go"),
        ("go.mod", "require github.com/aquasecurity/libbpfgo v0.9.0\n", "libbpf"),
    ],
)
def test_a_build_file_that_names_bpf_is_seen_by_its_word(name: str, text: str, word: str) -> None:
    assert word_in(name, text) == word


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Makefile", "all:\n\tnpm run build\n"),
        ("Makefile", "all: # builds no libbpf\n"),
        ("Makefile", "# of old, it had \\\nlibbpf\n"),
        ("Makefile", "target: bpf\nbuild_target bpf\nTARGET bpf\n"),
        ("Makefile", "LDLIBS += -lbpfilter\nF = -target bpfx\n"),
        ("Makefile", 'aya = "0.13"\n'),
        ("CMakeLists.txt", "# bpf_object(x)\n#[[\nbpf_object(x)\n]]\n#[=[ libbpf ]] libbpf ]=]\n"),
        ("CMakeLists.txt", "my_bpf_object(x)\nset(bpf_object x)\n"),
        ("meson.build", "project('web') # libbpf\n"),
        ("Cargo.toml", '[dependencies]\nserde = "1" # aya = "0.13"\nhimalaya = "1"\nayah = "1"\n'),
        ("Cargo.toml", '[package]\nname = "maya"\n'),
        ("go.mod", "require github.com/cilium/ebpf v0.16.0\n"),
        ("go.mod", "require (\n\tgithub.com/aquasecurity/libbpfgo v0.9.0 // indirect\n)\n"),
        ("go.mod", "module example.org/web // libbpf\n"),
    ],
)
def test_one_that_does_not_or_only_in_a_comment_is_not_taken_for_one(name: str, text: str) -> None:
    assert word_in(name, text) == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Makefile", "# a comment\\\\\nlibbpf:\n"),
        ("Makefile", "# a comment\nlibbpf:\n"),
        ("CMakeLists.txt", "# a comment \\\nbpf_object(x)\n"),
        ("CMakeLists.txt", "#[[ a comment ]] bpf_object(x)\n"),
        ("go.mod", "require a.b/libbpfgo v1 // direct\n"),
    ],
)
def test_a_comment_ends_where_the_tool_ends_it(name: str, text: str) -> None:
    # make: an even number of backslashes is no continuation
    assert word_in(name, text)


@pytest.mark.parametrize("name", ["a.bpf.c", "a-b.bpf.c"])
def test_a_source_is_known_by_its_name(name: str) -> None:
    assert is_source(name)


@pytest.mark.parametrize("name", [".bpf.c", "bpf.c", "a.bpf.cc", "a.bpf.c.orig", "a.bpf.h"])
def test_what_is_only_like_a_source_is_none(name: str) -> None:
    assert not is_source(name)


@given(
    st.sampled_from(sorted(BUILD_FILES)), st.text(alphabet='#[]=\\\n/"libpf target', max_size=80)
)
def test_no_text_breaks_the_reader(name: str, text: str) -> None:
    assert "\n" not in word_in(name, text)


@given(st.text(alphabet="#[=]\na", max_size=30))
def test_comments_of_cmake_end_where_cmake_ends_them(text: str) -> None:
    comment = re.compile(r"#\[(=*)\[.*?\]\1\]|#[^\n]*", re.DOTALL)
    rest = comment.sub("", f"{text} bpf2go")
    assert bool(word_in("CMakeLists.txt", f"{text} bpf2go")) == ("bpf2go" in rest)


@pytest.mark.parametrize("name", sorted(BUILD_FILES))
@pytest.mark.parametrize("unit", ["#[=[\n", "#[[", "]=]\n", "\n", "// ", "#\\", "aya-", "package"])
def test_a_hostile_build_file_is_read_in_a_bounded_time(name: str, unit: str) -> None:
    assert word_in(name, unit * 20_000) in ("", "aya-")
