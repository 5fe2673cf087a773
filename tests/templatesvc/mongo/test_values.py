"""Which JSON values are kept: those at each limit, and those beyond it."""

from __future__ import annotations

from typing import Any

import pytest

from templatesvc.mongo.values import (
    INT64,
    MAX_DEPTH,
    MAX_OBJECT_SIZE,
    MAX_VALUES,
    check_size,
    check_stored,
    check_value,
)

LARGEST = 1.7976931348623157e308


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [0.0, -0.0, 1.5, -1.5, LARGEST, -LARGEST, 5e-324, True, None, "", "\U0001f600"]
    + [INT64 - 1, -INT64, nested(MAX_DEPTH), {"": 1}, {"a$": 1}],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_at_a_limit_is_kept(value: Any) -> None:
    check_value(value)
    check_value({"a": [value]} if not isinstance(value, dict) else value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("inf"), "not finite"),
        (-float("inf"), "not finite"),
        (float("nan"), "not finite"),
        (INT64, "64 bits"),
        (INT64 + 1, "64 bits"),
        (-INT64 - 1, "64 bits"),
        (nested(MAX_DEPTH + 1), "32 levels"),
        ("\ud83d", "surrogate"),
        ({"\ud83d": 1}, "surrogate"),
        ({"$a": 1}, "can't be kept"),
        ({"a.b": 1}, "can't be kept"),
        ({"a\0": 1}, "can't be kept"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_value_beyond_it_is_not(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_value([value] if not isinstance(value, dict) else value)


def test_an_object_has_so_many_values_and_no_more() -> None:
    # The object and the list are values as well.
    check_size({"a": [None] * (MAX_VALUES - 2)})
    with pytest.raises(ValueError, match="100,000 values"):
        check_size({"a": [None] * (MAX_VALUES - 1)})


def test_an_object_has_so_many_bytes_and_no_more() -> None:
    around = 13  # bytes of BSON beside the text: its name, its length, and the ends
    check_size({"a": "x" * (MAX_OBJECT_SIZE - around)})
    with pytest.raises(ValueError, match="1,048,576 bytes"):
        check_size({"a": "x" * (MAX_OBJECT_SIZE - around + 1)})


def test_what_bson_does_not_have_is_told_in_a_sentence() -> None:
    for value in (object(), 2**64):
        with pytest.raises(ValueError, match="can't be kept"):
            check_size({"a": value})
    with pytest.raises(ValueError, match="can't be kept"):
        check_stored(object())
