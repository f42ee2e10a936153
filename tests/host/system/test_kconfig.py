"""A kernel configuration is read as it is written, from the first place that can be read."""

from __future__ import annotations

import gzip
from pathlib import Path

from hypothesis import given, strategies as st

from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.kconfig import Config, parsed, places, read_config

TEXT = """#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.1.140 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc (Debian 12.2.0) 12.2.0"
CONFIG_BPF=y
CONFIG_NET_CLS_BPF=m
# CONFIG_KPROBES is not set
"""


def test_options_are_read_as_written() -> None:
    found = parsed("/boot/config", TEXT)
    assert found.version == "6.1.140"
    assert found.values == {
        "CONFIG_CC_VERSION_TEXT": '"gcc (Debian 12.2.0) 12.2.0"',
        "CONFIG_BPF": "y",
        "CONFIG_NET_CLS_BPF": "m",
        "CONFIG_KPROBES": "n",
    }


def test_the_kernels_own_word_comes_first() -> None:
    assert places("6.1.0-50-amd64") == (
        "/proc/config.gz",
        "/boot/config-6.1.0-50-amd64",
        "/lib/modules/6.1.0-50-amd64/config",
        "/usr/lib/modules/6.1.0-50-amd64/config",
    )


def test_the_first_that_can_be_read_counts(tmp_path: Path) -> None:
    broken, packed, plain = (tmp_path / name for name in ("a.gz", "b.gz", "c"))
    broken.write_bytes(b"no gzip at all")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    plain.write_text("CONFIG_BPF=n\n")
    found = read_config((str(tmp_path / "absent"), str(broken), str(packed), str(plain)))
    assert isinstance(found, Config)
    assert found.path == str(packed)
    assert found.values["CONFIG_BPF"] == "y"


def test_a_truncated_gzip_is_passed_over(tmp_path: Path) -> None:
    cut, plain = tmp_path / "a.gz", tmp_path / "b"
    cut.write_bytes(gzip.compress(TEXT.encode())[:40])
    plain.write_text(TEXT)
    found = read_config((str(cut), str(plain)))
    assert isinstance(found, Config)
    assert found.path == str(plain)


def test_where_none_can_be_read_all_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    found = read_config((str(empty), str(tmp_path / "absent"), str(tmp_path)))
    assert isinstance(found, NoAnswer)
    assert found.reason == "ENOENT"
    assert "sets no option" in found.detail
    assert "absent: ENOENT" in found.detail
    assert "EISDIR" in found.detail


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert all(name.startswith("CONFIG_") for name in parsed("p", text).values)
