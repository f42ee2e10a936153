"""The hint at a name that was meant."""

from __future__ import annotations

import pytest

from bpfdoctor.errors import near_miss


@pytest.mark.parametrize(
    ("name", "hint"), [("kernel.bft", "did you mean kernel.btf?"), ("zzz", "list shows them")]
)
def test_the_nearest_name_is_offered_or_where_they_all_are(name: str, hint: str) -> None:
    assert near_miss(name, iter(("kernel.btf", "kernel.jit")), "list shows them") == hint
