"""What a libbpf can do, by sources written as those of its releases are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.host.c_source.ask_libbpf import AskLibbpf
from bpfdoctor.host.c_source.libbpf_source import SINCE, LibbpfSource, of_release
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NoAnswer

BTF = """
static int btf_type_size(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	/* case BTF_KIND_FLOAT: */
	case BTF_KIND_INT:
		return 4;
	}
}

static int other(void)
{
	switch (1) {
	case BTF_KIND_ENUM64:
	}
}
"""
OLDEST = """
static const struct bpf_sec_def section_defs[] = {
	BPF_PROG_SEC("socket",			BPF_PROG_TYPE_SOCKET_FILTER),
	SEC_DEF("kprobe/", KPROBE,
		.attach_fn = attach_kprobe),
	BPF_EAPROG_SEC("xdp",			BPF_PROG_TYPE_XDP, BPF_XDP),
};
		if (strncmp(name, section_defs[i].sec, section_defs[i].len))
	char *f = "/sys/kernel/debug/tracing/events/%s/%s/id";
"""
BETWEEN = """
static const struct bpf_sec_def section_defs[] = {
	SEC_DEF("socket",		SOCKET_FILTER, 0, SEC_NONE | SEC_SLOPPY_PFX),
	SEC_DEF("kprobe/",		KPROBE,	0, SEC_NONE, attach_kprobe),
	SEC_DEF("tc",			SCHED_CLS, 0, SEC_NONE),
	SEC_DEF("xdp",			XDP, BPF_XDP, SEC_ATTACHABLE_OPT | SEC_SLOPPY_PFX),
};
"""
TODAY = """
#define TRACEFS "/sys/kernel/tracing"
	if (sec_name[0] == '?') {
static const struct bpf_sec_def section_defs[] = {
	SEC_DEF("socket",		SOCKET_FILTER, 0, SEC_NONE),
	SEC_DEF("kprobe+",		KPROBE,	0, SEC_NONE, attach_kprobe),
	SEC_DEF("xdp",			XDP, BPF_XDP, SEC_ATTACHABLE_OPT),
};
	{ "later", 1 },
"""


def written(place: Path, core: str, types: str = BTF, **more: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "libbpf.c").write_text(core)
    (place / "btf.c").write_text(types)
    for name, text in more.items():
        (place / name.replace("_map", ".map").replace("_h", ".h")).write_text(text)
    return place


def asked(live: LiveHost, place: Path) -> LibbpfSource:
    answer = live.ask(AskLibbpf(str(place)))
    assert isinstance(answer, LibbpfSource)
    return answer


@pytest.mark.parametrize(
    ("core", "known", "unknown"),
    [
        (OLDEST, "socket sockets kprobe/f xdp xdp_prog", "kprobe tc ?xdp"),
        (BETWEEN, "socket sockets kprobe/f tc xdp xdp_prog", "kprobe tc1 tc/ingress later ?tc"),
        (
            TODAY,
            "socket kprobe kprobe/f xdp ?xdp ?kprobe/f",
            "sockets kprobes xdp_prog ?xdp1 later",
        ),
    ],
)
def test_sections_are_known_as_that_release_compares_them(
    tmp_path: Path, live: LiveHost, core: str, known: str, unknown: str
) -> None:
    written(tmp_path / "src", core)
    found = asked(live, tmp_path)
    assert [each for each in known.split() if not found.knows(each)] == []
    assert [each for each in unknown.split() if found.knows(each)] == []


def test_the_kinds_are_those_whose_size_it_knows(tmp_path: Path, live: LiveHost) -> None:
    written(tmp_path / "src", TODAY)
    found = asked(live, tmp_path)
    assert found.btf_kinds == ("INT", "PTR")
    assert found.unread(("INT", "FLOAT", "ENUM64")) == ("FLOAT", "ENUM64")


def test_where_nothing_is_found_nothing_is_held_against_it(tmp_path: Path, live: LiveHost) -> None:
    written(tmp_path / "src", "int a;", "int b;")
    found = asked(live, tmp_path)
    assert found == LibbpfSource()
    assert found.unread(("ENUM64",)) == ()
    assert found.knows("xdp_prog")


def test_a_table_of_sections_that_is_made_elsewhere_knows_any(
    tmp_path: Path, live: LiveHost
) -> None:
    core = 'static const struct bpf_sec_def section_defs[] = {\n#include "sections.inc"\n};\n'
    assert asked(live, written(tmp_path, core)).knows("anything")


@pytest.mark.parametrize(("core", "tracefs"), [(OLDEST, False), (TODAY, True)])
def test_where_it_looks_for_tracefs_is_read(
    tmp_path: Path, live: LiveHost, core: str, tracefs: bool
) -> None:
    written(tmp_path / "src", core)
    assert asked(live, tmp_path).tracefs is tracefs


def test_its_version_is_that_of_its_header_or_else_of_its_newest_symbols(
    tmp_path: Path, live: LiveHost
) -> None:
    symbols = "LIBBPF_0.0.1 {\n} ;\nLIBBPF_0.10.0 {\n};\nLIBBPF_0.9.0 {\n} LIBBPF_0.8.0;\n"
    header = "#define LIBBPF_MAJOR_VERSION 1\n#define LIBBPF_MINOR_VERSION 12\n"
    old, new = tmp_path / "old", tmp_path / "new"
    written(old / "src", OLDEST, libbpf_map=symbols)
    written(new / "src", TODAY, libbpf_map=symbols, libbpf_version_h=header)
    assert asked(live, old).version == "0.10"
    assert asked(live, new).version == "1.12"


def test_a_directory_of_its_files_alone_is_one_too(tmp_path: Path, live: LiveHost) -> None:
    assert asked(live, written(tmp_path / "tools", TODAY)).tracefs


def test_what_cannot_be_read_is_no_answer(tmp_path: Path, live: LiveHost) -> None:
    def reason(place: str) -> str:
        answer = live.ask(AskLibbpf(place))
        assert isinstance(answer, NoAnswer)
        return answer.reason

    (tmp_path / "empty").mkdir()
    written(tmp_path / "half" / "src", TODAY)
    (tmp_path / "half" / "src" / "btf.c").unlink()
    (tmp_path / "pipe" / "src").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / "src" / "libbpf.c")
    assert reason(str(tmp_path / "empty")) == "ENOENT"
    assert reason(str(tmp_path / "half")) == "ENOENT"
    assert reason(str(tmp_path / "pipe")) == "refused"
    assert reason("") == "refused"
    assert reason("a\0b") == "refused"


@pytest.mark.parametrize(("kind", "since"), sorted(SINCE.items()))
def test_a_release_reads_a_kind_and_the_one_before_does_not(
    kind: str, since: tuple[int, int]
) -> None:
    major, minor = since
    before = f"{major}.{minor - 1}.9" if minor else f"{major - 1}.8.3"
    old, new = of_release(before), of_release(f"{major}.{minor}.0\n")
    assert old
    assert new
    assert (old.unread((kind, "INT")), new.unread((kind, "INT"))) == ((kind,), ())


def test_a_release_looks_for_tracefs_since_1_0() -> None:
    old, new = of_release("0.8.3"), of_release("1.0")
    assert old
    assert new
    assert (old.tracefs, new.tracefs) == (False, True)
    assert of_release("1.x") is None


@pytest.mark.parametrize(
    ("core", "plain"),
    [
        ('#define RODATA_SEC ".rodata"\n} else if (!strcmp(name, RODATA_SEC)) {', True),
        ('strcmp(name, RODATA_SEC) == 0 || str_has_pfx(name, RODATA_SEC ".")', False),
        ("nothing of it", False),
    ],
)
def test_whether_it_takes_sections_of_data_by_the_beginning_of_their_names(
    tmp_path: Path, live: LiveHost, core: str, plain: bool
) -> None:
    (tmp_path / "libbpf.c").write_text(core)
    (tmp_path / "btf.c").write_text(BTF)
    found = live.ask(AskLibbpf(str(tmp_path)))
    assert isinstance(found, LibbpfSource)
    assert found.plain_data is plain


def test_of_a_release_the_version_tells_it() -> None:
    assert [of_release(each).plain_data for each in ("0.5.0", "0.6.0")] == [True, False]  # type: ignore[union-attr]
