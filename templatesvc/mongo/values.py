"""JSON values that MongoDB can keep as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bson

MAX_OBJECT_SIZE = 1024 * 1024  # bytes of BSON
# In a list of nulls a value has three bytes, but servers, pages and workers take time for each.
MAX_VALUES = 100_000
INT64 = 2**63  # one above the largest integer
MAX_DOCUMENT_SIZE = 16 * 1024 * 1024  # bytes of BSON: MongoDB stores no larger ones
MAX_DEPTH = 32  # an object that holds no other is 1 deep
SURROGATE = re.compile("[\ud800-\udfff]")


def check_value(value: Any) -> None:
    """Raise ValueError with a sentence if a JSON value can't be kept in MongoDB as it is."""
    for depth, item in _walk(value):
        if depth > MAX_DEPTH:
            raise ValueError(f"It is nested more than {MAX_DEPTH} levels deep.")
        if isinstance(item, str) and SURROGATE.search(item):
            raise ValueError("A text in it is not valid Unicode: it has half of a surrogate pair.")
        if isinstance(item, int) and not fits_int64(item):
            raise ValueError("A number in it does not fit 64 bits.")
        if isinstance(item, float) and not -float("inf") < item < float("inf"):
            raise ValueError("A number in it is not finite.")
        if isinstance(item, dict):
            _check_keys(item)


def fits_int64(number: int) -> bool:
    """Tell whether MongoDB has room for an integer."""
    # Not by ``in range(…)``, which would compare a bson.Int64, as which large integers are read,
    # with one number after the other.
    return -INT64 <= number < INT64


def check_size(value: dict[str, Any]) -> None:
    """Raise ValueError with a sentence if an object is too large to be kept."""
    if (size := _size(value)) > MAX_OBJECT_SIZE:
        raise ValueError(f"An object has at most {MAX_OBJECT_SIZE:,} bytes of BSON, not {size:,}.")
    if count_of(value) > MAX_VALUES:
        raise ValueError(f"An object has at most {MAX_VALUES:,} values in it.")


def check_stored(value: Any) -> None:
    """Raise ValueError with a sentence if no document can have this value."""
    check_value(value)
    if (size := _size({"": value})) > MAX_DOCUMENT_SIZE:
        raise ValueError(f"A value has at most {MAX_DOCUMENT_SIZE:,} bytes of BSON, not {size:,}.")


def _size(value: dict[str, Any]) -> int:
    """Return how many bytes of BSON an object has; raises ValueError if BSON can't have it."""
    try:
        return len(bson.encode(value))
    except (OverflowError, RecursionError, bson.errors.BSONError) as error:
        raise ValueError(f"It can't be kept: {error}") from error


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield a JSON value and every value in it, each with its depth.

    Values come in the order of the text. There is no recursion, and memory is needed only for the
    levels, not for the values.
    """
    levels = [iter((value,))]
    while levels:
        for item in levels[-1]:
            is_container = isinstance(item, dict | list)
            yield len(levels) - (not is_container), item
            if is_container:
                levels.append(iter(item.values() if isinstance(item, dict) else item))
                break
        else:
            levels.pop()


def _check_keys(item: dict[str, Any]) -> None:
    for key in item:
        if key.startswith("$") or "." in key or "\0" in key:
            raise ValueError(
                f"The key {key!r} can't be kept: a key may not start with $ nor hold . or NUL."
            )
        if SURROGATE.search(key):
            raise ValueError("A key in it is not valid Unicode: it has half of a surrogate pair.")


def depth_of(value: Any) -> int:
    """Return how deep objects and lists are nested; a text is 0 deep."""
    return max(depth for depth, _ in _walk(value))


def count_of(value: Any) -> int:
    """Return how many values a value has in it, itself included."""
    return sum(1 for _ in _walk(value))


def strings_in(value: Any) -> Iterator[str]:
    """Yield every text in a value, but not the keys of objects."""
    return (item for _, item in _walk(value) if isinstance(item, str))
