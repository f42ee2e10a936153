"""Several at a time: all of them, in their order, and no error lost."""

from __future__ import annotations

import threading

import pytest

from bpfdoctor.host.parallel import AT_ONCE, in_parallel


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, 3 * AT_ONCE])
def test_every_item_is_done_once_and_in_its_place(count: int) -> None:
    seen: list[int] = []

    def square(item: int) -> int:
        seen.append(item)
        return item * item

    made = in_parallel(square, range(count))
    assert made == [item * item for item in range(count)]
    assert sorted(seen) == list(range(count))


def test_they_wait_at_the_same_time() -> None:
    together = threading.Barrier(AT_ONCE, timeout=20)
    assert sorted(in_parallel(lambda item: together.wait(), range(AT_ONCE))) == list(range(AT_ONCE))


def test_the_error_of_the_first_that_has_one_is_raised() -> None:
    def picky(item: int) -> int:
        if item in (2, 5):
            raise ValueError(f"not {item}")
        return item

    with pytest.raises(ValueError, match="not 2"):
        in_parallel(picky, range(6))
