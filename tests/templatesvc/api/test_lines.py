"""Lines come in batches, each with the number that it has in the body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templatesvc.api.lines import in_batches


@given(st.text("ab\n\r\x0b ").map(str.encode))
def test_lines_are_those_of_python(body: bytes) -> None:
    lines = [line for batch in in_batches(body, 3, 10) for line in batch]
    split = enumerate(body.splitlines(), start=1)
    assert lines == [(number, line) for number, line in split if line.strip()]


@pytest.mark.parametrize(
    ("limit", "size", "lengths"), [(2, 100, [2, 2, 1]), (10, 8, [2, 2, 1]), (10, 1, [1] * 5)]
)
def test_a_batch_ends_at_a_number_of_lines_and_of_bytes(
    limit: int, size: int, lengths: list[int]
) -> None:
    found = in_batches(b"abcd\n" * 5, limit, size)
    assert [len(batch) for batch in found] == lengths
