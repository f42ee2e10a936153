"""What SEC() names is read as libbpf reads it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bpfdoctor.host.bpf.attach import AttachKprobe, AttachRawTracepoint, AttachTracepoint
from bpfdoctor.judging.targets import Place, kprobe_place, trial_of


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("vfs_unlink", Place("vfs_unlink")),
        ("vfs_unlink+5", Place("vfs_unlink", 5)),
        ("vfs_unlink+0x1F", Place("vfs_unlink", 31)),
        (f"vfs_unlink+{'9' * 5000}", Place("vfs_unlink", (1 << 63) - 1)),
        ("vfs_unlink+9223372036854775806", Place("vfs_unlink", (1 << 63) - 2)),
        ("vfs_unlink+010", Place("vfs_unlink", 8)),
        ("vfs_unlink+08", Place("vfs_unlink", 0)),
        ("vfs_unlink+-1", Place("vfs_unlink", (1 << 64) - 1)),
        ("vfs_unlink+99999999999999999999", Place("vfs_unlink", (1 << 63) - 1)),
        ("vfs_unlink+start", Place("vfs_unlink")),
        ("vfs_unlink and more", Place("vfs_unlink")),
        ("vfs_unlink.isra.0", Place("vfs_unlink.isra.0")),
        ("+5", None),
        ("", None),
    ],
)
def test_a_kprobe_goes_where_sscanf_reads(where: str, place: Place | None) -> None:
    assert kprobe_place(where) == place


@given(st.text(max_size=40))
def test_whatever_is_written_has_a_place_or_none(where: str) -> None:
    place = kprobe_place(where)
    assert place is None or 0 <= place.offset < 1 << 64


def test_a_kprobe_is_tried_where_it_goes() -> None:
    trial = trial_of("kprobe/vfs_unlink+010 and more")
    assert trial is not None
    assert trial.question == AttachKprobe(False, ("vfs_unlink",), 8)
    assert trial_of("kprobe/+5") is None


def test_a_tracepoint_is_tried_with_what_is_read_of_it() -> None:
    plain, raw = trial_of("tp/sched/x", reads=12), trial_of("raw_tp.w/x", reads=16)
    assert plain is not None
    assert plain.question == AttachTracepoint("sched", "x", 12)
    assert "reads 12 bytes" in plain.question.source()
    assert raw is not None
    assert raw.question == AttachRawTracepoint("x", 16, writable=True)
